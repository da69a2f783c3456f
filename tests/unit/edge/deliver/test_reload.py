"""An operator changes entries while a delivery runs: it goes on with what is true then."""

import asyncio
import threading
from collections.abc import Sequence
from functools import partial

import pytest

from buffer import decisions
from buffer.reader import Newest
from drivers.contract import Accepted, Divide, Entry, Rejected, Retry, Unknown, Verdict
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


async def test_what_is_discarded_and_then_rejected_while_the_store_is_read_lets_its_key_go_on(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gateway.owe("unit:1", "unit:1")
    has_read, goes_on = asyncio.Event(), asyncio.Event()
    newest = gateway.reader.newest

    async def slow() -> Newest:
        told = await newest()
        has_read.set()
        await goes_on.wait()
        return told

    async def reject_after_it_is_read(entry: Entry) -> Verdict:
        if number(entry) == 1:
            await has_read.wait()
            return Rejected("no")
        return Accepted("yes")

    async def has_ended() -> bool:
        return bool(await gateway.reader.attempts_of(1))

    sink = ScriptedSink(reject_after_it_is_read)
    async with gateway.delivering(sink) as delivery:
        await until(lambda: sink.numbers == [1])
        monkeypatch.setattr(gateway.reader, "newest", slow)
        await gateway.discard(delivery, 1)
        await until(has_ended)
        await gateway.store.write(lambda _: None)
        goes_on.set()
        await gateway.until_counted(discarded=1, delivered=1)
    assert sink.numbers == [1, 2]


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


async def test_halves_that_go_back_during_a_reload_count_the_attempt_that_was_refused(
    gateway: Gateway,
) -> None:
    """The note of that attempt may not be on disk when their keys are read from the store again."""
    await gateway.owe(*[f"unit:{n}" for n in range(4)])
    goes_on = threading.Event()
    sink = ScriptedSink(batch_limit=4)

    def refuse_while_the_disk_is_slow(_: Sequence[Entry]) -> Divide | None:
        if len(sink.requests) > 1:
            return None
        gateway.store.submit(lambda _: goes_on.wait(30))
        return Divide("one of them is bad", too_large=False)

    async def be_away_during_a_reload(entry: Entry) -> Verdict:
        if len(sink.requests) == 2:
            delivery.reload()
            await until(lambda: not delivery._is_outdated)
            return Retry("away", outage=True)
        return accept(entry)

    sink.refuse, sink.answer = refuse_while_the_disk_is_slow, be_away_during_a_reload
    async with gateway.delivering(sink, critical=()) as delivery:
        await until(lambda: delivery.pace.is_open)
        for _ in range(50):
            await gateway.reader.tallies()  # time in which they could be sent
        goes_on.set()
        await gateway.until_counted(delivered=4)
    attempts = [(number(entry), entry.attempt) for entry in sink.sent]
    assert len(set(attempts)) == len(attempts)


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
