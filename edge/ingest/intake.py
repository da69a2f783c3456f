"""Signal → decode → collapse → commit → acknowledge.

Promise 1: a source may acknowledge only what `Intake.commit` has returned for.
Promise 4: what waits for a commit is bounded; beyond that, sources wait.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from buffer import journal
from buffer.store import Store
from drivers.contract import Batch
from edge.ingest.judging import Judge

MAX_WAITING_SIGNALS = 20_000
"""Signals that may wait for a commit, over all sources; then sources wait."""
MAX_WAITING_BYTES = 32 * 1024 * 1024


class Ingest:
    """Takes what sources say into the store. Use from one event loop."""

    def __init__(self, store: Store, judge: Judge, on_milestones: Callable[[], None]) -> None:
        """`on_milestones` is called after a commit that added milestones."""
        self._store = store
        self._judge = judge
        self._on_milestones = on_milestones
        self._waiting_signals = 0
        self._waiting_bytes = 0
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    def intake(self, source: str) -> "SourceIntake":
        """Return where the source of that name hands in its signals."""
        return SourceIntake(self, self._store, source)

    async def take(self, source: str, batch: Batch) -> None:
        """Commit a batch of one source; waits while too much is waiting already."""
        size = sum(len(signal.payload) for signal in batch.signals)
        async with self._turn:  # first come, first served: batches keep their order
            while self._is_full():
                self._freed.clear()
                await self._freed.wait()
            self._waiting_signals += len(batch.signals)
            self._waiting_bytes += size
            work = self._store.submit(
                lambda connection: self._judge.take(connection, source, batch),
                weight=len(batch.signals) + 1,
            )
            work.add_done_callback(lambda done: self._committed(done, len(batch.signals), size))
        # What a cancelled caller handed in still waits, and still counts.
        await asyncio.shield(work)

    def _committed(self, work: "asyncio.Future[int]", signals: int, size: int) -> None:
        self._waiting_signals -= signals
        self._waiting_bytes -= size
        self._freed.set()
        if work.exception() is None and work.result():
            self._on_milestones()

    async def expire(self, horizons: Mapping[str, int]) -> None:
        """Judge the deadlines that have passed.

        `horizons` gives for each rule or lifecycle the time up to which
        everything that its sources said has been handed in.
        """
        is_done = False
        while not is_done:
            added, is_done = await self._store.write(
                lambda connection: self._judge.expire(connection, horizons)
            )
            if added:
                self._on_milestones()

    def _is_full(self) -> bool:
        return (
            self._waiting_signals >= MAX_WAITING_SIGNALS or self._waiting_bytes >= MAX_WAITING_BYTES
        )


@dataclass(frozen=True, slots=True)
class SourceIntake:
    """The intake of one source (see `drivers.contract.Intake`)."""

    ingest: Ingest
    store: Store
    source: str

    async def bookmarks(self) -> dict[str, bytes]:
        """Return this source's bookmarks as last committed."""
        return await self.store.write(lambda c: journal.bookmarks(c, self.source))

    async def commit(self, batch: Batch) -> None:
        """Commit the batch; when this returns, it survives a power cut."""
        await self.ingest.take(self.source, batch)
