"""When and how much a destination is sent, from how it answers. Pure but for its link."""

import random
from collections import deque
from collections.abc import Collection, Sequence

from buffer.lane import Lane
from drivers.contract import Link, Retry, Unknown, Verdict
from edge.deliver.batch_size import BatchSize
from edge.deliver.circuit import Circuit
from edge.deliver.concurrency import Concurrency
from edge.deliver.rate import Rate
from edge.deliver.settings import DestinationSettings

SILENCES = 3
"""So many unknown outcomes in a row, each of other entries, count as an outage."""
CRITICAL_SECONDS = 10.0
"""So long after a critical entry others give way as soon as answers take longer."""


class Governor:
    """Joins circuit, concurrency, batch size and rate of one destination.

    Times are the event loop's, in seconds.
    """

    def __init__(
        self, settings: DestinationSettings, batch_limit: int, link: Link, draw: random.Random
    ) -> None:
        pauses = settings.retry_initial_seconds, settings.retry_ceiling_seconds
        self.circuit = Circuit(*pauses, draw)
        self.concurrency = Concurrency(settings.max_in_flight, *pauses, draw)
        self._size = BatchSize(batch_limit)
        self._rate = Rate(settings.max_requests_per_second, settings.max_milestones_per_second)
        self._link = link
        self._silent = deque[frozenset[int]](maxlen=SILENCES - 1)
        """The entries of the last requests, if all that is known of those is that it is unknown."""
        lanes = set(settings.lanes().values())
        self._keeps_slots = len(lanes) > 1 and min(lanes) == Lane.CRITICAL
        self._gives_way_until = float("-inf")

    @property
    def concurrency_limit(self) -> int:
        """How many requests may be under way."""
        return 1 if self.circuit.is_open else self.concurrency.limit

    @property
    def batch_limit(self) -> int:
        """How many entries may leave together."""
        return self._rate.most(self._size.limit)

    @property
    def closed_until(self) -> float:
        """Before this time nothing is sent, because the destination is away or overloaded."""
        return max(self.circuit.opens_until, self.concurrency.paused_until)

    def ready_at(self, now: float) -> float:
        """Return when a request may be sent: now, or later."""
        return max(self.closed_until, self._rate.ready_at(now))

    def has_slot(self, critical: int, others: int, *, for_critical: bool) -> bool:
        """Whether one more request may be under way beside so many with entries of these lanes.

        A quarter of the slots is kept for critical entries, so that they never
        wait for an answer to others. It is kept also while the limit falls:
        what is under way beyond it must not shut them out.
        """
        limit = self.concurrency_limit
        kept = -(-limit // 4) if self._keeps_slots and limit > 1 else 0
        if for_critical:
            return critical + others < limit or critical < kept
        return critical + others < limit and others < limit - kept

    def sent(self, milestones: int, now: float, *, critical: bool = False) -> None:
        """Count a request with so many milestones; none if it only asks."""
        self._rate.sent(milestones, now)
        if critical and self._keeps_slots:
            if now >= self._gives_way_until:
                # How long answers take with few under way is not known, or no longer.
                self.concurrency.begin_again(now)
            self._gives_way_until = now + CRITICAL_SECONDS

    def too_large(self, size: int, now: float) -> None:
        """Learn that so many entries were refused for their size, perhaps by the driver itself.

        Only that: it says nothing of the destination's state, nor of how long it takes.
        """
        self._size.too_large(size, now)

    def found(self, sent_at: float, now: float) -> None:
        """Learn that a look-up was answered."""
        self._silent.clear()
        self._answers(sent_at, now)

    def answered(
        self, entries: Collection[int], verdicts: Sequence[Verdict], sent_at: float, now: float
    ) -> bool:
        """Learn from one request, by its entries' sequences, whether the destination works.

        Returns whether those that were not taken wait until it does; if not,
        each waits for a time of its own.
        """
        refusals = [v for v in verdicts if isinstance(v, (Retry, Unknown))]
        outage = next((v for v in refusals if v.outage), None)
        is_silent = all(isinstance(verdict, Unknown) for verdict in verdicts)
        if not is_silent:
            self._silent.clear()
        elif outage is None:
            if any(not known.isdisjoint(entries) for known in self._silent):
                return False  # the same again: perhaps it is the entry, and others must not wait
            if self.circuit.is_open or len(self._silent) == SILENCES - 1:
                outage = refusals[0]
            self._silent.append(frozenset(entries))
        if outage is not None:
            self._link.down(outage.reason)
            self.circuit.failed(sent_at, now, _after(outage))
        elif not is_silent:
            # A Retry, too, is an answer: the destination works, it only does not take this one yet.
            overload = next((v for v in refusals if isinstance(v, Retry) and v.overloaded), None)
            if overload is None:
                self._size.worked(len(verdicts), now)
                self._works(len(verdicts), sent_at, now)
            else:
                self._answers(sent_at, now)
                self.concurrency.overloaded(sent_at, now, overload.after)
        return self.circuit.is_open

    def _works(self, size: int, sent_at: float, now: float) -> None:
        was_open = self.circuit.is_open
        self._answers(sent_at, now)
        if not was_open:
            gives_way = now < self._gives_way_until
            self.concurrency.worked(size, sent_at, now, gives_way=gives_way)

    def _answers(self, sent_at: float, now: float) -> None:
        was_open = self.circuit.is_open
        self.circuit.worked(sent_at)
        if not self.circuit.is_open:
            self._link.up()
            if was_open:
                self.concurrency.begin_again(now)


def _after(verdict: Retry | Unknown) -> float | None:
    return verdict.after if isinstance(verdict, Retry) else None
