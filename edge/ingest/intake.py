"""Signal → decode → collapse → commit → acknowledge.

Promise 1: a source may acknowledge only what `Intake.commit` has returned for.
Promise 4: what waits for a commit is bounded; beyond that, sources wait.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from buffer import journal
from buffer.lane import Lane
from buffer.store import Store
from drivers.contract import Batch
from edge.ingest.judging import Judge

MAX_WAITING_SIGNALS = 20_000
"""Signals of one lane that may wait for a commit, over all its sources; then sources wait."""
MAX_WAITING_BYTES = 32 * 1024 * 1024


@dataclass(slots=True)
class _Queue:
    """What the sources of one lane have handed in and the store has not committed."""

    signals: int = 0
    size: int = 0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    freed: asyncio.Event = field(default_factory=asyncio.Event)

    def is_full(self) -> bool:
        return self.signals >= MAX_WAITING_SIGNALS or self.size >= MAX_WAITING_BYTES


class Ingest:
    """Takes what sources say into the store. Use from one event loop."""

    def __init__(self, store: Store, judge: Judge, on_milestones: Callable[[], None]) -> None:
        """`on_milestones` is called after a commit that added milestones."""
        self._store = store
        self._judge = judge
        self._on_milestones = on_milestones
        self._queues = {lane: _Queue() for lane in Lane}
        self._last: dict[str, asyncio.Future[int]] = {}

    def intake(self, source: str, lane: Lane = Lane.NORMAL) -> "SourceIntake":
        """Return where the source of that name hands in its signals, one run after the other."""
        return SourceIntake(self, self._store, source, lane)

    async def take(self, source: str, lane: Lane, batch: Batch) -> None:
        """Commit a batch of one source; waits while too much of its lane is waiting already."""
        signals = len(batch.signals)
        size = sum(len(signal.payload) for signal in batch.signals)
        queue = self._queues[lane]
        async with queue.turn:  # first come, first served: batches keep their order
            while queue.is_full():
                queue.freed.clear()
                await queue.freed.wait()
            queue.signals += signals
            queue.size += size
            work = self._store.submit(
                lambda connection: self._judge.take(connection, source, batch),
                weight=signals + 1,
                size=size,
                intake=lane,
            )
            self._last[source] = work
            work.add_done_callback(lambda done: self._committed(done, queue, signals, size))
        # What a cancelled caller handed in still waits, and still counts.
        await asyncio.shield(work)

    async def quiet(self, source: str) -> None:
        """Wait until nothing that a source handed in waits any more: it moves the bookmarks."""
        if source in self._last:
            await asyncio.wait([self._last[source]])

    def _committed(
        self, work: "asyncio.Future[int]", queue: _Queue, signals: int, size: int
    ) -> None:
        queue.signals -= signals
        queue.size -= size
        queue.freed.set()
        if work.exception() is None and work.result():
            self._on_milestones()

    async def expire(self, heard: Mapping[str, int]) -> None:
        """Judge the deadlines that have passed.

        `heard` gives for each of the engine's owners the time up to which
        everything that its sources said has been committed.
        """
        is_done = False
        while not is_done:
            added, is_done = await self._store.write(
                lambda connection: self._judge.expire(connection, heard), intake=Lane.CRITICAL
            )
            if added:
                self._on_milestones()


@dataclass(frozen=True, slots=True)
class SourceIntake:
    """The intake of one source (see `drivers.contract.Intake`)."""

    ingest: Ingest
    store: Store
    source: str
    lane: Lane

    async def bookmarks(self) -> dict[str, bytes]:
        """Return this source's bookmarks as last committed."""
        await self.ingest.quiet(self.source)
        return await self.store.write(lambda c: journal.bookmarks(c, self.source))

    async def commit(self, batch: Batch) -> None:
        """Commit the batch; when this returns, it survives a power cut."""
        await self.ingest.take(self.source, self.lane, batch)
