"""Choosing entries for an operator, page by page.

Each page looks at a bounded number of rows, found through an index or in order of sequence, so
that neither a large choice nor a rare one keeps the store's readers waiting.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import NamedTuple

import orjson

from buffer import tally
from buffer.lane import Lane
from buffer.outbox import State
from buffer.reader import EntryRow, Reader
from buffer.statements import statements

SQL = statements("selection")

PAGE = 1000
"""Rows that one page looks at."""

_ID_BYTES = 16
_LAST_ID = b"\xff" * (_ID_BYTES + 1)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries: those that meet all the criteria that are given."""

    numbers: tuple[int, ...] = ()
    keys: tuple[str, ...] = ()
    """Milestones that tell of one of these, as `milestone_key` has it."""
    milestone: str | None = None
    """An id, in hexadecimal digits."""
    name: str | None = None
    """The name of a milestone."""
    destination: str | None = None
    states: frozenset[State] = frozenset()
    """None given: any."""
    since: int | None = None
    """Happened at that time or later; milliseconds since the Unix epoch."""
    until: int | None = None
    """Happened before that time."""


class Page(NamedTuple):
    """Some of the entries of a selection."""

    entries: tuple[EntryRow, ...]
    after: str | None
    """Where the next page begins; None after the last."""


async def choose(reader: Reader, selection: Selection, after: str = "") -> Page:
    """Return a page of the entries chosen; the first, or the one that begins where another ended.

    In order of sequence, unless they are found by time: then by the time they happened.
    """
    numbers, after_next = await _candidates(reader, selection, after)
    rows = await reader.rows(
        SQL["chosen"],
        {
            "numbers": _json(numbers),
            "destination": selection.destination,
            "any_state": not selection.states,
            "states": _json(sorted(selection.states)),
            "milestone": bytes.fromhex(selection.milestone) if selection.milestone else None,
            "any_key": not selection.keys,
            "keys": _json(selection.keys),
            "name": selection.name,
            "since": selection.since,
            "until": selection.until,
        },
    )
    return Page(tuple(EntryRow(*row) for row in rows), after_next)


async def pages(reader: Reader, selection: Selection) -> AsyncIterator[Page]:
    """Return all pages of a selection, in order."""
    after: str | None = ""
    while after is not None:
        page = await choose(reader, selection, after)
        after = page.after
        yield page


async def overtaken(reader: Reader, numbers: tuple[int, ...]) -> frozenset[int]:
    """Return which entries have a newer one of their key delivered at their destination."""
    return frozenset(seq for (seq,) in await reader.rows(SQL["overtaken"], (_json(numbers),)))


async def _candidates(
    reader: Reader, selection: Selection, after: str
) -> tuple[list[int], str | None]:
    """Return entries that may be meant, by the criterion that leaves the fewest to look at."""
    if selection.numbers:
        rest = [number for number in sorted(set(selection.numbers)) if number > int(after or 0)]
        return rest[:PAGE], _end(rest[:PAGE])
    if selection.milestone is not None:
        found = await reader.rows(SQL["milestone_with_id"], (bytes.fromhex(selection.milestone),))
        return await _entries_of(reader, [seq for (seq,) in found]), None
    if selection.keys:
        return await _by_key(reader, selection, int(after or 0))
    few = frozenset[State]({"dead", "discarded"})
    is_bounded = selection.since is not None or selection.until is not None
    if selection.states and (selection.states <= few or not is_bounded):
        return await _by_state(reader, selection, int(after or 0))
    if is_bounded:
        return await _by_time(reader, selection, after)
    return await _by_sequence(reader, int(after or 0))


async def _by_key(reader: Reader, selection: Selection, after: int) -> tuple[list[int], str | None]:
    found = [
        [seq for (seq,) in await reader.rows(SQL["milestones_telling"], (key, after, PAGE))]
        for key in selection.keys
    ]
    milestones = list(islice(dict.fromkeys(merge(*found)), PAGE))
    return await _entries_of(reader, milestones), _end(milestones)


async def _by_state(
    reader: Reader, selection: Selection, after: int
) -> tuple[list[int], str | None]:
    if "delivered" in selection.states:
        return await _by_sequence(reader, after)
    found = [
        await reader.rows(SQL[f"{state}_behind"], (after, PAGE))
        for state in sorted(selection.states - {"pending"})
    ]
    if "pending" in selection.states:
        for destination in await _destinations(reader, selection):
            found += [
                await reader.rows(SQL["pending_behind"], (destination, lane, after, PAGE))
                for lane in Lane
            ]
    numbers = [seq for (seq,) in islice(merge(*found), PAGE)]
    return numbers, _end(numbers)


async def _destinations(reader: Reader, selection: Selection) -> list[str]:
    if selection.destination is not None:
        return [selection.destination]
    before, _, behind = tally.entries("*", "pending").partition("*")
    return [
        name.removeprefix(before).removesuffix(behind)
        for name in await reader.tallies()
        if name.startswith(before) and name.endswith(behind)
    ]


async def _by_time(
    reader: Reader, selection: Selection, after: str
) -> tuple[list[int], str | None]:
    first = bytes.fromhex(after) if after else _before(selection.since or 0)
    last = _LAST_ID if selection.until is None else _before(selection.until)
    found = await reader.rows(SQL["milestones_between"], (first, last, PAGE))
    numbers = await _entries_of(reader, [seq for _, seq in found])
    return numbers, found[-1][0].hex() if len(found) == PAGE else None


async def _by_sequence(reader: Reader, after: int) -> tuple[list[int], str | None]:
    numbers = [seq for (seq,) in await reader.rows(SQL["entries_behind"], (after, PAGE))]
    return numbers, _end(numbers)


async def _entries_of(reader: Reader, milestones: list[int]) -> list[int]:
    found = await reader.rows(SQL["entries_of_milestones"], (_json(milestones),))
    return [seq for (seq,) in found]


def _before(at: int) -> bytes:
    """Return what sorts before the ids of all that happened at a time or later."""
    return min(max(at, 0), (1 << 48) - 1).to_bytes(6)


def _end(numbers: list[int]) -> str | None:
    return str(numbers[-1]) if len(numbers) == PAGE else None


def _json(values: object) -> str:
    return orjson.dumps(values).decode()
