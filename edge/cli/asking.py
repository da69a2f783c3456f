"""The commands that look: they answer with the daemon up and, from the store, with it down."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import typer
from rich.console import Console

from buffer.failures import StoreFailed
from buffer.reader import Reader
from buffer.setting_aside import set_aside_directories
from drivers.contract import system_clock
from edge.config import Configuration
from edge.control.client import Control, NotAllowed, NotRunning, Silent
from edge.control.gathering import gather
from edge.control.health import Report, Status, judge
from edge.exits import Exit
from edge.trace import record, tell, write
from edge.wording import counted, in_words

T = TypeVar("T")

STYLES = {Status.HEALTHY: "green", Status.DEGRADED: "yellow", Status.FAILING: "red"}
NOT_FOUND = 1


def show_health(configuration: Configuration, *, as_json: bool) -> int:
    """Print the health report; return its exit code."""
    try:
        report = Control(configuration.control.socket).health()
    except NotAllowed as refused:
        typer.echo(f"failing  {refused}", err=True)
        return Status.FAILING.exit_code
    except NotRunning as away:
        silence = away.how if isinstance(away, Silent) else None
        try:
            report = asyncio.run(_report(configuration, silence))
        except StoreFailed as failure:
            typer.echo(f"failing  {away}; {failure}", err=True)
            return Status.FAILING.exit_code
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        _print(report)
    return report.status.exit_code


def show_story(configuration: Configuration, key: str, *, whole: bool, as_json: bool) -> int:
    """Print the story of a key, as JSON always whole; 1 if nothing is known of it."""
    kinds = sorted({rule.about for rule in configuration.rules.values()})

    async def read() -> int:
        async with Reader.open(configuration.store.path) as reader:
            story = await tell(reader, key, kinds)
        if story is None:
            typer.echo(
                f"nothing is known of {key!r} in {configuration.store.path}; "
                "see `milepost quarantine list`, and whether an observation fits what names it",
                err=True,
            )
            return NOT_FOUND
        if as_json:
            typer.echo(record(story))
        else:
            write(story, Console(), whole=whole)
        return 0

    return _from_the_store(read())


async def _report(configuration: Configuration, silence: str | None) -> Report:
    async with Reader.open(configuration.store.path) as reader:
        facts = await gather(
            reader,
            dict.fromkeys(configuration.destinations),
            system_clock(),
            set_aside=set_aside_directories(configuration.store.path),
            silence=silence,
            shadows={name: each.shadow_of for name, each in configuration.destinations.items()},
        )
    return judge(facts)


def _from_the_store(read: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(read)
    except StoreFailed as failure:
        typer.echo(f"{failure}", err=True)
        raise typer.Exit(Exit.STORE_REFUSED) from failure


def _print(report: Report) -> None:
    console = Console(highlight=False)
    style = STYLES[report.status]
    facts = report.facts
    total = sum(facts.milestones.values())
    up = ""
    if facts.running and facts.started_at is not None:
        up = f", up for {in_words(facts.now - facts.started_at)}"
    console.print(
        f"[bold {style}]{report.status}[/]  {counted(facts.signals, 'signal')}, "
        f"{counted(total, 'milestone')}, "
        f"{sum(b.pending for b in facts.backlogs)} waiting to be delivered{up}",
        soft_wrap=True,
    )
    for finding in report.findings:
        console.print(f"  [{STYLES[finding.status]}]●[/] {finding.about}: ", end="")
        console.print(finding.text, markup=False, soft_wrap=True)  # one line in a log, too
