"""An operator changes entries while a delivery runs: it goes on with what is true then."""

import asyncio
from functools import partial

import pytest

from buffer import decisions
from drivers.contract import Accepted, Entry, Rejected, Retry, Unknown, Verdict
from edge.deliver import delivery as module
from tests.unit.edge.deliver.gateway import Gateway, ScriptedSink, accept, number, until


@pytest.mark.parametrize(
    ("verdict", "counts"),
    [
        (Accepted("yes"), {"delivered": 2}),
        (Rejected("no"), {"discarded": 1, "delivered": 1}),
        (Retry("busy"), {"discarded": 1, "delivered": 1}),
        (Unknown("silence"), {"discarded": 1, "delivered": 1}),
        (Retry("away", outage=True), {"discarded": 1, "delivered": 1}),
    ],
)
async def test_what_is_discarded_while_it_is_sent_stays_so_unless_it_has_arrived(
    gateway: Gateway, verdict: Verdict, counts: dict[str, int]
) -> None:
    await gateway.owe("unit:1", "unit:1")
    answers = asyncio.Event()

    async def late(entry: Entry) -> Verdict:
        if number(entry) == 1:
            await answers.wait()
            return verdict
        return Accepted("yes")

    sink = ScriptedSink(late)
    async with gateway.delivering(sink) as delivery:
        await until(lambda: sink.numbers == [1])
        await gateway.discard(delivery, 1)
        answers.set()
        await gateway.until_counted(**counts)
    assert sink.numbers == [1, 2]
    (attempt,) = await gateway.reader.attempts_of(1)
    assert attempt.number == 1
    if "discarded" in counts:
        (row,) = await gateway.reader.entries("erp", "discarded", 9)
        assert (row.seq, row.attempts, row.outcome) == (1, 1, "by hand")


async def test_a_reload_does_not_wait_for_what_is_under_way(gateway: Gateway) -> None:
    await gateway.owe("unit:1", "unit:2", "unit:1")
    answers = asyncio.Event()

    async def late(entry: Entry) -> Verdict:
        if number(entry) == 1:
            await answers.wait()
        return Accepted("yes")

    sink = ScriptedSink(late)
    async with gateway.delivering(sink, critical=()) as delivery:
        await gateway.until_counted(delivered=1, pending=2)
        await gateway.decide(partial(decisions.replay, numbers=[2]))
        delivery.reload()
        await until(lambda: sink.numbers == [1, 2, 2])
        answers.set()
        await gateway.until_counted(delivered=3)
    assert sink.numbers == [1, 2, 2, 3]


async def test_a_reload_keeps_the_time_that_a_key_rests(gateway: Gateway) -> None:
    await gateway.owe("unit:1", "unit:2")
    sink = ScriptedSink(lambda e: Retry("locked", after=1000.0) if number(e) == 1 else accept(e))
    async with gateway.delivering(sink) as delivery:
        await gateway.until_counted(delivered=1, pending=1)
        for _ in range(3):
            delivery.reload()
            await gateway.owe("unit:2")
            await gateway.store.write(lambda _: None)
        await gateway.until_counted(delivered=4, pending=1)
        assert sink.numbers.count(1) == 1
        await gateway.discard(delivery, 1)
        await gateway.owe("unit:1")
        await gateway.until_counted(delivered=5, discarded=1)


async def test_a_freed_key_is_not_overtaken_before_the_delivery_is_told(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The act is on disk a moment before `reload` is called; what is added then must wait."""
    monkeypatch.setattr(module, "POLL_SECONDS", 1000.0)
    await gateway.owe("unit:1", "unit:1")
    sink = ScriptedSink(
        lambda e: Rejected("no") if e.attempt == 1 and number(e) == 1 else accept(e)
    )
    async with gateway.delivering(sink) as delivery:
        await gateway.until_counted(dead=1, pending=1)
        await gateway.decide(partial(decisions.retry, numbers=[1]))
        await gateway.owe("unit:1")
        delivery.wake()
        await gateway.until_counted(delivered=3)
    assert [number(entry) for entry in sink.booked] == [1, 2, 3]
