"""Lease → deliver → settle, for one destination.

Promise 2: an entry goes out with the same id and the same bytes every time.
Promise 3: order per key is the queue's (see `edge.deliver.queue`).
Promise 4: memory holds a window of the backlog (see `edge.deliver.backlog`).
"""

import asyncio
import random

from buffer.lane import Lane
from buffer.outbox import PendingEntry
from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import Clock, Link, Sink
from edge.deliver import queue
from edge.deliver.backlog import CHUNK, Backlog
from edge.deliver.doubt import Doubt
from edge.deliver.governor import Governor
from edge.deliver.pace import Pace
from edge.deliver.queue import KeyQueue
from edge.deliver.sender import Sender
from edge.deliver.settings import DestinationSettings
from edge.deliver.settling import Settling

POLL_SECONDS = 1.0
"""The longest time after which the store is asked for entries unprompted."""


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
        may_have_sent: bool,
    ) -> None:
        """`site` is the URI that entries name as their origin.

        `may_have_sent` says that the daemon last ended without a stop: what it
        may have sent is looked up before it is sent.
        """
        self.name = name
        self._settings = settings
        self._site = site
        self._store = store
        self._reader = reader
        self._clock = clock
        self._draw = draw
        self._may_have_sent = may_have_sent
        self._doubt: Doubt | None = None
        self._changed = asyncio.Event()
        self._stopped = asyncio.Event()
        self._is_outdated = False
        self._has_news = True
        self._critical: set[asyncio.Task[None]] = set()
        self._others: set[asyncio.Task[None]] = set()
        self._governor: Governor | None = None
        self._settling = Settling(
            name, settings, store, clock=clock, draw=draw, changed=self._changed.set
        )

    @property
    def pace(self) -> Pace:
        """How the delivery goes at the moment."""
        governor = self._governor
        return Pace(
            per_second=self._settling.meter.per_second(_now()),
            in_flight=len(self._critical) + len(self._others),
            concurrency=governor.concurrency_limit if governor else 0,
            is_open=governor is not None and governor.circuit.is_open,
        )

    async def has_looked_up(self) -> bool:
        """Whether nothing is owed any more that a run before this one may have sent.

        While something is, a stop is no reason to trust what the store tells of attempts.
        """
        if self._doubt is None:
            return not self._may_have_sent
        first = await self._reader.first_pending(self.name)
        return first is None or first > self._doubt.up_to

    def wake(self) -> None:
        """Say that there may be new entries."""
        self._has_news = True
        self._changed.set()

    def reload(self) -> None:
        """Say that an operator changed entries: what is in memory is read from the store again.

        What is under way is settled as it ends; other keys do not wait for it.
        """
        self._is_outdated = True
        self._changed.set()

    def stop(self) -> None:
        """Send nothing more; `run` returns when what is under way is settled."""
        self._stopped.set()
        self._changed.set()

    async def run(self, sink: Sink, link: Link) -> None:
        """Deliver until stopped. May be run again after it failed.

        Raises:
            StoreFailed: Settling is impossible.

        """
        try:
            await self._run(sink, link)
        except Exception:
            # What it has not settled may have arrived, as after a crash.
            self._may_have_sent, self._doubt = True, None
            raise
        finally:
            self._settling.hand_in()

    async def _run(self, sink: Sink, link: Link) -> None:
        await self._settling.begin()
        if self._doubt is None:
            newest = await self._reader.newest()
            fresh_keys = queue.MAX_RESTING + len(Lane) * (queue.WINDOW + CHUNK)
            self._doubt = Doubt(newest.entry if self._may_have_sent else 0, fresh_keys)
        governor = Governor(self._settings, sink.batch_limit, link, self._draw)
        self._governor = governor
        sender = Sender(
            self.name,
            self._site,
            sink,
            governor,
            self._settling,
            clock=self._clock,
            stopped=self._stopped,
        )
        self._queue = KeyQueue(queue.WINDOW)
        self._look_afresh()
        async with asyncio.TaskGroup() as group:
            while not self._stopped.is_set():
                self._changed.clear()
                if self._is_outdated or self._backlog.is_outdated:
                    self._queue = self._queue.afresh(_now())
                    self._look_afresh()
                news, self._has_news = self._has_news, False
                more = await self._backlog.load(news=news)
                until = self._send(governor, sender, group)
                if self._settling.failure:
                    break
                if not more:
                    await self._wait(until)
        await self._settling.finish()
        if self._settling.failure:
            raise self._settling.failure

    def _look_afresh(self) -> None:
        assert self._doubt is not None
        self._is_outdated = False
        self._has_news = True
        self._backlog = Backlog(
            self.name,
            self._reader,
            self._queue,
            chunk=CHUNK,
            holds=self._settling.holds,
            doubt=self._doubt,
        )
        self._settling.view(self._queue, self._backlog)

    def _send(self, governor: Governor, sender: Sender, group: asyncio.TaskGroup) -> float | None:
        """Send what may be sent; return when more may be sent although nothing changes."""
        now = _now()
        self._queue.wake(now)
        while not self._stopped.is_set():
            ready_at = governor.ready_at(now)
            if ready_at > now:
                return ready_at
            batch, lane = self._lease(governor)
            if not batch:
                break
            governor.sent(len(batch), now, critical=lane is self._critical)
            task = group.create_task(sender.serve(batch))
            lane.add(task)
            task.add_done_callback(lane.discard)
            task.add_done_callback(lambda _: self._changed.set())
        return self._queue.next_rest_ends

    def _lease(self, governor: Governor) -> tuple[list[PendingEntry], set[asyncio.Task[None]]]:
        """Return the next entries to send together, and among whom they count."""
        critical, others = len(self._critical), len(self._others)
        if governor.circuit.is_open:
            is_free = governor.has_slot(critical, others, for_critical=False)
            return (self._queue.probe() if is_free else []), self._others
        for is_critical, lane in ((True, self._critical), (False, self._others)):
            if governor.has_slot(critical, others, for_critical=is_critical):
                batch = self._queue.lease(governor.batch_limit, critical=is_critical)
                if batch:
                    return batch, lane
        return [], self._others

    async def _wait(self, until: float | None) -> None:
        """Wait until something changed, but not beyond `until`."""
        wait = POLL_SECONDS
        if until is not None:
            wait = min(wait, max(until - _now(), 0.0))
        # Not asyncio.wait_for: before Python 3.12 it may swallow a cancellation.
        try:
            async with asyncio.timeout(wait):
                await self._changed.wait()
        except TimeoutError:
            self._has_news = True


def _now() -> float:
    return asyncio.get_running_loop().time()
