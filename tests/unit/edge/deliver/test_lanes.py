"""What goes first, and that nothing starves for it."""

import asyncio

import pytest

from buffer.lane import Lane
from drivers.contract import Accepted, Entry, Rejected, Verdict
from edge.deliver import delivery as module
from edge.deliver import queue
from edge.deliver.governor import Governor
from tests.unit.edge.deliver.gateway import Gateway, ScriptedSink, accept, number, until

BACKLOG = 20_000


@pytest.mark.usefixtures("eager")
async def test_a_critical_milestone_is_sent_next_whatever_is_under_way_and_waits(
    gateway: Gateway,
) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(BACKLOG)], lane=Lane.BULK)
    stuck = asyncio.Event()

    async def get_stuck(entry: Entry) -> Verdict:
        if number(entry) > 100 and number(entry) <= BACKLOG:
            await stuck.wait()
        return Accepted("yes")

    sink = ScriptedSink(get_stuck)
    async with gateway.delivering(sink, max_in_flight=8) as delivery:
        await until(lambda: sink.requests_under_way == 6)  # 2 of 8 are kept
        await gateway.owe("unit:0", "unit:x", lane=Lane.CRITICAL)
        delivery.wake()
        await until(lambda: BACKLOG + 2 in sink.numbers and BACKLOG + 1 in sink.numbers)
        assert sink.requests_under_way <= 8
        delivery.stop()
        stuck.set()
    assert len(sink.sent) < 120


async def test_a_critical_milestone_pulls_along_the_earlier_ones_of_its_key_and_no_others(
    gateway: Gateway,
) -> None:
    others = [f"unit:{n}" for n in range(BACKLOG)]
    await gateway.owe(*others, "unit:x", "unit:x", *others[:10], "unit:x", lane=Lane.BULK)
    await gateway.owe("unit:x", lane=Lane.CRITICAL)
    await gateway.owe("unit:x", lane=Lane.BULK)
    stuck = asyncio.Event()

    async def get_stuck(entry: Entry) -> Verdict:
        if entry.key != "unit:x":
            await stuck.wait()
        return Accepted("yes")

    sink = ScriptedSink(get_stuck)
    async with gateway.delivering(sink, max_in_flight=2) as delivery:
        await until(lambda: BACKLOG + 14 in sink.numbers)
        delivery.stop()
        stuck.set()
    of_key = [BACKLOG + 1, BACKLOG + 2, BACKLOG + 13, BACKLOG + 14]
    assert sink.numbers[0] == BACKLOG + 1, "what is critical goes first"
    assert [n for n in sink.numbers if n in of_key] == of_key
    assert len(sink.numbers) == len(of_key) + 1, "one slot alone is open to others"


async def test_the_governor_is_told_of_critical_entries(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    sent = Governor.sent

    def spy(self: Governor, milestones: int, now: float, *, critical: bool = False) -> None:
        told.append(critical)
        sent(self, milestones, now, critical=critical)

    monkeypatch.setattr(Governor, "sent", spy)
    await gateway.owe("unit:1", lane=Lane.BULK)
    await gateway.owe("unit:2", lane=Lane.CRITICAL)
    async with gateway.delivering(ScriptedSink()):
        await gateway.until_counted(delivered=2)
    assert told == [True, False]


async def test_a_critical_milestone_behind_many_of_its_key_pulls_all_of_them(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "WINDOW", 50)
    monkeypatch.setattr(module, "CHUNK", 20)
    await gateway.owe(*[f"unit:{n}" for n in range(500)], lane=Lane.BULK)
    await gateway.owe(*["unit:x"] * 350, lane=Lane.BULK)
    await gateway.owe("unit:x", lane=Lane.CRITICAL)
    stuck = asyncio.Event()

    async def get_stuck(entry: Entry) -> Verdict:
        if entry.key != "unit:x":
            await stuck.wait()
        return Accepted("yes")

    sink = ScriptedSink(get_stuck)
    async with gateway.delivering(sink, max_in_flight=2) as delivery:
        await until(lambda: 851 in sink.numbers)
        delivery.stop()
        stuck.set()
    assert [n for n in sink.numbers if n > 500] == list(range(501, 852))
    assert len(sink.numbers) == 351 + 1


async def test_an_entry_never_overtakes_a_more_critical_one_of_its_key_that_is_far_behind(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "WINDOW", 10)
    monkeypatch.setattr(module, "CHUNK", 5)
    await gateway.owe(*[f"unit:{n}" for n in range(60)], "unit:x", lane=Lane.CRITICAL)
    await gateway.owe("unit:x", "unit:y", lane=Lane.BULK)
    sink = ScriptedSink()
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=63)
    assert sink.numbers.index(61) < sink.numbers.index(62)


async def test_bulk_gets_a_fifth_while_normal_waits_and_everything_when_it_does_not(
    gateway: Gateway,
) -> None:
    await gateway.owe(*[f"unit:n{n}" for n in range(400)])
    await gateway.owe(*[f"unit:b{n}" for n in range(400)], lane=Lane.BULK)
    sink = ScriptedSink()
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=800)
    first = sink.numbers[:400]
    assert 70 <= sum(n > 400 for n in first) <= 90
    assert all(n > 400 for n in sink.numbers[-300:])


@pytest.mark.usefixtures("eager")
async def test_without_critical_milestones_no_slot_is_kept_for_them(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(50)])
    stuck = asyncio.Event()

    async def get_stuck(entry: Entry) -> Verdict:
        if number(entry) > 20:
            await stuck.wait()
        return Accepted("yes")

    sink = ScriptedSink(get_stuck)
    async with gateway.delivering(sink, max_in_flight=4, critical=()):
        await until(lambda: sink.requests_under_way == 4)
        stuck.set()
        await gateway.until_counted(delivered=50)


async def test_the_entries_of_a_held_key_take_no_room_from_others(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "WINDOW", 10)
    monkeypatch.setattr(module, "CHUNK", 5)
    await gateway.owe(*["unit:x"] * 500, "unit:y")
    sink = ScriptedSink(lambda e: Rejected("no") if number(e) == 1 else accept(e))
    async with gateway.delivering(sink) as delivery:
        await gateway.until_counted(dead=1, delivered=1, pending=499)
        await until(lambda: not delivery._queue._chains)
        await gateway.revive(delivery, 1)
        sink.answer = accept
        await gateway.until_counted(delivered=501)
    assert sink.numbers == [1, 501, *range(1, 501)]
