"""How many requests a destination is sent at once, by how it takes them. Pure."""

import random
from dataclasses import dataclass

from edge.deliver.backoff import delay

START = 2
"""The first limit, also after an outage: one for critical entries, one for the others.

Slow answers are no reason to go below it: critical entries would wait for those of others.
"""
PERIOD_SECONDS = 0.5
"""The limit grows by one in this time: a drain begins slowly, but 8 are reached within 4 s."""
BEST_SECONDS = 60.0
"""In about this time a best latency that is not reached again is forgotten."""
SMOOTHING = 0.2
"""The share of the newest latency in the smoothed one."""


@dataclass(slots=True)
class _Latency:
    smoothed: float
    best: float
    at: float

    def is_slow(self, seconds: float, now: float, jitter: float) -> bool:
        self.smoothed += SMOOTHING * (seconds - self.smoothed)
        self.best = min(self.smoothed, self.best * (1 + (now - self.at) / BEST_SECONDS))
        self.at = now
        return self.smoothed > 2 * self.best + jitter


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
        self._latencies: dict[int, _Latency] = {}
        self._changed_at = self._slowed_at = float("-inf")
        self.limit = min(START, most)
        self.paused_until = 0.0
        """Before this time nothing is sent."""

    def begin_again(self, now: float) -> None:
        """Start small, as after an outage."""
        self.limit = min(START, self._most)
        self._changed_at = now
        self._latencies.clear()

    def worked(self, size: int, sent_at: float, now: float, jitter: float) -> None:
        """Learn that so many entries, sent together, were answered.

        An answer that takes longer only by `jitter` seconds is not slow.
        """
        if sent_at >= self._slowed_at:
            self._overloads = 0
        # A larger batch takes longer by nature, so it is compared with those of about its size.
        latency = self._latencies.setdefault(
            size.bit_length(), _Latency(now - sent_at, now - sent_at, now)
        )
        if latency.is_slow(now - sent_at, now, jitter):
            latency.smoothed = latency.best
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
