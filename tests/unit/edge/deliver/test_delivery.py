"""Each milestone reaches its destination, with the same id and bytes, in order per key."""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.typing import EventDict

from buffer import outbox
from buffer.failures import StoreFailed
from buffer.lane import Lane
from drivers.contract import Accepted, Entry, Retry, Unknown, Verdict
from edge.deliver import settling
from tests.unit.buffer.rows import milestone
from tests.unit.edge.deliver.gateway import Gateway, ScriptedSink, accept, number, until


async def test_an_entry_tells_the_sink_all_there_is_to_tell(gateway: Gateway) -> None:
    await gateway.owe("unit:1")
    sink = ScriptedSink()
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=1)
    (entry,) = sink.sent
    assert entry == Entry(
        id="0" * 31 + "1",
        key="unit:1",
        name="picked",
        occurred_at=1001,
        site="https://dc.example",
        body=b'{"number": 1}',
        attempt=1,
    )
    (told,) = await gateway.reader.entries("erp", "delivered", 10)
    assert (told.attempts, told.outcome) == (1, f"booked {entry.id}")
    assert gateway.link.is_up


async def test_a_retraction_tells_the_sink_which_entry_to_take_back(gateway: Gateway) -> None:
    wrong = milestone(1)
    retraction = milestone(2)._replace(retracts=wrong.id)

    def owe(connection: sqlite3.Connection) -> None:
        for each in (wrong, retraction):
            outbox.append(connection, each, [each.key], [], {"erp": Lane.NORMAL})

    await gateway.store.write(owe)
    sink = ScriptedSink()
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=2)
    assert [each.retracts for each in sink.sent] == [None, sink.sent[0].id]


async def test_what_is_owed_while_it_runs_is_delivered_when_it_is_woken(gateway: Gateway) -> None:
    sink = ScriptedSink()
    async with gateway.delivering(sink) as delivery:
        for count in (1, 2, 3):
            await gateway.owe("unit:1")
            delivery.wake()
            await gateway.until_counted(delivered=count)
    assert sink.numbers == [1, 2, 3]


async def test_every_attempt_carries_the_same_id_and_bytes_and_is_recorded(
    gateway: Gateway,
) -> None:
    await gateway.owe("unit:1")
    verdicts: list[Verdict] = [Retry("busy"), Unknown("silence"), Retry("busy"), Accepted("yes")]
    sink = ScriptedSink(lambda entry: verdicts[entry.attempt - 1])
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=1)
    assert [entry.attempt for entry in sink.sent] == [1, 2, 3, 4]
    assert len({(entry.id, entry.body, entry.key, entry.occurred_at) for entry in sink.sent}) == 1
    assert sink.sent[0].body == gateway.body(sink.sent[0])
    attempts = await gateway.reader.attempts_of(1)
    assert [(each.number, each.verdict, each.detail) for each in attempts] == [
        (1, "retry", "busy"),
        (2, "unknown", "silence"),
        (3, "retry", "busy"),
        (4, "accepted", "yes"),
    ]
    assert all(each.started_at <= each.ended_at for each in attempts)


async def test_an_unknown_outcome_is_looked_up_and_not_sent_again_if_it_has_arrived(
    gateway: Gateway,
) -> None:
    await gateway.owe("unit:1", "unit:1")

    def arrives_without_an_answer(entry: Entry) -> Verdict:
        if number(entry) == 1:
            sink.hidden[entry.id] = "found"
            return Unknown("silence")
        return Accepted("yes")

    sink = ScriptedSink(arrives_without_an_answer)
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=2)
    assert sink.numbers == [1, 2]
    assert [number(entry) for entry in sink.looked_up] == [1]
    (first, _) = await gateway.reader.entries("erp", "delivered", 10)
    assert (first.attempts, first.outcome) == (2, "found")


async def test_an_unknown_outcome_is_sent_again_if_it_has_not_arrived(gateway: Gateway) -> None:
    await gateway.owe("unit:1")
    sink = ScriptedSink(lambda e: Unknown("silence") if e.attempt == 1 else accept(e))
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=1)
    assert [entry.attempt for entry in sink.looked_up] == [2]
    assert [entry.attempt for entry in sink.sent] == [1, 2]


async def test_what_may_have_arrived_is_looked_up_after_a_restart_too(gateway: Gateway) -> None:
    await gateway.owe("unit:1")
    verdicts: list[Verdict] = [Unknown("silence"), Retry("busy", after=1000)]
    sink = ScriptedSink(lambda entry: verdicts[entry.attempt - 1])
    async with gateway.delivering(sink):
        await until(lambda: len(sink.sent) == 2)
    sink.hidden[sink.sent[0].id] = "found"
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=1)
    assert [entry.attempt for entry in sink.sent] == [1, 2]


async def test_a_restart_sends_only_what_is_not_settled(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n % 7}" for n in range(40)])
    goes_on = asyncio.Event()

    async def accept_some(entry: Entry) -> Verdict:
        if number(entry) > 20:
            await goes_on.wait()
        return Accepted("yes")

    sink = ScriptedSink(accept_some)
    async with gateway.killed_after(sink):
        await gateway.until_counted(delivered=20, pending=20)
    goes_on.set()
    settled = {entry.id for entry in sink.booked}
    interrupted = {entry.id for entry in sink.sent} - settled
    again = ScriptedSink()
    async with gateway.delivering(again):
        await gateway.until_counted(delivered=40)
    assert {entry.id for entry in again.sent}.isdisjoint(settled)
    assert len(again.sent) == 20
    assert {entry.id for entry in again.looked_up} == interrupted


async def test_a_stop_settles_what_is_under_way_and_sends_nothing_more(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(20)])
    goes_on = asyncio.Event()

    async def slow(_: Entry) -> Verdict:
        await goes_on.wait()
        return Accepted("yes")

    sink = ScriptedSink(slow)
    async with gateway.delivering(sink, max_in_flight=3, critical=()) as delivery:
        await until(lambda: len(sink.sent) == 2)
        delivery.stop()
        goes_on.set()
    assert await gateway.counts() == {"delivered": 2, "pending": 18}
    assert len(sink.sent) == 2


@pytest.mark.usefixtures("eager")
async def test_no_more_keys_are_served_at_once_than_is_set(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(30)])

    async def slow(entry: Entry) -> Verdict:
        await asyncio.sleep(0)
        return accept(entry)

    sink = ScriptedSink(slow)
    async with gateway.delivering(sink, max_in_flight=4, critical=()):
        await gateway.until_counted(delivered=30)
    assert sink.most_under_way == 4


async def test_a_fault_of_the_driver_holds_back_the_entry_that_meets_it_alone(
    gateway: Gateway, logs: list[EventDict]
) -> None:
    await gateway.owe("unit:1", "unit:2", "unit:1", "unit:3")

    def fail(entry: Entry) -> Verdict:
        if number(entry) == 1 and len(sink.booked) < 2:
            raise UnicodeEncodeError("ascii", "ü", 0, 1, "not in a header")
        return accept(entry)

    sink = ScriptedSink(fail)
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=4)
    order = [number(entry) for entry in sink.booked]
    assert order.index(1) < order.index(3)
    first = (await gateway.reader.attempts_of(1))[0]
    assert first.verdict == "unknown"
    assert "the driver failed: UnicodeEncodeError" in first.detail
    assert {log["event"] for log in logs} == {"driver_failed"}


async def test_what_a_stop_interrupts_is_looked_up_before_it_is_sent_again(
    gateway: Gateway,
) -> None:
    await gateway.owe("unit:1", "unit:2")
    never = asyncio.Event()

    async def book_and_keep_silent(entry: Entry) -> Verdict:
        sink.hidden[entry.id] = "booked"
        await never.wait()
        return Accepted("too late")

    sink = ScriptedSink(book_and_keep_silent)
    async with gateway.killed_after(sink, max_in_flight=1):
        await until(lambda: sink.numbers == [1])
    sink.answer = accept
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=2)
    assert sink.numbers == [1, 2]
    assert [number(entry) for entry in sink.looked_up] == [1]
    verdicts = [attempt.verdict for attempt in await gateway.reader.attempts_of(1)]
    assert verdicts == ["unknown", "accepted"]


async def test_without_a_store_nothing_more_is_sent(gateway: Gateway) -> None:
    await gateway.owe(*["unit:1"] * 5)

    async def break_the_store(_: Entry) -> Verdict:
        with pytest.raises(StoreFailed):
            await gateway.store.write(lambda c: c.execute("SELECT 1 FROM nowhere"))
        return Accepted("yes")

    sink = ScriptedSink(break_the_store)
    with pytest.raises(StoreFailed, match="nowhere"):
        await gateway.delivery().run(sink, gateway.link)
    assert sink.numbers == [1]


@pytest.mark.parametrize("turns", range(6))
async def test_a_delivery_that_is_woken_as_it_is_cancelled_ends(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    delivery = gateway.delivery()
    waits = asyncio.Event()
    wait = delivery._wait

    async def watched(until: float | None) -> None:
        waits.set()
        await wait(until)

    monkeypatch.setattr(delivery, "_wait", watched)
    running = asyncio.create_task(delivery.run(ScriptedSink(), gateway.link))
    await waits.wait()
    delivery.wake()
    for _ in range(turns):  # the loop needs some to hand on what it was woken for
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running], timeout=20)
    assert running.cancelled()


async def test_what_ends_while_the_store_is_busy_is_settled_together(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled: list[int] = []

    def settle(connection: Any, destination: str, ends: Sequence[Any]) -> None:
        settled.append(len(ends))
        outbox.settle(connection, destination, ends)

    monkeypatch.setattr(settling, "outbox", SimpleNamespace(settle=settle))
    await gateway.owe(*[f"unit:{n}" for n in range(50)])
    answers, goes_on = asyncio.Event(), threading.Event()

    async def accept_later(entry: Entry) -> Verdict:
        await answers.wait()
        return accept(entry)

    sink = ScriptedSink(accept_later)
    async with gateway.delivering(sink):
        await until(lambda: sink.requests_under_way > 0)
        blocking = gateway.store.submit(lambda _: goes_on.wait(30))
        answers.set()
        try:
            await until(lambda: len(sink.booked) == 50)
        finally:
            goes_on.set()
        assert await blocking
        await gateway.until_counted(delivered=50)
    assert settled == [1, 49]
