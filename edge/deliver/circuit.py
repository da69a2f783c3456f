"""Whether a destination takes anything at the moment. Pure."""

import random

from edge.deliver.backoff import delay


class Circuit:
    """Closed: it does. Open: nothing is sent, then one entry at a time as a probe.

    Times are the event loop's, in seconds.
    """

    def __init__(self, initial: float, ceiling: float, draw: random.Random) -> None:
        self._initial = initial
        self._ceiling = ceiling
        self._draw = draw
        self._failures = 0
        self._opened_at = 0.0
        self.opens_until = 0.0
        """Before this time nothing is sent."""

    @property
    def is_open(self) -> bool:
        """Whether the destination failed and has not been seen to work since."""
        return self._failures > 0

    def failed(self, sent_at: float, now: float, after: float | None) -> None:
        """Open: an entry sent at `sent_at` met an outage; the destination asked to wait `after`."""
        if after is not None:
            self.opens_until = max(self.opens_until, now + after)
        if self._failures and sent_at < self._opened_at:
            return  # sent before the outage was known: one outage, not many
        self._failures += 1
        self._opened_at = now
        wait = delay(self._failures, self._initial, self._ceiling, self._draw)
        self.opens_until = max(self.opens_until, now + wait)

    def worked(self, sent_at: float) -> None:
        """Close, unless what was answered had been sent before the outage was known.

        Such an answer tells nothing of now: it may have been on its way for long.
        """
        if sent_at < self._opened_at:
            return
        self._failures = 0
        self.opens_until = 0.0
