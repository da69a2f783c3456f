"""Whatever a destination answers: each milestone arrives once, in order per key."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from buffer import decisions
from buffer.lane import Lane
from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import Accepted, Divide, Entry, Rejected, Retry, Unknown, Verdict
from edge.deliver import backlog, concurrency, queue
from edge.deliver import delivery as module
from edge.deliver.chain import State
from edge.deliver.delivery import Delivery
from edge.deliver.queue import KeyQueue
from tests.unit.edge.deliver.gateway import Gateway, ScriptedSink, number, until

KEYS = 12
ENTRIES = 180
SEEDS = range(10)
CHUNK, CHUNK_OF_KEY = 6, 4


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    store = Store.open(tmp_path / "milepost.db")
    async with Reader.open(store.path) as reader:
        with capture_logs():
            yield Gateway(store, reader)
    await store.close()


class MoodyDestination(ScriptedSink):
    """Answers at random; some answers are lost after the entry was booked."""

    def __init__(self, draw: random.Random, *, can_be_asked: bool) -> None:
        super().__init__(self.decide, batch_limit=draw.choice([1, 4, 10]))
        self.draw = draw
        self.can_be_asked = can_be_asked
        self.effects: list[int] = []
        """What took effect, as the destination knows it by id."""
        self.bodies: dict[str, bytes] = {}
        self.known: set[int] = set()
        """What it has accepted, and the gateway knows."""
        self.allowed_again: set[int] = set()
        """What an operator wants sent although it has arrived."""
        self.twice: list[int] = []
        """What was sent although it had arrived, and was not wanted again."""
        self.is_calm = False
        self.refuse = self.refuse_batch

    def refuse_batch(self, entries: Sequence[Entry]) -> Divide | None:
        if self.is_calm:
            return None
        if len(entries) > self.draw.choice([3, 20, 20, 20]):
            return Divide("too many", too_large=True)
        if any(number(entry) % 17 == 0 for entry in entries):
            return Divide("one of them is bad", too_large=False)
        return None

    async def decide(self, entry: Entry) -> Verdict:
        assert self.bodies.setdefault(entry.id, entry.body) == entry.body, "other bytes, same id"
        assert number(entry) not in self.known, "sent again although it was accepted"
        for _ in range(self.draw.randrange(3)):
            await asyncio.sleep(0)
        if self.is_calm:
            return self.book(entry)
        if number(entry) % 17 == 0:
            return Rejected("it is bad")
        refusals: list[Verdict] = [
            Rejected("never"),
            Retry("locked"),
            Retry("locked", after=self.draw.random() * 0.01),
            Retry("too many requests", after=self.draw.random() * 0.01, overloaded=True),
            Retry("away", outage=True),
            Unknown("silence"),
            Unknown("silence", outage=True),
        ]
        match self.draw.randrange(24):
            case 0:
                raise RuntimeError("a fault of the driver")
            case 1 | 2:
                self.book(entry)
                return Unknown("the answer was lost")
            case 3 | 4 | 5 | 6:
                return self.draw.choice(refusals)
        return self.book(entry)

    async def deliver(self, entries: Sequence[Entry]) -> Sequence[Verdict] | Divide:
        outcome = await super().deliver(entries)
        if not isinstance(outcome, Divide):
            for entry, verdict in zip(entries, outcome, strict=True):
                if isinstance(verdict, Accepted):
                    self.known.add(number(entry))
                    self.allowed_again.discard(number(entry))
        return outcome

    def book(self, entry: Entry) -> Accepted:
        if number(entry) not in self.effects:
            self.effects.append(number(entry))
            if self.can_be_asked:
                self.hidden[entry.id] = "found"
        elif number(entry) not in self.allowed_again:
            self.twice.append(number(entry))
        return Accepted("yes")


class DeadStore:
    """The store of a process that is dead: nothing is written any more."""

    def submit(self, *_: Any) -> "asyncio.Future[None]":
        return asyncio.get_running_loop().create_future()


@asynccontextmanager
async def crashing(gateway: Gateway, sink: MoodyDestination, **how: Any) -> AsyncIterator[Delivery]:
    """Run a delivery; at the end it is gone, with all that was not on disk."""
    delivery = gateway.delivery(**how)
    running = asyncio.create_task(delivery.run(sink, gateway.link))
    try:
        yield delivery
    finally:
        delivery._settling._store = cast("Store", DeadStore())
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await gateway.store.write(lambda _: None)  # what was handed over before is on disk
        delivered = await gateway.reader.entries("erp", "delivered", ENTRIES)
        sink.known = {row.seq for row in delivered} - sink.allowed_again


def check(of: KeyQueue, window: int, resting: int) -> None:
    """See that the queue counts what it holds, and holds no more than it may."""
    assert of._loaded == [
        sum(
            len(chain.entries)
            for chain in of._chains.values()
            if chain.lane == lane and chain.state is not State.RESTING
        )
        for lane in Lane
    ]
    for chain in of._chains.values():
        lanes = [entry.lane for entry in chain.entries]
        lanes += [] if chain.behind is None else [chain.behind]
        assert chain.lane == min(lanes)
        seqs = [entry.seq for entry in chain.entries]
        assert seqs == sorted(set(seqs))
    awake = sum(of._loaded) + sum(map(len, of._wanted))
    assert awake <= len(Lane) * (window + CHUNK + CHUNK_OF_KEY) + resting + KEYS


class Play:
    """A gateway, its destination and its operators, all at random."""

    def __init__(self, gateway: Gateway, seed: int) -> None:
        self.gateway = gateway
        self.draw = random.Random(seed)
        self.sink = MoodyDestination(self.draw, can_be_asked=seed % 2 == 0)
        self.keys = [f"unit:{self.draw.randrange(KEYS)}" for _ in range(ENTRIES)]
        self.discarded: set[int] = set()
        self.has_crashed = False

    async def owe(self, first: int, end: int) -> None:
        for key in self.keys[first:end]:
            await self.gateway.owe(key, lane=self.draw.choice([*Lane, Lane.BULK]))

    async def pass_time(self, most: int) -> None:
        for _ in range(self.draw.randrange(most)):
            await self.gateway.store.write(lambda _: None)

    async def live(self, step: int) -> None:
        """Run for a while, and end: in order, cut off, or by a crash."""
        gateway = self.gateway
        ends = self.draw.choice(["stops", "is cut off", "crashes"])
        runs: dict[str, Callable[..., AbstractAsyncContextManager[Delivery]]] = {
            "stops": gateway.delivering,
            "is cut off": gateway.killed_after,
            "crashes": partial(crashing, gateway),
        }
        limit = self.draw.choice([1, 2, 3, 8])
        async with runs[ends](
            self.sink, max_in_flight=limit, may_have_sent=self.has_crashed
        ) as delivery:
            await self.owe(100 + step * 5, 105 + step * 5)
            delivery.wake()
            await self.pass_time(40)
            await self.operate(delivery)
            await self.pass_time(20)
        self.has_crashed = self.has_crashed or ends == "crashes"

    async def operate(self, delivery: Delivery) -> None:
        """Do what operators do, to some of what is there."""
        gateway, draw = self.gateway, self.draw
        for state in ("dead", "pending", "delivered"):
            rows = await gateway.reader.entries("erp", state, ENTRIES)
            some = [row.seq for row in rows if draw.random() < (0.5 if state == "dead" else 0.02)]
            if state == "delivered":
                self.sink.known -= set(some)
                self.sink.allowed_again |= set(some)
                await gateway.decide(partial(decisions.replay, numbers=some))
            elif state == "pending" or draw.random() < 0.3:
                work = partial(decisions.discard, numbers=some, reason="by hand", at=1)
                self.discarded.update((await gateway.decide(work)).entries)
            else:
                await gateway.decide(partial(decisions.retry, numbers=some))
        delivery.reload()

    async def end_well(self) -> None:
        """Let nothing fail any more, until nothing is left to be sent."""
        self.sink.is_calm = True
        async with self.gateway.delivering(self.sink, may_have_sent=self.has_crashed) as delivery:
            dead = await self.gateway.reader.entries("erp", "dead", ENTRIES)
            numbers = [row.seq for row in dead]
            await self.gateway.decide(partial(decisions.retry, numbers=numbers))
            delivery.reload()
            await until(self.is_through)

    async def is_through(self) -> bool:
        return not set(await self.gateway.counts()) - {"delivered", "discarded"}

    async def judge(self) -> None:
        """See that the promises were kept."""
        sink, reader = self.sink, self.gateway.reader
        assert not sink.overtaken
        given_up = {row.seq for row in await reader.entries("erp", "discarded", ENTRIES)}
        assert given_up <= self.discarded
        assert sorted(set(sink.effects) | given_up) == list(range(1, ENTRIES + 1))
        for key in set(self.keys):
            told = [n for n in sink.effects if self.keys[n - 1] == key]
            assert told == sorted(told), f"{key} arrives out of order"
        if sink.can_be_asked:
            assert not sink.twice, "sent although a look-up would have found it"
        for seq in range(1, ENTRIES + 1):
            numbers = [attempt.number for attempt in await reader.attempts_of(seq)]
            assert numbers == list(range(1, len(numbers) + 1))
        delivered = await reader.entries("erp", "delivered", ENTRIES + 1)
        assert await self.gateway.counts() == +Counter(
            delivered=len(delivered), discarded=len(given_up)
        )


@pytest.mark.parametrize("seed", SEEDS)
async def test_every_milestone_takes_effect_once_and_in_order_per_key(
    seed: int, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "WINDOW", 20)
    monkeypatch.setattr(queue, "MAX_RESTING", 8)
    monkeypatch.setattr(module, "CHUNK", CHUNK)
    monkeypatch.setattr(backlog, "CHUNK_OF_KEY", CHUNK_OF_KEY)
    monkeypatch.setattr(concurrency, "PERIOD_SECONDS", 0.001)
    play = Play(gateway, seed)
    window = 20
    load = backlog.Backlog.load

    async def checked(self: backlog.Backlog, *, news: bool) -> bool:
        more = await load(self, news=news)
        check(self._queue, window, 3 * (8 + window))
        return more

    monkeypatch.setattr(backlog.Backlog, "load", checked)
    await play.owe(0, 100)
    for step in range(8):
        await play.live(step)
    await play.owe(140, ENTRIES)
    await play.end_well()
    await play.judge()
