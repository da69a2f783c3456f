"""What was told of a level, by event time, and its spells: the times during which it held a value.

Samples are sorted by when they happened. Values that were told for the same
millisecond stand as they were told where a level is told in order; elsewhere
the value comes last, so that the order of arrival does not count.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from edge.milestones.evidence import Evidence
from edge.milestones.fields import rank

_MOST_SETTLED = 16
"""Changes that late samples are still judged by. Earlier ones are forgotten."""


class Sample(NamedTuple):
    """That a level was told to be at the value or not, kept in the track as a list."""

    at: int
    reached: bool
    evidence: Evidence
    fields: dict[str, Any] | None
    """What a milestone would tell; None if the value is not reached, or if nobody's is told."""
    told_at: int | None = None
    """The time of the milestone that says that the value was held since this moment."""


class Spell(NamedTuple):
    """Samples that follow each other and all say that the value is reached."""

    start: int
    """Position of the first of them."""
    stop: int
    """Position of the sample that ends it; of none yet, if it is the number of samples."""


def spells(samples: Sequence[Sample]) -> Iterator[Spell]:
    """Yield the spells, earliest first."""
    start: int | None = None
    for position, sample in enumerate(samples):
        if sample.reached and start is None:
            start = position
        elif not sample.reached and start is not None:
            yield Spell(start, position)
            start = None
    if start is not None:
        yield Spell(start, len(samples))


def before(samples: Sequence[Sample], at: int | None) -> Sequence[Sample]:
    """Return the samples that happened up to then; before any time, none."""
    return [] if at is None else samples[: bisect_right(samples, at, key=_time)]


def with_sample(
    samples: Sequence[Sample], new: Sample, *, in_order: bool, is_settled: bool
) -> list[Sample] | None:
    """Return the samples with another one, or None if it tells nothing new.

    Where a level is told `in_order`, or what happened until then `is_settled`,
    the value that it is at already is nothing new, so that repeats need not be
    kept. Elsewhere it may be: what happened in between may not have been told
    yet. Of two values at the same time, the one that is told last counts where
    a level is told `in_order`; elsewhere, the one that is reached.
    """
    first = bisect_left(samples, new.at, key=_time)
    last = bisect_right(samples, new.at, key=_time)
    for position in range(first, last):
        there = samples[position]
        if there.reached == new.reached:
            if _rank(there) <= _rank(new):
                return None
            return [*samples[:position], new, *samples[position + 1 :]]
    place = last if in_order or new.reached else first
    if in_order or is_settled:
        is_known = place > 0 and samples[place - 1].reached == new.reached
        if is_known and not _identifies(samples, new):
            return None
    return [*samples[:place], new, *samples[place:]]


def settled(samples: Sequence[Sample], until: int) -> tuple[list[Sample], list[Sample]]:
    """Return what is needed when nothing is on its way that happened up to then, and what is not.

    Needed are the last changes up to then, and all samples after; earlier
    changes are not.
    """
    up_to_then = before(samples, until)
    changes: list[Sample] = []
    for sample in up_to_then:
        last = changes[-1] if changes else None
        is_repeat = last is not None and last.reached == sample.reached
        identifies = last is not None and last.fields is None and sample.fields is not None
        if not is_repeat or identifies:
            changes.append(sample)
    cut = max(0, len(changes) - _MOST_SETTLED)
    return [*changes[cut:], *samples[len(up_to_then) :]], changes[:cut]


def _identifies(samples: Sequence[Sample], new: Sample) -> bool:
    """Tell whether it says what the spell that it is in has lacked: whose the milestone is."""
    if new.fields is None:
        return False
    for sample in reversed(before(samples, new.at)):
        if not sample.reached:
            break
        if sample.fields is not None:
            return False
    return True


def _time(sample: Sample) -> int:
    return sample.at


def _rank(sample: Sample) -> tuple[bool, str]:
    """Order what is told of the same moment, whichever of it is told first."""
    return sample.fields is None, rank(sample.fields or {})
