"""`milepost outbox compare`: a destination in shadow, beside the one that counts."""

import asyncio
from collections import Counter

import typer

from buffer import beside
from buffer.failures import StoreFailed
from buffer.outbox import State
from buffer.reader import Reader
from edge.cli.comparisons import DIFFERENT
from edge.cli.tables import in_zone, print_table
from edge.config import Configuration
from edge.exits import Exit
from edge.wording import date_and_time

WAITING = "waiting"


def compare_destinations(configuration: Configuration, shadow: str, since: int, limit: int) -> int:
    """Print where the two differ; return 0 if nowhere, 1 if somewhere."""
    settings = configuration.destinations.get(shadow)
    if settings is None or settings.shadow_of is None:
        shadows = [name for name, each in configuration.destinations.items() if each.shadow_of]
        there_are = f"; there are {', '.join(shadows)}" if shadows else ""
        typer.echo(f"{shadow!r} is no destination with `shadow_of`{there_are}", err=True)
        return Exit.CONFIGURATION
    live = settings.shadow_of

    async def read() -> tuple[Counter[tuple[str, State, State]], list[beside.Differing]]:
        async with Reader.open(configuration.store.path) as reader:
            return (
                await beside.verdicts(reader, live, shadow, since),
                await beside.differing(reader, live, shadow, since, limit),
            )

    try:
        verdicts, differing = asyncio.run(read())
    except StoreFailed as failure:
        typer.echo(str(failure), err=True)
        return Exit.STORE_REFUSED
    columns = ("same", f"only {live}", f"only {shadow}", WAITING)
    counts: Counter[tuple[str, str]] = Counter()
    for (name, at_live, at_shadow), n in verdicts.items():
        counts[name, _kind(live, shadow, at_live, at_shadow)] += n
    names = sorted({name for name, _ in counts})
    print_table(
        ("milestone", *columns),
        [(name, *(str(counts[name, column]) for column in columns)) for name in names],
    )
    if differing:
        typer.echo()
        happened = in_zone("happened", (each.occurred_at for each in differing))
        print_table(
            (happened, "milestone", "key", live, shadow, "why not"),
            [
                (
                    date_and_time(each.occurred_at),
                    each.name,
                    each.key,
                    each.one,
                    each.other,
                    each.outcome or "",
                )
                for each in differing
            ],
        )
    is_same = not any(counts[name, column] for name in names for column in columns[1:3])
    return 0 if is_same else DIFFERENT


def _kind(live: str, shadow: str, at_live: State, at_shadow: State) -> str:
    if "pending" in (at_live, at_shadow):
        return WAITING
    if (at_live == "delivered") is (at_shadow == "delivered"):
        return "same"
    return f"only {live if at_live == 'delivered' else shadow}"
