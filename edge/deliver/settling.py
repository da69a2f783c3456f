"""Recording how attempts ended, and letting the keys go on once that is on disk."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, TypeGuard

import structlog

from buffer import outbox
from buffer.outbox import Attempt, PendingEntry, State, VerdictName
from buffer.store import Store
from drivers.contract import Accepted, Clock, Rejected, Retry, Unknown, Verdict
from edge.deliver.backlog import Backlog
from edge.deliver.backoff import delay
from edge.deliver.pace import Meter
from edge.deliver.queue import KeyQueue
from edge.deliver.settings import DestinationSettings

log = structlog.get_logger(__name__)

WEIGHT = 2
"""Rows written for each entry: its attempt and itself."""
TOGETHER = 500
"""Entries from which on no more are settled in the same piece of work."""

_VERDICTS: dict[type[Verdict], VerdictName] = {
    Accepted: "accepted",
    Rejected: "rejected",
    Retry: "retry",
    Unknown: "unknown",
}
_STATES: dict[type[Verdict], State] = {
    Accepted: "delivered",
    Rejected: "dead",
    Retry: "pending",
    Unknown: "pending",
}


class _Part(NamedTuple):
    ends: list[tuple[Attempt, State]]
    then: Callable[[], None]


class Settling:
    """Settles what was sent, one piece of work after the other.

    While one is under way, whatever ends gathers for the next: in a drain there
    are hundreds, and intake shares its transactions with them.

    A key stays busy until its entry's end is on disk: after a crash in between
    the entry is sent again, and nothing behind it may have overtaken it.
    """

    def __init__(
        self,
        destination: str,
        settings: DestinationSettings,
        store: Store,
        *,
        clock: Clock,
        draw: random.Random,
        changed: Callable[[], None],
    ) -> None:
        """Call `changed` when keys may go on, or when the store has failed."""
        self._destination = destination
        self._settings = settings
        self._store = store
        self._clock = clock
        self._draw = draw
        self._changed = changed
        self._gathered = deque[_Part]()
        self._under_way: set[asyncio.Future[None]] = set()
        self.holds = settings.holds_after_rejection
        """Whether a dead letter holds back its key."""
        self.meter = Meter()
        self.failure: BaseException | None = None
        """Why something could not be settled."""

    def view(self, queue: KeyQueue, backlog: Backlog) -> None:
        """Say where keys go on, from now on."""
        self._queue = queue
        self._backlog = backlog

    async def begin(self) -> None:
        """Forget the failure of an earlier run, and wait until what it gave up is on disk.

        Raises:
            StoreFailed: Nothing can be settled any more.

        """
        self.failure = None
        await self._store.write(lambda _: None)

    async def finish(self) -> None:
        """Wait until everything is on disk, or has failed."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    def hand_in(self) -> None:
        """Let nothing wait here any more, as nobody will: the store commits it before it closes."""
        while self._gathered:
            self._settle_gathered()

    def settle(
        self,
        rows: Sequence[PendingEntry],
        verdicts: Sequence[Verdict],
        started_at: int,
        *,
        outage: bool,
    ) -> None:
        """Settle entries, each with its verdict.

        In an outage, or an overload, what is to be sent again waits for the
        destination; otherwise for a time of its own.
        """
        now = asyncio.get_running_loop().time()
        rests = dict[int, float]()
        if not outage:
            for row, verdict in zip(rows, verdicts, strict=True):
                if _waits(verdict):
                    rests[row.seq] = now + self._pause(row, verdict)
        ends = self._ends(rows, verdicts, started_at)
        self._submit(ends, lambda: self._go_on(rows, verdicts, rests))

    def note(self, rows: Sequence[PendingEntry], verdict: Verdict, started_at: int) -> None:
        """Record an attempt after which the entries stay with whoever sent them."""
        self._submit(self._ends(rows, [verdict] * len(rows), started_at), lambda: None)

    def give_back(self, rows: Sequence[PendingEntry]) -> None:
        """Have entries sent later that were not sent after all.

        Their keys stay busy until what was noted of them is on disk: the store
        is what tells the number of the next attempt.
        """
        self._submit([], lambda: self._again(rows))

    def _submit(self, ends: list[tuple[Attempt, State]], then: Callable[[], None]) -> None:
        self._gathered.append(_Part(ends, then))
        if not self._under_way:
            self._settle_gathered()

    def _settle_gathered(self) -> None:
        parts = list[_Part]()
        ends = list[tuple[Attempt, State]]()
        while self._gathered and len(ends) < TOGETHER:
            parts.append(self._gathered.popleft())
            ends += parts[-1].ends
        work = partial(outbox.settle, destination=self._destination, ends=ends)
        done = self._store.submit(work, WEIGHT * len(ends))
        self._under_way.add(done)
        done.add_done_callback(partial(self._committed, parts))

    def _committed(self, parts: list[_Part], done: "asyncio.Future[None]") -> None:
        self._under_way.discard(done)
        failure = done.exception()
        if failure:
            self.failure = failure
        else:
            for part in parts:
                part.then()
        if self._gathered and not self._under_way:
            self._settle_gathered()
        self._changed()

    def _ends(
        self, rows: Sequence[PendingEntry], verdicts: Sequence[Verdict], started_at: int
    ) -> list[tuple[Attempt, State]]:
        ended_at = self._clock()
        return [
            (
                Attempt(
                    row.seq,
                    row.attempts + 1,
                    started_at,
                    ended_at,
                    _VERDICTS[type(verdict)],
                    verdict.receipt if isinstance(verdict, Accepted) else verdict.reason,
                ),
                _STATES[type(verdict)],
            )
            for row, verdict in zip(rows, verdicts, strict=True)
        ]

    def _go_on(
        self, rows: Sequence[PendingEntry], verdicts: Sequence[Verdict], rests: dict[int, float]
    ) -> None:
        queue, backlog = self._queue, self._backlog
        unsettled = 0
        for row, verdict in zip(rows, verdicts, strict=True):
            if isinstance(verdict, Accepted):
                backlog.settled(row.seq)
                queue.settled(row.key)
            elif isinstance(verdict, Rejected):
                backlog.settled(row.seq)
                self._reject(row, verdict)
            else:
                unsettled += 1
                tried = tried_once(row, verdict)
                if row.seq in rests:
                    queue.rest(tried, rests[row.seq])
                else:
                    queue.again(tried)
        self.meter.count(len(rows) - unsettled, asyncio.get_running_loop().time())

    def _again(self, rows: Sequence[PendingEntry]) -> None:
        for row in rows:
            self._queue.again(row)

    def _reject(self, row: PendingEntry, verdict: Rejected) -> None:
        if self.holds:
            self._backlog.held(row.key)
            if not self._queue.hold(row.key):
                self._backlog.is_outdated = True
        else:
            self._queue.settled(row.key)
        log.warning(
            "entry_rejected",
            destination=self._destination,
            key=row.key,
            milestone=row.id.hex(),
            reason=verdict.reason,
        )

    def _pause(self, row: PendingEntry, verdict: Retry | Unknown) -> float:
        s = self._settings
        wait = delay(row.attempts + 1, s.retry_initial_seconds, s.retry_ceiling_seconds, self._draw)
        after = verdict.after if isinstance(verdict, Retry) else None
        return wait if after is None else max(wait, after)


def _waits(verdict: Verdict) -> TypeGuard[Retry | Unknown]:
    return isinstance(verdict, Unknown) or (isinstance(verdict, Retry) and not verdict.overloaded)


def tried_once(row: PendingEntry, verdict: Retry | Unknown) -> PendingEntry:
    """Return an entry as it is after an attempt that did not settle it."""
    unsure = row.unsure or isinstance(verdict, Unknown)
    return row._replace(attempts=row.attempts + 1, unsure=unsure)
