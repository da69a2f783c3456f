"""Samples, and what they come to: the same in whatever order they come, however often."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from edge.milestones.evidence import Evidence
from edge.milestones.fields import Number
from edge.milestones.model import Value


class Sample(NamedTuple):
    """One reading, kept in a track as a list."""

    at: int
    evidence: Evidence
    value: float | None
    state: str | None

    @property
    def identity(self) -> tuple[int, str, float]:
        """What makes it the same as another, however often it is told; sorts by time."""
        return self.at, self.state or "", self.value or 0.0


class Samples(NamedTuple):
    """Readings in the order in which they happened, each once."""

    readings: Sequence[Sample]
    fields: Mapping[str, Value]
    """Fields that all of them have with the same value."""


def added(samples: Samples | None, new: Sample, fields: Mapping[str, Value]) -> Samples:
    """Return the samples with one more in its place; the same object if it adds nothing."""
    if samples is None:
        return Samples([new], fields)
    agreed = _agreed(samples.fields, fields)
    readings = samples.readings
    place = bisect_left(readings, new.identity, key=lambda each: each.identity)
    if place == len(readings) or readings[place].identity != new.identity:
        return Samples([*readings[:place], new, *readings[place:]], agreed)
    return samples if agreed is samples.fields else Samples(readings, agreed)


def joined_up(slices: Iterable[Samples]) -> Samples:
    """Return slices, given in their order, as one."""
    readings: list[Sample] = []
    fields: Mapping[str, Value] | None = None
    for each in slices:
        readings += each.readings
        fields = each.fields if fields is None else _agreed(fields, each.fields)
    return Samples(readings, fields or {})


def statistics(values: Sequence[float]) -> dict[str, Number]:
    """Return sum, least, most and mean; the sum is exact before it is rounded, once.

    The mean is within least and most: three times 0.1 are rounded to more than 0.3.
    """
    total, least, most = math.fsum(values), min(values), max(values)
    mean = min(max(total / len(values), least), most)
    told = {"sum": total, "min": least, "max": most, "mean": mean}
    return {name: plain(value) for name, value in told.items()}


def durations(told: Sequence[tuple[int, str]], start: int, end: int, holds: int) -> dict[str, int]:
    """Return for how many milliseconds of a window each state lasted, by name.

    `told` are times and states of the window in their order, the first perhaps from
    before it. A state lasts until the next is told, and not longer than `holds`.
    """
    lasted: dict[str, int] = {}
    for (at, state), (following, _) in pairwise([*told, (end, "")]):
        length = min(following, at + holds) - max(at, start)
        if length > 0:
            lasted[state] = lasted.get(state, 0) + length
    return dict(sorted(lasted.items()))


def plain(value: float) -> Number:
    """Return a whole number as an int: 3, not 3.0."""
    return int(value) if value.is_integer() else value


def _agreed(one: Mapping[str, Value], other: Mapping[str, Value]) -> Mapping[str, Value]:
    # By their text, or 1, 1.0 and true would be the same, and the first to come would win.
    same = {
        name: value
        for name, value in one.items()
        if name in other and repr(other[name]) == repr(value)
    }
    return one if len(same) == len(one) else same
