"""The journal and the milestones from the beginning on, for whoever judges them again."""

from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from buffer.journal import SignalRow
from buffer.reader import Reader
from buffer.statements import statements

SQL = statements("history")

CHUNK = 5000


class KnownMilestone(NamedTuple):
    """A milestone that is in the store."""

    id: bytes
    name: str
    key: str
    occurred_at: int
    recorded_at: int
    body: bytes


class PastMilestone(NamedTuple):
    """A milestone, and where its evidence begins."""

    seq: int
    id: bytes
    name: str
    key: str
    occurred_at: int
    recorded_at: int
    first_signal: int | None
    """Sequence in the journal; None if it rests on no signal that is known."""


async def signals(reader: Reader, after: int = 0) -> AsyncIterator[list[SignalRow]]:
    """Yield all signals that are kept behind a sequence, oldest first, some thousands at a time."""
    while rows := await reader.rows(SQL["signals_after"], (after, CHUNK)):
        found = [SignalRow(*row) for row in rows]
        yield found
        after = found[-1].seq


async def newest_milestone(reader: Reader) -> int:
    """Return the sequence of the milestone that was recorded last; 0 if there is none."""
    ((newest,),) = await reader.rows(SQL["newest_milestone"], ())
    return int(newest)


async def milestones(reader: Reader, after: int = 0) -> AsyncIterator[list[PastMilestone]]:
    """Yield all milestones behind a sequence, in the order of recording, thousands at a time."""
    while rows := await reader.rows(SQL["milestones_after"], (after, CHUNK)):
        found = [PastMilestone(*row) for row in rows]
        yield found
        after = found[-1].seq


async def known(reader: Reader, ids: Iterable[bytes]) -> dict[bytes, KnownMilestone]:
    """Return those of some milestones that are in the store, by id."""
    rows = await reader.rows(SQL["known"], (b"".join(ids),))
    return {row[0]: KnownMilestone(*row) for row in rows}
