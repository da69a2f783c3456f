"""What something was concluded from, as tracks keep it."""

from collections.abc import Iterable, Sequence

Evidence = Sequence[int]
"""By how many milliseconds it was told late, then its signals by journal sequence.

An observation has one signal; a milestone, all that it rests on.
"""

MAX_LAG = 60_000
"""Milliseconds by which a device may be behind; what is later still is not waited for."""


def evidence(lag: int, signals: Iterable[int]) -> Evidence:
    """Return signals as evidence that was told so late; less than 0 if a clock is ahead."""
    return [min(max(lag, 0), MAX_LAG), *signals]


def lag_of(pieces: Iterable[Evidence]) -> int:
    """Return how late the latest of pieces of evidence was told; 0 of none.

    A deadline waits so much longer: of what happened at the same time, the rest may be as late.
    """
    return max((each[0] for each in pieces), default=0)


def last_signal(piece: Evidence) -> int:
    """Return the signal that completed a piece of evidence: the one to object to."""
    return piece[-1]


def signals_of(pieces: Iterable[Evidence]) -> tuple[int, ...]:
    """Return all signals of pieces of evidence, each once, in order."""
    return tuple(sorted({signal for each in pieces for signal in each[1:]}))
