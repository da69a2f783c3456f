"""`milepost backtest`: what other rules would have concluded."""

import asyncio
import time

import typer

from buffer.failures import StoreFailed
from buffer.reader import Reader
from edge.cli.comparisons import DIFFERENT, print_counts, print_differences
from edge.config import Configuration
from edge.exits import Exit
from edge.rules.backtest import Backtest
from edge.rules.comparing import Comparison
from edge.wording import counted, date_and_time


def run_backtest(
    installed: Configuration, new: Configuration, *, since: int | None, limit: int
) -> int:
    """Compare and print; return 0 if both conclude the same, 1 if not."""

    async def compare() -> Comparison:
        async with Reader.open(installed.store.path) as reader:
            return await Backtest(reader, new, since=since or 0, most=limit).run()

    began = time.monotonic()
    try:
        found = asyncio.run(compare())
    except StoreFailed as failure:
        typer.echo(f"{failure}", err=True)
        return Exit.STORE_REFUSED
    if found.began_at is None or found.ended_at is None:
        typer.echo(f"{installed.store.path}: the journal is empty")
        return 0
    typer.echo(
        f"{counted(found.signals, 'signal')}, from {date_and_time(found.began_at)} to "
        f"{date_and_time(found.ended_at)}, judged in {time.monotonic() - began:.1f} s"
    )
    print_counts(found)
    print_differences(found)
    return 0 if found.is_same else DIFFERENT
