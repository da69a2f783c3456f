"""The commands that look: they answer with the daemon up and, from the store, with it down."""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from buffer import outbox
from buffer.failures import StoreFailed, StoreRefused
from buffer.reader import EntryRow, Reader
from buffer.store import Store
from drivers.contract import system_clock
from edge.config import Configuration
from edge.control import NO_DEAD_LETTER
from edge.control.client import Control, NotRunning, Refused
from edge.control.gathering import gather
from edge.control.health import Report, Status, counted, judge
from edge.exits import Exit
from edge.times import date_and_time
from edge.trace import tell, write

T = TypeVar("T")

STYLES = {Status.HEALTHY: "green", Status.DEGRADED: "yellow", Status.FAILING: "red"}
NOT_FOUND = 1


def show_health(configuration: Configuration, *, as_json: bool) -> int:
    """Print the health report; return its exit code."""
    try:
        report = Control(configuration.control.socket).health()
    except NotRunning as silent:
        try:
            report = asyncio.run(_report(configuration))
        except StoreFailed as failure:
            typer.echo(f"failing  the daemon does not answer at {silent}; {failure}", err=True)
            return Status.FAILING.exit_code
    if as_json:
        typer.echo(report.model_dump_json(indent=2))
    else:
        _print(report)
    return report.status.exit_code


def show_story(configuration: Configuration, key: str, *, whole: bool) -> int:
    """Print the story of a key; 1 if nothing is known of it."""

    async def read() -> int:
        async with Reader.open(configuration.store.path) as reader:
            story = await tell(reader, key)
        if story is None:
            typer.echo(f"nothing is known of {key!r} in {configuration.store.path}", err=True)
            return NOT_FOUND
        write(story, Console(), whole=whole)
        return 0

    return _from_the_store(read())


def show_outbox(
    configuration: Configuration, destination: str | None, state: str, limit: int
) -> int:
    """Print entries."""

    async def read() -> tuple[list[EntryRow], set[tuple[str, str]]]:
        async with Reader.open(configuration.store.path) as reader:
            rows = await reader.entries(destination, state, limit + 1)
            names = {row.destination for row in rows if row.state == "pending"}
            return rows, {(name, key) for name in names for key in await reader.dead_keys(name)}

    rows, dead = _from_the_store(read())
    if not rows:
        is_known = destination is None or destination in configuration.destinations
        typer.echo(
            f"no {state} entries" + ("" if is_known else f"; no destination {destination!r}")
        )
        return 0
    table = Table(box=None, pad_edge=False)
    for column in ("entry", "destination", "milestone", "key", "happened", "attempts", "outcome"):
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    for row in rows[:limit]:
        outcome = row.outcome or "not sent yet"
        if (row.destination, row.key) in dead:
            outcome = f"behind a dead letter: {outcome}"
        table.add_row(
            str(row.seq),
            row.destination,
            row.name,
            row.key,
            date_and_time(row.occurred_at),
            str(row.attempts),
            outcome,
        )
    console = Console()
    if not console.is_terminal:
        console.width = 200  # a file has no edge
    console.print(table)
    if len(rows) > limit:
        typer.echo(f"more than {limit}; --limit shows more", err=True)
    if state == "dead" and console.is_terminal:
        typer.echo(
            "next: `milepost outbox retry ENTRY` once it can be accepted, or `discard ENTRY`"
        )
    return 0


def decide(configuration: Configuration, entry: int, reason: str | None) -> int:
    """Retry a dead letter, or discard it for a reason; 1 if the entry is none."""
    control = Control(configuration.control.socket)
    try:
        if reason is None:
            control.retry(entry)
        else:
            control.discard(entry, reason)
    except Refused as refused:
        typer.echo(f"entry {entry}: {refused}", err=True)
        return NOT_FOUND
    except NotRunning:
        if not _from_the_store(_decide(configuration, entry, reason)):
            typer.echo(f"entry {entry}: {NO_DEAD_LETTER}", err=True)
            return NOT_FOUND
    typer.echo(f"entry {entry}: {'will be sent again' if reason is None else 'discarded'}")
    return 0


async def _decide(configuration: Configuration, entry: int, reason: str | None) -> bool:
    """Write the decision into the store of a daemon that does not run."""
    if not configuration.store.path.exists():
        raise StoreRefused(f"{configuration.store.path}: there is no store; check [store] path")
    store = Store.open(configuration.store.path)
    try:
        if reason is None:
            return await store.write(partial(outbox.revive, entry=entry)) is not None
        work = partial(outbox.discard, entry=entry, reason=reason, at=system_clock())
        return await store.write(work) is not None
    finally:
        await store.close()


async def _report(configuration: Configuration) -> Report:
    async with Reader.open(configuration.store.path) as reader:
        facts = await gather(
            reader, list(configuration.destinations), system_clock(), running=False
        )
    return judge(facts)


def _from_the_store(read: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(read)
    except (StoreFailed, StoreRefused) as failure:
        typer.echo(f"{failure}", err=True)
        raise typer.Exit(Exit.STORE_REFUSED) from failure


def _print(report: Report) -> None:
    console = Console(highlight=False)
    style = STYLES[report.status]
    facts = report.facts
    total = sum(facts.milestones.values())
    console.print(
        f"[bold {style}]{report.status}[/]  {counted(facts.signals, 'signal')}, "
        f"{counted(total, 'milestone')}, "
        f"{sum(b.pending for b in facts.backlogs)} waiting to be delivered",
        soft_wrap=True,
    )
    for finding in report.findings:
        console.print(f"  [{STYLES[finding.status]}]●[/] {finding.about}: ", end="")
        console.print(finding.text, markup=False, soft_wrap=True)  # one line in a log, too
