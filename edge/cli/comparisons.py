"""A comparison of two rule sets, on a terminal."""

import typer

from edge.cli.tables import in_zone, print_table
from edge.milestones.model import Name
from edge.rules.comparing import Comparison, Difference, Kind
from edge.wording import counted, date_and_time

KINDS: tuple[Kind, ...] = ("same", "only old", "only new", "changed")
DIFFERENT = 1
"""Exit status where they do not conclude the same."""


def print_counts(found: Comparison) -> None:
    """Print how many milestones of each name there are of each kind."""
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


def print_differences(found: Comparison) -> None:
    """Print the differences that are kept, and how many are not."""
    if found.differences:
        typer.echo()
        happened = in_zone("happened", (each.occurred_at for each in found.differences))
        print_table(
            ("which", happened, "milestone", "key"), [told(each) for each in found.differences]
        )
    left = sum(n for (_, kind), n in found.counts.items() if kind != "same") - len(
        found.differences
    )
    if left:
        typer.echo(f"and {left} more; --limit shows more")


def told(difference: Difference) -> tuple[str, str, str, str]:
    """Return a difference as a row: which, when it happened, milestone, key."""
    return (
        difference.kind,
        date_and_time(difference.occurred_at),
        difference.name,
        difference.key,
    )
