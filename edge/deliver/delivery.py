"""Lease → deliver → settle, for one destination.

Promise 2: an entry goes out with the same id and the same bytes every time.
Promise 3: order per key is the queue's (see `edge.deliver.queue`).
Promise 4: memory holds a window of the backlog, whatever its length.
"""

import asyncio
import random
import sqlite3
from contextlib import suppress
from functools import partial

import structlog

from buffer import outbox
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
        self._queue = KeyQueue(held=())
        self._fetch: set[str] = set()
        self._cursor = 0
        self._silences = 0
        self._stopping = False
        self._circuit = self._new_circuit()

    def wake(self) -> None:
        """Say that there may be new entries."""
        self._changed.set()

    def release(self, key: str) -> None:
        """Say that an operator decided on the dead letter that held the key back."""
        self._queue.release(key)
        self._fetch.add(key)
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
        await self._store.write(lambda c: outbox.unpark_all(c, self.name))
        self._queue = KeyQueue(held=await self._reader.dead_keys(self.name))
        self._fetch.clear()
        self._cursor = 0
        self._circuit = self._new_circuit()
        under_way: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            while not self._stopping:
                self._changed.clear()
                await self._load()
                self._send(sink, link, group, under_way)
                await self._wait()

    def _new_circuit(self) -> Circuit:
        s = self._settings
        return Circuit(
            s.max_in_flight, s.retry_initial_seconds, s.retry_ceiling_seconds, self._draw
        )

    async def _load(self) -> None:
        """Fill the window from the store."""
        for key in list(self._fetch):
            self._fetch.discard(key)
            rows = await self._reader.parked(self.name, key, CHUNK + 1)
            entries = rows[:CHUNK]
            await self._store.write(partial(outbox.unpark, entries=[row.seq for row in entries]))
            self._queue.unpark(key, entries, more=len(rows) > CHUNK)
        while self._queue.has_room:
            rows = await self._reader.pending(self.name, self._cursor, CHUNK)
            if not rows:
                return
            self._cursor = rows[-1].seq
            parked = [row.seq for row in rows if not self._queue.offer(row)]
            if parked:
                await self._store.write(partial(outbox.park, entries=parked))

    def _send(
        self, sink: Sink, link: Link, group: asyncio.TaskGroup, under_way: set[asyncio.Task[None]]
    ) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._circuit.opens_until:
            return
        while len(under_way) < self._circuit.limit and (entry := self._queue.lease(now)):
            task = group.create_task(self._deliver(sink, link, entry))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            task.add_done_callback(lambda _: self._changed.set())

    async def _wait(self) -> None:
        """Wait until something changed, or a key or the destination may be tried again."""
        now = asyncio.get_running_loop().time()
        wait = POLL_SECONDS
        if now < self._circuit.opens_until:
            wait = min(wait, self._circuit.opens_until - now)
        elif (ends := self._queue.next_rest_ends) is not None:
            wait = min(wait, max(ends - now, 0.0))
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), wait)

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
        verdict: Verdict | None = await sink.look_up(entry) if row.unsure else None
        if verdict is None:
            verdict = await sink.deliver(entry)
        self._judge(link, verdict, sent_at)
        await self._settle(row, verdict, started_at)

    def _judge(self, link: Link, verdict: Verdict, sent_at: float) -> None:
        """Learn from a verdict whether the destination as a whole works."""
        now = asyncio.get_running_loop().time()
        if isinstance(verdict, Unknown):
            self._silences += 1
        else:
            self._silences = 0
        if isinstance(verdict, (Retry, Unknown)):
            after = verdict.after if isinstance(verdict, Retry) else None
            if verdict.outage or self._silences >= SILENCES:
                link.down(verdict.reason)
                self._circuit.failed(sent_at, now, after)
        else:
            link.up()
            self._circuit.worked()

    async def _settle(self, row: PendingEntry, verdict: Verdict, started_at: int) -> None:
        attempt = Attempt(
            entry=row.seq,
            number=row.attempts + 1,
            started_at=started_at,
            ended_at=self._clock(),
            verdict=_VERDICTS[type(verdict)],
            detail=verdict.receipt if isinstance(verdict, Accepted) else verdict.reason,
        )
        match verdict:
            case Accepted():
                await self._store.write(lambda c: outbox.settle(c, self.name, attempt, "delivered"))
                self._next(row.key)
            case Rejected():
                holds = self._settings.after_rejection == "hold"
                behind = self._queue.hold(row.key) if holds else []
                await self._store.write(lambda c: self._put_off(c, attempt, "dead", behind))
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
                behind = self._rest(tried, verdict)
                await self._store.write(lambda c: self._put_off(c, attempt, "pending", behind))

    def _put_off(
        self,
        connection: sqlite3.Connection,
        attempt: Attempt,
        state: outbox.State,
        behind: list[int],
    ) -> None:
        outbox.settle(connection, self.name, attempt, state)
        outbox.park(connection, behind)

    def _next(self, key: str) -> None:
        if self._queue.settled(key):
            self._fetch.add(key)

    def _rest(self, row: PendingEntry, verdict: Retry | Unknown) -> list[int]:
        """Decide when an entry is sent again; return the entries to be parked behind it."""
        if self._circuit.is_open:
            self._queue.again(row)  # the circuit decides when
            return []
        s = self._settings
        wait = delay(row.attempts, s.retry_initial_seconds, s.retry_ceiling_seconds, self._draw)
        if isinstance(verdict, Retry) and verdict.after is not None:
            wait = max(wait, verdict.after)
        return self._queue.rest(row, asyncio.get_running_loop().time() + wait)
