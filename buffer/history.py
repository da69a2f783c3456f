"""The journal and the milestones from the beginning on, for whoever judges them again."""

from collections.abc import AsyncIterator, Iterable
from itertools import islice
from typing import Any, NamedTuple

import orjson

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


class Resting(NamedTuple):
    """A milestone, and one of the signals that it was concluded from."""

    signal: int
    id: bytes
    name: str
    rule: str
    key: str
    retracts: bytes | None


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


async def tracks(reader: Reader, owner: str) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Yield the key and the state of each track of an owner."""
    after = ""
    while rows := await reader.rows(SQL["tracks_after"], (owner, after, CHUNK)):
        for key, state in rows:
            yield key, orjson.loads(state)
        after = rows[-1][0]


async def resting_on(reader: Reader, signals: Iterable[int]) -> list[Resting]:
    """Return the milestones that were concluded from any of the signals, once for each."""
    found: list[Resting] = []
    wanted = iter(signals)
    while some := list(islice(wanted, CHUNK)):
        rows = await reader.rows(SQL["resting_on"], (orjson.dumps(some).decode(),))
        found += [Resting(*row) for row in rows]
    return found
