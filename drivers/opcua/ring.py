"""The arithmetic of a record buffer: which records to read next, and what was found. Pure.

The PLC numbers its records 1, 2, 3 …, writes record n into slot n modulo
`slots`, and only then raises the counter to n. A record is a JSON object whose
member "n" is its own number: that is what shows beyond doubt that a slot holds
the expected record and not a later or earlier one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import orjson


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading goes on."""

    after: int
    """Number of the record before the next one to read."""
    missed: range = range(0)
    """Records that were overwritten before they could be read."""
    went_back: bool = False
    """The counter is lower than it was: the PLC has lost its memory."""


def position(bookmark: int | None, counter: int, slots: int) -> Position:
    """Return where to go on, from the last record committed and the last record written.

    Without a bookmark, or when the PLC has lost its memory, that is the oldest
    record still in the ring.
    """
    kept_after = max(0, counter - slots)
    if bookmark is None:
        return Position(kept_after)
    if counter < bookmark:
        return Position(kept_after, went_back=True)
    if bookmark < kept_after:
        return Position(kept_after, missed=range(bookmark + 1, kept_after + 1))
    return Position(bookmark)


@dataclass(slots=True)
class Found:
    """What the slots held."""

    last: int
    """The last record settled, found or missed: the next bookmark."""
    records: list[int] = field(default_factory=list)
    """Numbers of the records that are there."""
    overtaken: list[range] = field(default_factory=list)
    """Records that were overwritten before they were read."""
    skipped: int | None = None
    """A record that was given up: the counter says it was written, its slot does not."""
    is_waiting: bool = False
    """The slot after `last` has not been written yet, though the counter says so."""


def judge(
    expected: range,
    contents: Sequence[bytes | None],
    counter: int,
    slots: int,
    give_up: int | None = None,
) -> Found:
    """Compare what the slots hold with the records expected there.

    `contents` may be shorter than `expected`; None is an empty slot. `counter`
    is read after the slots: what does not tell its own number counts as intact
    only if the PLC cannot have come round to its slot in the meantime.
    `give_up` is a record that has been waited for long enough.
    """
    found = Found(last=expected.start - 1)
    for number, content in zip(expected, contents, strict=False):
        own = None if content is None else own_number(content)
        if content is None or (own is not None and own < number):
            if number != give_up:
                found.is_waiting = True
                break
            found.skipped = number
        elif own == number or (own is None and number > counter + 1 - slots):
            found.records.append(number)
        else:
            found.overtaken.append(range(number, number + 1))
        found.last = number
    return found


def joined(ranges: Iterable[range]) -> list[range]:
    """Return the ranges that are not empty, those that follow upon each other made one."""
    whole: list[range] = []
    for part in filter(len, ranges):
        if whole and whole[-1].stop == part.start:
            whole[-1] = range(whole[-1].start, part.stop)
        else:
            whole.append(part)
    return whole


def own_number(content: bytes) -> int | None:
    """Return the number that a record gives itself, or None if it gives none."""
    try:
        record = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    number = record.get("n") if isinstance(record, dict) else None
    return number if type(number) is int else None
