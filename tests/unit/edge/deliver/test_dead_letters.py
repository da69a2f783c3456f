"""What a destination refuses holds its key, or does not, until an operator has decided."""

import asyncio
from collections.abc import Awaitable

import pytest

from drivers.contract import Accepted, Entry, Rejected, Retry, Verdict
from edge.deliver import delivery as module
from edge.deliver import queue
from tests.unit.edge.deliver.gateway import Gateway, ScriptedSink, accept, number, until


async def test_a_rejected_entry_holds_its_key_while_others_go_on(gateway: Gateway) -> None:
    await gateway.owe("unit:1", "unit:2", "unit:1", "unit:2", "unit:1")
    sink = ScriptedSink(lambda e: Rejected("never") if number(e) == 1 else accept(e))
    async with gateway.delivering(sink) as delivery:
        await gateway.until_counted(delivered=2, dead=1, pending=2)
        await gateway.owe("unit:1", "unit:3")
        delivery.wake()
        await gateway.until_counted(delivered=3, dead=1, pending=3)
    assert sorted(sink.numbers) == [1, 2, 4, 7]
    async with gateway.delivering(sink):  # and still after a restart
        await gateway.owe("unit:4")
        await gateway.until_counted(delivered=4, dead=1, pending=3)
    assert sorted(sink.numbers) == [1, 2, 4, 7, 8]


async def test_a_dead_letter_that_is_sent_again_comes_first_then_what_it_held_back(
    gateway: Gateway,
) -> None:
    await gateway.owe("unit:1", "unit:1", "unit:1")
    sink = ScriptedSink(
        lambda e: Rejected("no") if e.attempt == 1 and number(e) == 1 else accept(e)
    )
    async with gateway.delivering(sink) as delivery:
        await gateway.until_counted(dead=1, pending=2)
        await gateway.owe("unit:1")
        await gateway.revive(delivery, 1)
        await gateway.until_counted(delivered=4)
    assert [number(entry) for entry in sink.booked] == [1, 2, 3, 4]
    assert [entry.attempt for entry in sink.sent if number(entry) == 1] == [1, 2]


async def test_after_a_dead_letter_is_discarded_its_key_goes_on(gateway: Gateway) -> None:
    await gateway.owe("unit:1", "unit:1", "unit:1")
    sink = ScriptedSink(lambda e: Rejected("no") if number(e) == 1 else accept(e))
    async with gateway.delivering(sink) as delivery:
        await gateway.until_counted(dead=1, pending=2)
        await gateway.discard(delivery, 1)
        await gateway.until_counted(discarded=1, delivered=2)
    assert sink.numbers == [1, 2, 3]


@pytest.mark.parametrize("settings", [{"after_rejection": "continue"}, {"shadow_of": "wms"}])
async def test_where_dead_letters_do_not_hold_the_key_goes_on_also_after_a_restart(
    gateway: Gateway, settings: dict[str, str]
) -> None:
    await gateway.owe("unit:1", "unit:1")
    sink = ScriptedSink(lambda e: Rejected("no") if number(e) == 1 else accept(e))
    async with gateway.delivering(sink, **settings):
        await gateway.until_counted(dead=1, delivered=1)
    await gateway.owe("unit:1")
    async with gateway.delivering(sink, **settings):
        await gateway.until_counted(dead=1, delivered=2)


async def test_where_dead_letters_do_not_hold_one_can_be_sent_again_amid_its_key(
    gateway: Gateway,
) -> None:
    await gateway.owe("unit:1", "unit:1", "unit:1")
    goes_on = asyncio.Event()

    async def wait(entry: Entry) -> Verdict:
        await goes_on.wait()
        return Retry("busy") if entry.attempt == 1 else Accepted("yes")

    def answer(entry: Entry) -> Verdict | Awaitable[Verdict]:
        if number(entry) == 1 and entry.attempt == 1:
            return Rejected("no")
        return wait(entry) if number(entry) == 2 else accept(entry)

    sink = ScriptedSink(answer)
    async with gateway.delivering(sink, after_rejection="continue") as delivery:
        await until(lambda: sink.numbers == [1, 2])
        await gateway.revive(delivery, 1)
        await gateway.owe("unit:1")
        delivery.wake()
        goes_on.set()
        await gateway.until_counted(delivered=4)
    assert not sink.overtaken
    assert sorted(number(entry) for entry in sink.booked) == [1, 2, 3, 4]


async def test_a_key_with_two_dead_letters_waits_for_both_decisions(gateway: Gateway) -> None:
    await gateway.owe("unit:1", "unit:1", "unit:1")
    sink = ScriptedSink(lambda e: Rejected("no") if e.attempt == 1 and number(e) < 3 else accept(e))
    async with gateway.delivering(sink, after_rejection="continue"):
        await gateway.until_counted(dead=2, delivered=1)
    await gateway.owe("unit:1")
    async with gateway.delivering(sink, after_rejection="hold") as delivery:
        await gateway.revive(delivery, 1)
        await gateway.owe("unit:2")
        await gateway.until_counted(dead=1, delivered=2, pending=2)  # unit:2 went by
        await gateway.discard(delivery, 2)
        await gateway.until_counted(discarded=1, delivered=4)
    assert [number(entry) for entry in sink.booked if entry.key == "unit:1"] == [3, 1, 4]


@pytest.mark.usefixtures("eager")
async def test_a_dead_letter_whose_turn_is_still_to_come_is_sent_once(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "WINDOW", 4)
    monkeypatch.setattr(module, "CHUNK", 2)
    await gateway.owe(*[f"unit:{n}" for n in range(1, 21)])
    last = 20
    sink = ScriptedSink(lambda e: Rejected("no") if number(e) == last else Retry("", after=1000))
    async with gateway.delivering(sink):
        await gateway.until_counted(dead=1, pending=19)
    others, revived = asyncio.Event(), asyncio.Event()

    async def wait(entry: Entry) -> Verdict:
        await (revived if number(entry) == last else others).wait()
        return Accepted("yes")

    sink = ScriptedSink(wait)
    async with gateway.delivering(sink, max_in_flight=5) as delivery:
        await until(lambda: len(sink.sent) == 1)  # the dead letter is far behind the window
        await gateway.revive(delivery, last)
        await gateway.store.write(lambda _: None)
        others.set()
        await gateway.until_counted(delivered=19, pending=1)
        revived.set()
        await gateway.until_counted(delivered=20)
    assert not sink.overtaken
    assert sorted(sink.numbers) == list(range(1, 21))
