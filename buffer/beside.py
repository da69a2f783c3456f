"""What became of the same milestones at two destinations."""

from collections import Counter
from typing import NamedTuple

from buffer.outbox import State
from buffer.reader import Reader
from buffer.statements import statements

SQL = statements("beside")


class Differing(NamedTuple):
    """A milestone that only one of the two destinations has taken."""

    name: str
    key: str
    occurred_at: int
    one: State
    other: State
    outcome: str | None
    """Why the one that has not taken it did not."""


async def verdicts(
    reader: Reader, one: str, other: str, since: int
) -> Counter[tuple[str, State, State]]:
    """Return how many milestones owed to both stand how, by name, state at one, state at other.

    Only what happened at `since` (ms) or later. Reads all entries of a destination.
    """
    rows = await reader.rows(SQL["verdicts_beside"], (one, other, since))
    return Counter({(name, at_one, at_other): n for name, at_one, at_other, n in rows})


async def differing(
    reader: Reader, one: str, other: str, since: int, limit: int
) -> list[Differing]:
    """Return the newest that only one of them has taken, and the other never will."""
    rows = await reader.rows(SQL["differing_beside"], (one, other, since, limit))
    return [Differing(*row) for row in rows]
