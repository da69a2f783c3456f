"""A real store with one destination, and a destination that answers as it is told."""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from buffer import audit, decisions
from buffer.decisions import Decided
from buffer.lane import Lane
from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import (
    Accepted,
    Divide,
    Entry,
    Link,
    Retry,
    Unknown,
    Verdict,
    system_clock,
)
from edge.deliver.delivery import Delivery
from edge.deliver.settings import DestinationSettings
from tests.unit.buffer.rows import milestone, owe

Answer = Callable[[Entry], Verdict | Awaitable[Verdict]]


def accept(entry: Entry) -> Verdict:
    return Accepted(f"booked {entry.id}")


async def tell_what_is_there(_: Entry) -> Retry | Unknown | None:
    return None


def number(entry: Entry) -> int:
    """Return the number that the test gave the entry's milestone."""
    return int(entry.id, 16)


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until something has come about; fails after 30 s."""
    async with asyncio.timeout(30):
        while True:
            result = condition()
            if result if isinstance(result, bool) else await result:
                return
            await asyncio.sleep(0.002)


class ScriptedSink:
    """A destination in memory; `answer` decides on each entry, what is accepted is booked."""

    def __init__(self, answer: Answer = accept, batch_limit: int = 1) -> None:
        self.answer = answer
        self.batch_limit = batch_limit
        self.refuse: Callable[[Sequence[Entry]], Divide | None] = lambda _: None
        """Decides first on each batch of several."""
        self.requests: list[list[int]] = []
        """The numbers of what was sent together."""
        self.sent: list[Entry] = []
        self.looked_up: list[Entry] = []
        self.booked: list[Entry] = []
        self.hidden: dict[str, str] = {}
        """What a look-up finds: receipts by id."""
        self.tell: Callable[[Entry], Awaitable[Retry | Unknown | None]] = tell_what_is_there
        """What a look-up of anything else is answered."""
        self.under_way: set[str] = set()
        self.requests_under_way = 0
        self.most_under_way = 0
        self.overtaken: list[str] = []
        """Keys of which two entries were under way at once."""

    @property
    def numbers(self) -> list[int]:
        """The numbers of what was sent, in order."""
        return [number(entry) for entry in self.sent]

    async def deliver(self, entries: Sequence[Entry]) -> Sequence[Verdict] | Divide:
        assert 1 <= len(entries) <= self.batch_limit
        self.requests.append([number(entry) for entry in entries])
        for entry in entries:
            if entry.key in self.under_way:
                self.overtaken.append(entry.key)
            self.sent.append(entry)
            self.under_way.add(entry.key)
        self.requests_under_way += 1
        self.most_under_way = max(self.most_under_way, self.requests_under_way)
        try:
            refusal = self.refuse(entries) if len(entries) > 1 else None
            return refusal or [await self._decide(entry) for entry in entries]
        finally:
            self.requests_under_way -= 1
            self.under_way -= {entry.key for entry in entries}

    async def _decide(self, entry: Entry) -> Verdict:
        result = self.answer(entry)
        verdict = await result if isinstance(result, Awaitable) else result
        if isinstance(verdict, Accepted):
            self.booked.append(entry)
        return verdict

    async def look_up(self, entry: Entry) -> Accepted | Retry | Unknown | None:
        self.looked_up.append(entry)
        receipt = self.hidden.get(entry.id)
        return await self.tell(entry) if receipt is None else Accepted(receipt)

    async def close(self) -> None:
        pass


class Gateway:
    """A store, and the delivery to the destination "erp" that it owes milestones."""

    def __init__(self, store: Store, reader: Reader) -> None:
        self.store = store
        self.reader = reader
        self.link = Link("erp", system_clock)
        self.owed = 0
        self.draw = random.Random(7)

    async def owe(self, *keys: str, lane: Lane = Lane.NORMAL) -> None:
        """Owe a milestone to each key in turn, in one commit; they are numbered from 1."""
        first = self.owed + 1
        self.owed += len(keys)

        def append(connection: Any) -> None:
            for each, key in enumerate(keys, first):
                owe(connection, each, key, lane=lane)

        await self.store.write(append)

    def body(self, entry: Entry) -> bytes:
        """Return the bytes with which the entry was owed."""
        return milestone(number(entry), entry.key).body

    def delivery(self, *, may_have_sent: bool = False, **settings: Any) -> Delivery:
        quick = {"retry_initial_seconds": 0.002, "retry_ceiling_seconds": 0.01}
        return Delivery(
            name="erp",
            settings=DestinationSettings.model_validate({"driver": "x", **quick, **settings}),
            site="https://dc.example",
            store=self.store,
            reader=self.reader,
            clock=system_clock,
            draw=self.draw,
            may_have_sent=may_have_sent,
        )

    @asynccontextmanager
    async def delivering(self, sink: ScriptedSink, **settings: Any) -> AsyncIterator[Delivery]:
        """Run a new delivery; at the end let it settle what is under way."""
        delivery = self.delivery(**settings)
        running = asyncio.create_task(delivery.run(sink, self.link))
        try:
            yield delivery
        finally:
            delivery.stop()
            await running

    @asynccontextmanager
    async def killed_after(self, sink: ScriptedSink, **settings: Any) -> AsyncIterator[Delivery]:
        """Run a new delivery; at the end what is under way is cut off."""
        delivery = self.delivery(**settings)
        running = asyncio.create_task(delivery.run(sink, self.link))
        try:
            yield delivery
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def counts(self) -> Counter[str]:
        """Return how many entries are in which state."""
        tallies = await self.reader.tallies()
        prefix = "entries/erp/"
        return +Counter({k.removeprefix(prefix): n for k, n in tallies.items() if prefix in k})

    async def until_counted(self, **counts: int) -> None:
        """Wait until that many entries are in each state, and no others."""

        async def counted() -> bool:
            return await self.counts() == counts

        await until(counted)

    async def decide(self, act: Callable[[sqlite3.Connection], Decided]) -> Decided:
        """Do what an operator does, and put it on record."""

        def work(connection: sqlite3.Connection) -> Decided:
            audit.append(connection, 1, "anna", "outbox", {})
            return act(connection)

        return await self.store.write(work)

    async def revive(self, delivery: Delivery, entry: int) -> None:
        """Send a dead letter again, as an operator does."""
        done = await self.decide(partial(decisions.retry, numbers=[entry]))
        assert done.entries == (entry,)
        delivery.reload()

    async def discard(self, delivery: Delivery, entry: int) -> None:
        """Give an entry up, as an operator does."""
        work = partial(decisions.discard, numbers=[entry], reason="by hand", at=1)
        assert (await self.decide(work)).entries == (entry,)
        delivery.reload()
