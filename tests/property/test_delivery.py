"""Whatever a destination answers: each milestone arrives once, in order per key."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import Accepted, Entry, Rejected, Retry, Unknown, Verdict
from edge.deliver import delivery as module
from edge.deliver import queue
from tests.unit.edge.deliver.gateway import Gateway, ScriptedSink, number

KEYS = 12
ENTRIES = 180


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
        super().__init__(self.decide)
        self.draw = draw
        self.can_be_asked = can_be_asked
        self.effects: list[Entry] = []
        """What took effect, as the destination knows it by id."""
        self.bodies: dict[str, bytes] = {}
        self.is_calm = False

    async def decide(self, entry: Entry) -> Verdict:
        assert self.bodies.setdefault(entry.id, entry.body) == entry.body, "other bytes, same id"
        for _ in range(self.draw.randrange(3)):
            await asyncio.sleep(0)
        if self.is_calm:
            return self.book(entry)
        refusals: list[Verdict] = [
            Rejected("never"),
            Retry("locked"),
            Retry("locked", after=self.draw.random() * 0.01),
            Retry("away", outage=True),
            Unknown("silence"),
            Unknown("silence", outage=True),
        ]
        match self.draw.randrange(20):
            case 0:
                raise RuntimeError("a fault of the driver")
            case 1 | 2:
                self.book(entry)
                return Unknown("the answer was lost")
            case 3 | 4 | 5 | 6:
                return self.draw.choice(refusals)
        return self.book(entry)

    def book(self, entry: Entry) -> Accepted:
        if all(entry.id != known.id for known in self.effects):
            self.effects.append(entry)
            if self.can_be_asked:
                self.hidden[entry.id] = "found"
        return Accepted("yes")


@pytest.mark.parametrize("seed", range(3))
async def test_every_milestone_takes_effect_once_and_in_order_per_key(
    seed: int, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "WINDOW", 20)
    monkeypatch.setattr(queue, "MAX_RESTING", 8)
    monkeypatch.setattr(module, "CHUNK", 6)
    draw = random.Random(seed)
    can_be_asked = seed % 2 == 0
    sink = MoodyDestination(draw, can_be_asked=can_be_asked)
    keys = [f"unit:{draw.randrange(KEYS)}" for _ in range(ENTRIES)]
    await gateway.owe(*keys[:100])
    for step in range(8):
        # Some runs end in order, some are cut off like a process that dies.
        run = gateway.delivering if draw.random() < 0.5 else gateway.killed_after
        async with run(sink, max_in_flight=draw.choice([1, 3, 8])) as delivery:
            await gateway.owe(*keys[100 + step * 5 : 105 + step * 5])
            delivery.wake()
            for _ in range(draw.randrange(5, 40)):
                await gateway.store.write(lambda _: None)
            for dead in await gateway.reader.entries("erp", "dead", 1000):
                if draw.random() < 0.5:
                    await gateway.revive(delivery, dead.seq)
    await gateway.owe(*keys[140:])
    sink.is_calm = True
    async with gateway.delivering(sink) as delivery:
        for dead in await gateway.reader.entries("erp", "dead", 1000):
            await gateway.revive(delivery, dead.seq)
        await gateway.until_counted(delivered=ENTRIES)
    assert not sink.overtaken
    assert sorted(number(entry) for entry in sink.effects) == list(range(1, ENTRIES + 1))
    for key in set(keys):
        told = [number(entry) for entry in sink.effects if entry.key == key]
        assert told == sorted(told), key
    attempts = [await gateway.reader.attempts_of(seq) for seq in range(1, ENTRIES + 1)]
    for each in attempts:
        assert [attempt.number for attempt in each] == list(range(1, len(each) + 1))
        assert each[-1].verdict == "accepted"
