"""What the store tells may be out of date when it arrives: it is read while entries are settled."""

import asyncio
from collections.abc import Iterable

import pytest

from drivers.contract import Accepted, Entry, Rejected, Retry, Verdict
from edge.deliver import delivery as module
from edge.deliver import queue
from tests.unit.edge.deliver.gateway import Gateway, ScriptedSink, number, until


class SlowReading:
    """Holds back an answer of the store that tells of the key "unit:x", the nth of them."""

    def __init__(self, gateway: Gateway, monkeypatch: pytest.MonkeyPatch, nth: int) -> None:
        self.has_read, self.goes_on = asyncio.Event(), asyncio.Event()
        self.answers = 0
        dead_among = gateway.reader.dead_among

        async def slow(destination: str, keys: Iterable[str]) -> tuple[set[str], int]:
            keys = set(keys)
            told = await dead_among(destination, keys)
            self.answers += "unit:x" in keys
            if "unit:x" in keys and self.answers == nth:
                self.has_read.set()
                await self.goes_on.wait()
            return told

        monkeypatch.setattr(gateway.reader, "dead_among", slow)


@pytest.mark.usefixtures("eager")
async def test_what_is_settled_while_the_store_is_read_is_not_sent_again(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "WINDOW", 10)
    monkeypatch.setattr(module, "CHUNK", 5)
    await gateway.owe("unit:x", "unit:x", *[f"unit:{n}" for n in range(57)], "unit:x")
    reading = SlowReading(gateway, monkeypatch, nth=2)
    is_ahead = asyncio.Event()

    async def answer(entry: Entry) -> Verdict:
        if (number(entry), entry.attempt) == (1, 1):
            return Retry("locked")  # so that the key is fetched, and with it 60
        if number(entry) == 60:
            is_ahead.set()
            await reading.has_read.wait()
        elif number(entry) > 30:
            await is_ahead.wait()
        return Accepted("yes")

    sink = ScriptedSink(answer)
    async with gateway.delivering(sink, max_in_flight=64, critical=()):
        await reading.has_read.wait()

        async def is_settled() -> bool:
            return 60 in [row.seq for row in await gateway.reader.entries("erp", "delivered", 99)]

        await until(is_settled)
        await gateway.store.write(lambda _: None)
        reading.goes_on.set()
        await gateway.until_counted(delivered=60)
    assert sink.numbers.count(60) == 1


async def test_a_key_that_is_rejected_while_the_store_is_read_is_held_back(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gateway.owe("unit:x")
    reading = SlowReading(gateway, monkeypatch, nth=2)

    async def reject(entry: Entry) -> Verdict:
        if number(entry) == 1:
            await reading.has_read.wait()
            return Rejected("no")
        return Accepted("yes")

    sink = ScriptedSink(reject)
    async with gateway.delivering(sink) as delivery:
        await until(lambda: sink.numbers == [1])
        await gateway.owe("unit:x")
        delivery.wake()
        await gateway.until_counted(dead=1, pending=1)
        await gateway.store.write(lambda _: None)
        reading.goes_on.set()
        await gateway.owe("unit:y")
        delivery.wake()
        await gateway.until_counted(dead=1, pending=1, delivered=1)
    assert sink.numbers == [1, 3]
