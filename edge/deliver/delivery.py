"""Lease → deliver → settle, for one destination.

Promise 2: an entry goes out with the same id and the same bytes every time.
Promise 3: order per key is the queue's (see `edge.deliver.queue`).
Promise 4: memory holds a window of the backlog, whatever its length.
"""

import asyncio
import random
from contextlib import suppress

import structlog

from buffer import outbox
from buffer.lane import Lane
from buffer.outbox import Attempt, PendingEntry
from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import (
    Accepted,
    Clock,
    Entry,
    Link,
    Rejected,
    Retry,
    Sink,
    Unknown,
    Verdict,
)
from edge.deliver.backoff import delay
from edge.deliver.circuit import Circuit
from edge.deliver.queue import KeyQueue
from edge.deliver.settings import DestinationSettings

log = structlog.get_logger(__name__)

CHUNK = 500
"""Entries read from the store at once."""
POLL_SECONDS = 1.0
"""The longest time after which the store is asked for entries unprompted."""
SILENCES = 3
"""So many unknown outcomes in a row count as an outage."""

_VERDICTS: dict[type[Verdict], outbox.VerdictName] = {
    Accepted: "accepted",
    Rejected: "rejected",
    Retry: "retry",
    Unknown: "unknown",
}


class Delivery:
    """Delivers what one destination is owed. Use from one event loop."""

    def __init__(
        self,
        *,
        name: str,
        settings: DestinationSettings,
        site: str,
        store: Store,
        reader: Reader,
        clock: Clock,
        draw: random.Random,
    ) -> None:
        """`site` is the URI that entries name as their origin."""
        self.name = name
        self._settings = settings
        self._site = site
        self._store = store
        self._reader = reader
        self._clock = clock
        self._draw = draw
        self._changed = asyncio.Event()
        self._holds = settings.after_rejection == "hold"
        self._queue = KeyQueue(held=())
        self._released: set[str] = set()
        self._fetch: set[str] = set()
        self._cursor = 0
        self._ahead: set[int] = set()
        self._silences = 0
        self._stopping = False
        self._circuit = self._new_circuit()

    def wake(self) -> None:
        """Say that there may be new entries."""
        self._changed.set()

    def release(self, key: str) -> None:
        """Say that an operator decided on a dead letter of the key."""
        self._released.add(key)
        self._changed.set()

    def stop(self) -> None:
        """Send nothing more; `run` returns when what is under way is settled."""
        self._stopping = True
        self._changed.set()

    async def run(self, sink: Sink, link: Link) -> None:
        """Deliver until stopped. May be run again after it failed.

        Raises:
            StoreFailed: Settling is impossible.

        """
        # Nothing is under way now, so the queue can be built afresh from the store.
        self._released.clear()
        self._fetch.clear()
        self._ahead.clear()
        self._cursor = 0
        self._silences = 0
        self._queue = KeyQueue(held=await self._dead_keys())
        self._circuit = self._new_circuit()
        under_way: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            while not self._stopping:
                self._changed.clear()
                await self._load()
                await self._wait(self._send(sink, link, group, under_way))

    def _new_circuit(self) -> Circuit:
        s = self._settings
        return Circuit(
            s.max_in_flight, s.retry_initial_seconds, s.retry_ceiling_seconds, self._draw
        )

    async def _load(self) -> None:
        """Fill the window from the store."""
        if self._released:
            released, self._released = self._released, set()
            for key in released - await self._dead_keys():
                if self._queue.release(key):
                    self._fetch.add(key)
        while self._fetch and self._queue.has_room:
            await self._take_back(self._fetch.pop())
        while self._queue.has_room:
            rows = await self._reader.pending(self.name, Lane.NORMAL, self._cursor, CHUNK)
            if not rows:
                return
            self._cursor = rows[-1].seq
            new = [row for row in rows if row.seq not in self._ahead]
            self._ahead = {seq for seq in self._ahead if seq > self._cursor}
            for row in new:
                self._queue.offer(row)

    async def _take_back(self, key: str) -> None:
        rows = await self._reader.pending_of_key(self.name, key, 0, CHUNK + 1)
        entries = rows[:CHUNK]
        # Some may lie where the cursor still comes by.
        self._ahead.update(row.seq for row in entries if row.seq > self._cursor)
        self._queue.unpark(key, entries, more=len(rows) > CHUNK)

    async def _dead_keys(self) -> set[str]:
        """Return the keys that are held back; with several dead letters, until the last."""
        return await self._reader.dead_keys(self.name) if self._holds else set()

    def _send(
        self, sink: Sink, link: Link, group: asyncio.TaskGroup, under_way: set[asyncio.Task[None]]
    ) -> float | None:
        """Send what may be sent; return when more may be sent although nothing changes."""
        now = asyncio.get_running_loop().time()
        if now < self._circuit.opens_until:
            return self._circuit.opens_until
        while len(under_way) < self._circuit.limit:
            entry = self._queue.lease(now)
            if entry is None:
                return self._queue.next_rest_ends
            task = group.create_task(self._deliver(sink, link, entry))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            task.add_done_callback(lambda _: self._changed.set())
        return None  # until one of those under way has ended

    async def _wait(self, until: float | None) -> None:
        """Wait until something changed, but not beyond `until`."""
        wait = POLL_SECONDS
        if until is not None:
            wait = min(wait, max(until - asyncio.get_running_loop().time(), 0.0))
        # Not asyncio.wait_for: before Python 3.12 it may swallow a cancellation.
        with suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._changed.wait()

    async def _deliver(self, sink: Sink, link: Link, row: PendingEntry) -> None:
        """Send an entry once, and settle it."""
        sent_at = asyncio.get_running_loop().time()
        started_at = self._clock()
        entry = Entry(
            id=row.id.hex(),
            key=row.key,
            name=row.name,
            occurred_at=row.occurred_at,
            site=self._site,
            body=row.body,
            attempt=row.attempts + 1,
        )
        try:
            verdict = await self._attempt(sink, entry, unsure=row.unsure)
        except asyncio.CancelledError:
            self._give_up(row, started_at)
            raise
        self._judge(link, verdict, sent_at)
        await self._settle(row, verdict, started_at)

    async def _attempt(self, sink: Sink, entry: Entry, *, unsure: bool) -> Verdict:
        """Send an entry, unless it turns out that it has arrived earlier."""
        try:
            found = await sink.look_up(entry) if unsure else None
            if found is not None:
                return found
            (verdict,) = await sink.deliver([entry])  # type: ignore[misc]
            return verdict
        except Exception as error:
            # A fault of the driver holds back the entry that meets it, not the queue.
            log.exception("driver_failed", destination=self.name, milestone=entry.id)
            return Unknown(f"the driver failed: {error!r}; see the log")

    def _judge(self, link: Link, verdict: Verdict, sent_at: float) -> None:
        """Learn from a verdict whether the destination as a whole works."""
        if isinstance(verdict, Unknown):
            self._silences += 1
            is_outage = verdict.outage or self._silences >= SILENCES or self._circuit.is_open
        else:
            self._silences = 0
            is_outage = isinstance(verdict, Retry) and verdict.outage
        if is_outage and isinstance(verdict, (Retry, Unknown)):
            after = verdict.after if isinstance(verdict, Retry) else None
            link.down(verdict.reason)
            self._circuit.failed(sent_at, asyncio.get_running_loop().time(), after)
        elif not isinstance(verdict, Unknown):
            # A Retry, too, is an answer: the destination works, it only does not take this one yet.
            link.up()
            self._circuit.worked()

    def _give_up(self, row: PendingEntry, started_at: int) -> None:
        """Record that nobody waits for the answer to what may have been sent: it is looked up."""
        attempt = self._ended(row, Unknown("stopped before the answer came"), started_at)
        work = self._store.submit(lambda c: outbox.settle(c, self.name, [(attempt, "pending")]))
        work.add_done_callback(lambda done: done.exception())  # a failed store ends the daemon

    def _ended(self, row: PendingEntry, verdict: Verdict, started_at: int) -> Attempt:
        return Attempt(
            entry=row.seq,
            number=row.attempts + 1,
            started_at=started_at,
            ended_at=self._clock(),
            verdict=_VERDICTS[type(verdict)],
            detail=verdict.receipt if isinstance(verdict, Accepted) else verdict.reason,
        )

    async def _settle(self, row: PendingEntry, verdict: Verdict, started_at: int) -> None:
        attempt = self._ended(row, verdict, started_at)
        match verdict:
            case Accepted():
                await self._store.write(
                    lambda c: outbox.settle(c, self.name, [(attempt, "delivered")])
                )
                self._next(row.key)
            case Rejected():
                holds = self._settings.after_rejection == "hold"
                if holds:
                    self._queue.hold(row.key)
                await self._store.write(lambda c: outbox.settle(c, self.name, [(attempt, "dead")]))
                log.warning(
                    "entry_rejected",
                    destination=self.name,
                    key=row.key,
                    milestone=row.id.hex(),
                    reason=verdict.reason,
                )
                if not holds:
                    self._next(row.key)
            case Retry() | Unknown():
                tried = row._replace(
                    attempts=attempt.number, unsure=row.unsure or isinstance(verdict, Unknown)
                )
                self._rest(tried, verdict)
                await self._store.write(
                    lambda c: outbox.settle(c, self.name, [(attempt, "pending")])
                )

    def _next(self, key: str) -> None:
        if self._queue.settled(key):
            self._fetch.add(key)

    def _rest(self, row: PendingEntry, verdict: Retry | Unknown) -> None:
        """Decide when an entry is sent again."""
        if self._circuit.is_open:
            self._queue.again(row)  # the circuit decides when
            return
        s = self._settings
        wait = delay(row.attempts, s.retry_initial_seconds, s.retry_ceiling_seconds, self._draw)
        if isinstance(verdict, Retry) and verdict.after is not None:
            wait = max(wait, verdict.after)
        self._queue.rest(row, asyncio.get_running_loop().time() + wait)
