"""`milepost shadow`: other rules beside those in force."""

import asyncio
import signal

import typer

from buffer.failures import StoreFailed
from buffer.reader import Reader
from edge.cli.comparisons import DIFFERENT, print_counts, told
from edge.config import Configuration
from edge.exits import Exit
from edge.rules.shadow import Shadow
from edge.wording import counted, date_and_time

LOOK_SECONDS = 1.0
KEPT_DIFFERENCES = 1000
"""Between two looks; the others are only counted."""


def run_shadow(installed: Configuration, new: Configuration) -> int:
    """Compare until SIGTERM or SIGINT, and print; return 0 if both concluded the same, else 1."""
    try:
        return asyncio.run(_follow(installed, new))
    except StoreFailed as failure:
        typer.echo(str(failure), err=True)
        return Exit.STORE_REFUSED


async def _follow(installed: Configuration, new: Configuration) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with Reader.open(installed.store.path) as reader:
        shadow = Shadow(reader, new, most=KEPT_DIFFERENCES)
        await shadow.begin()
        typer.echo("both rule sets judge what comes from here on; Ctrl-C ends it")
        while not stop.is_set():
            await shadow.look()
            for each in shadow.found.differences:
                typer.echo("  ".join(told(each)))
            shadow.found.differences.clear()
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await stop.wait()
            except TimeoutError:
                continue
    found = shadow.found
    until = f" until {date_and_time(found.ended_at)}" if found.ended_at is not None else ""
    typer.echo(f"{counted(found.signals, 'signal')}{until}")
    print_counts(found)
    if shadow.uncertain:
        typer.echo(f"{counted(shadow.uncertain, 'milestone')} not compared: too new to be certain")
    return 0 if found.is_same else DIFFERENT
