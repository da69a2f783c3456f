"""How many requests a destination is sent at once, by how it takes them. Pure."""

import random
from typing import NamedTuple

from edge.deliver.backoff import delay

START = 2
"""The first limit, also after an outage: one for critical entries, one for the others.

Slow answers are no reason to go below it: critical entries would wait for those of others.
"""
PERIOD_SECONDS = 0.5
"""The limit grows by one in this time: a drain begins slowly, but 8 are reached within 4 s."""
BEST_SECONDS = 60.0
"""In about this time a best latency that is not reached again is forgotten."""
JITTER_SECONDS = 0.1
"""Answers that take longer only by this much are not slow for a destination by itself."""
SMOOTHING = 0.2
"""The share of the newest latency in the smoothed one."""
STEADY_SMOOTHING = 0.02
"""The same where no jitter is allowed for: noise must not look like slowness."""


class _Latency:
    """How long answers take, against the least that they took."""

    def __init__(self, smoothing: float, jitter: float) -> None:
        self._smoothing = smoothing
        self._jitter = jitter
        self._answers = 0
        self._smoothed = self._best = self._at = 0.0

    def is_slow(self, seconds: float, now: float) -> bool:
        """Take one more; tell whether they take more than twice as long as they did."""
        self._answers += 1
        self._smoothed += max(self._smoothing, 1 / self._answers) * (seconds - self._smoothed)
        if self._answers * self._smoothing <= 1:  # the mean of so few says little
            self._best, self._at = self._smoothed, now
            return False
        self._best = min(self._smoothed, self._best * (1 + (now - self._at) / BEST_SECONDS))
        self._at = now
        if self._smoothed <= 2 * self._best + self._jitter:
            return False
        self._smoothed = self._best
        return True


class _Latencies(NamedTuple):
    quick: _Latency
    steady: _Latency


class Concurrency:
    """A limit that grows by one in a period, and falls by half when the destination is sent less.

    It is, when it says so, or when answers take more than twice as long as they
    did. Times are the event loop's, in seconds.
    """

    def __init__(self, most: int, initial: float, ceiling: float, draw: random.Random) -> None:
        """Bound by `initial` and `ceiling` the pause of a destination that names none."""
        self._most = most
        self._initial = initial
        self._ceiling = ceiling
        self._draw = draw
        self._overloads = 0
        self._latencies: dict[int, _Latencies] = {}
        self._changed_at = self._slowed_at = float("-inf")
        self.limit = min(START, most)
        self.paused_until = 0.0
        """Before this time nothing is sent."""

    def begin_again(self, now: float) -> None:
        """Start small, as after an outage."""
        self.limit = min(START, self._most)
        self._changed_at = now
        self._latencies.clear()

    def worked(self, size: int, sent_at: float, now: float, *, gives_way: bool = False) -> None:
        """Learn that so many entries, sent together, were answered.

        If these give way to others, the limit falls as soon as answers take twice as long,
        however short that is.
        """
        if sent_at >= self._slowed_at:
            self._overloads = 0
        # A larger batch takes longer by nature, so it is compared with those of about its size.
        latencies = self._latencies.setdefault(
            size.bit_length(),
            _Latencies(_Latency(SMOOTHING, JITTER_SECONDS), _Latency(STEADY_SMOOTHING, 0.0)),
        )
        is_slow = latencies.quick.is_slow(now - sent_at, now)
        is_rising = latencies.steady.is_slow(now - sent_at, now)
        if is_slow or (is_rising and gives_way):
            self._slow_down(sent_at, now, least=START)
        elif self.limit < self._most and now - self._changed_at >= PERIOD_SECONDS:
            self.limit += 1
            self._changed_at = now

    def overloaded(self, sent_at: float, now: float, after: float | None) -> None:
        """Send less: what was sent at `sent_at` was too much; `after` is the wait asked for."""
        wait = after or 0.0
        if sent_at >= self._slowed_at:  # else one of several that were sent too much together
            self._overloads += 1
            wait = max(wait, delay(self._overloads, self._initial, self._ceiling, self._draw))
        self.paused_until = max(self.paused_until, now + wait)
        self._slow_down(sent_at, now, least=1)

    def _slow_down(self, sent_at: float, now: float, *, least: int) -> None:
        if sent_at >= self._slowed_at:
            self.limit = max(min(least, self.limit), self.limit // 2)
            self._slowed_at = self._changed_at = now
