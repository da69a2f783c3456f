"""`milepost backtest`: what other rules would have concluded."""

import asyncio
import time

import typer

from buffer.failures import StoreFailed
from buffer.reader import Reader
from edge.cli.tables import in_zone, print_table
from edge.config import Configuration
from edge.exits import Exit
from edge.milestones.model import Name
from edge.rules.backtest import Backtest, Comparison, Kind
from edge.wording import counted, date_and_time

KINDS: tuple[Kind, ...] = ("same", "only old", "only new", "changed")
DIFFERENT = 1


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
    _print(found)
    return 0 if found.is_same else DIFFERENT


def _print(found: Comparison) -> None:
    names = [name for name in Name if any(name == counted for counted, _ in found.counts)]
    if names:
        rows = [(name, *(str(found.counts[name, kind]) for kind in KINDS)) for name in names]
        print_table(("milestone", *KINDS), rows)
    if found.quarantined:
        typer.echo(f"{counted(found.quarantined, 'signal')} cannot be judged by the new rules")
    if found.unexplained:
        typer.echo(
            f"{counted(found.unexplained, 'milestone')} not compared: "
            "the journal no longer has all that led to them"
        )
    if found.differences:
        typer.echo()
        print_table(
            (
                "which",
                in_zone("happened", (each.occurred_at for each in found.differences)),
                "milestone",
                "key",
            ),
            [
                (each.kind, date_and_time(each.occurred_at), each.name, each.key)
                for each in found.differences
            ],
        )
    left = sum(n for (_, kind), n in found.counts.items() if kind != "same") - len(
        found.differences
    )
    if left:
        typer.echo(f"and {left} more; --limit shows more")
