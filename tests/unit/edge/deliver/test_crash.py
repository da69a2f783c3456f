"""After an end without a stop, what may have been under way is looked up before it is sent.

influxdata/telegraf#16500: a restart sent everything again.
"""

import asyncio
import sqlite3
from functools import partial
from typing import Any

import pytest

from buffer import outbox
from buffer.lane import Lane
from buffer.outbox import PendingEntry
from drivers.contract import Entry, Retry, Unknown, Verdict
from edge.deliver import concurrency
from edge.deliver import delivery as module
from edge.deliver.doubt import Doubt
from edge.deliver.queue import KeyQueue
from tests.unit.edge.deliver.gateway import Gateway, ScriptedSink, accept, number, until


async def test_what_a_crash_may_have_cut_off_is_not_sent_again_if_it_has_arrived(
    gateway: Gateway,
) -> None:
    await gateway.owe(*[f"unit:{n % 20}" for n in range(60)])
    await gateway.owe("unit:c", lane=Lane.CRITICAL)
    await gateway.owe("unit:b", lane=Lane.BULK)
    sink = ScriptedSink()
    for arrived in (1, 7, 61, 62):
        sink.hidden[f"{arrived:032x}"] = "booked before the crash"
    async with gateway.delivering(sink, may_have_sent=True) as delivery:
        await gateway.until_counted(delivered=62)
        await gateway.owe("unit:new")
        delivery.wake()
        await gateway.until_counted(delivered=63)
        assert await delivery.has_looked_up()
    assert {1, 7, 61, 62}.isdisjoint(sink.numbers)
    assert {number(entry) for entry in sink.looked_up} == {*range(1, 21), 61, 62}


async def test_after_a_stop_nothing_is_looked_up(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(20)])
    sink = ScriptedSink()
    async with gateway.delivering(sink) as delivery:
        await gateway.until_counted(delivered=20)
        assert await delivery.has_looked_up()
    assert not sink.looked_up


async def test_doubt_outlives_a_stop_that_came_before_everything_was_looked_up(
    gateway: Gateway,
) -> None:
    await gateway.owe("unit:1", "unit:2")
    sink = ScriptedSink(lambda _: Retry("away", outage=True))
    async with gateway.delivering(sink, may_have_sent=True) as delivery:
        await until(lambda: len(sink.sent) > 1)
    assert not await delivery.has_looked_up()
    assert not await gateway.delivery(may_have_sent=True).has_looked_up()
    assert await gateway.delivery().has_looked_up()


async def test_what_was_looked_up_and_not_found_is_sent_once(gateway: Gateway) -> None:
    await gateway.owe("unit:1")
    sink = ScriptedSink()
    async with gateway.delivering(sink, may_have_sent=True):
        await gateway.until_counted(delivered=1)
    assert [entry.attempt for entry in sink.looked_up] == [1]
    assert [entry.attempt for entry in sink.sent] == [1]


async def test_a_reload_forgets_no_doubt(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(30)])
    stuck = asyncio.Event()

    async def get_stuck(entry: Entry) -> Verdict:
        await stuck.wait()
        return accept(entry)

    sink = ScriptedSink(get_stuck)
    async with gateway.delivering(sink, may_have_sent=True, max_in_flight=1) as delivery:
        await until(lambda: len(sink.sent) == 1)
        delivery.reload()
        await gateway.store.write(lambda _: None)
        stuck.set()
        await gateway.until_counted(delivered=30)
    assert sorted(number(entry) for entry in sink.looked_up) == list(range(1, 31))


@pytest.mark.parametrize("critical", [1, 2])
async def test_what_critical_milestones_pull_along_is_looked_up_first(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, critical: int
) -> None:
    """They are loaded before what their key has before them, far behind in another lane."""
    monkeypatch.setattr(module, "CHUNK", 5)
    await gateway.owe(*[f"unit:{n}" for n in range(20)], "unit:k", lane=Lane.BULK)
    await gateway.owe(*["unit:k"] * critical, lane=Lane.CRITICAL)
    sink = ScriptedSink()
    sink.hidden[f"{21:032x}"] = "booked before the crash"
    async with gateway.delivering(sink, may_have_sent=True):
        await gateway.until_counted(delivered=21 + critical)
    assert 21 not in sink.numbers


async def test_whatever_fits_in_memory_is_looked_up_however_large_the_batches(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(concurrency, "START", 64)
    owed = 4500
    await gateway.owe(*[f"unit:{n}" for n in range(owed)])
    never = asyncio.Event()

    async def silent(_: Entry) -> Verdict:
        await never.wait()
        return Unknown("never told")

    def is_full(queue: KeyQueue) -> bool:
        return not queue.has_room(Lane.NORMAL) and not queue._ready[Lane.NORMAL]

    sink = ScriptedSink(silent, batch_limit=1000)
    async with gateway.killed_after(sink, max_in_flight=64) as delivery:
        await until(lambda: bool(sink.sent) and is_full(delivery._queue))
        monkeypatch.setattr(delivery._settling, "note", lambda *_: None)  # nothing is written
        under_way = {entry.id for entry in sink.sent}
    after = ScriptedSink(batch_limit=1000)
    after.hidden = dict.fromkeys(under_way, "booked before the crash")
    async with gateway.delivering(after, may_have_sent=True):
        await gateway.until_counted(delivered=owed)
    assert not under_way & {entry.id for entry in after.sent}


async def test_what_a_failed_run_has_not_recorded_is_looked_up_by_the_next(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gateway.owe("unit:1")
    sink = ScriptedSink()
    delivery = gateway.delivery()

    def refuse(*_: Any, **__: Any) -> None:
        raise sqlite3.IntegrityError("not this one")

    with monkeypatch.context() as broken:
        broken.setattr(outbox, "settle", refuse)
        with pytest.raises(sqlite3.IntegrityError):
            await delivery.run(sink, gateway.link)
    assert not await delivery.has_looked_up()
    sink.hidden[f"{1:032x}"] = "booked before it failed"
    running = asyncio.create_task(delivery.run(sink, gateway.link))
    await gateway.until_counted(delivered=1)
    assert await delivery.has_looked_up()
    delivery.stop()
    await running
    assert sink.numbers == [1]


async def test_what_a_run_gave_up_is_on_disk_before_the_next_one_reads(gateway: Gateway) -> None:
    await gateway.owe("unit:1")
    never = asyncio.Event()

    async def silent(_: Entry) -> Verdict:
        await never.wait()
        return Unknown("never told")

    sink = ScriptedSink(silent)

    def has_sent(attempts: int) -> bool:
        return len(sink.sent) == attempts

    for attempt in range(1, 6):
        async with gateway.killed_after(sink):
            await until(partial(has_sent, attempt))
    assert [entry.attempt for entry in sink.sent] == [1, 2, 3, 4, 5]
    assert [entry.attempt for entry in sink.looked_up] == [2, 3, 4, 5]


def entry(seq: int, key: str, attempts: int = 0) -> PendingEntry:
    return PendingEntry(seq, key, attempts, False, b"", "picked", 0, 0, b"", Lane.NORMAL, seq)


def test_doubted_is_what_was_tried_and_the_first_of_the_oldest_keys() -> None:
    doubts = Doubt(up_to=100, fresh_keys=2)

    def is_doubted(row: PendingEntry, lane: Lane = Lane.NORMAL) -> bool:
        return doubts.of(row, lane)

    assert is_doubted(entry(1, "a", attempts=1))
    assert is_doubted(entry(2, "a"))
    assert not is_doubted(entry(3, "a")), "only one of a key is under way at once"
    assert is_doubted(entry(4, "b"))
    assert not is_doubted(entry(5, "c")), "more keys are not held in memory"
    assert is_doubted(entry(5, "c"), Lane.CRITICAL), "each lane has its own"
    assert is_doubted(entry(2, "a")), "as before, after a reload"
    assert is_doubted(entry(1, "a")), "given up when it was under way, and sent after all"
    assert is_doubted(entry(6, "d", attempts=3))
    assert not is_doubted(entry(101, "e", attempts=1)), "added since"
