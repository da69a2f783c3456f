"""Look-ups are requests: they keep to all that governs sending, and do not hold it back."""

import asyncio

from buffer.lane import Lane
from drivers.contract import Entry, Retry, Unknown, Verdict
from tests.unit.edge.deliver.gateway import Gateway, ScriptedSink, accept, number, until


async def test_look_ups_keep_to_the_rate(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(10)])
    asked = list[float]()

    async def not_there(_: Entry) -> None:
        asked.append(asyncio.get_running_loop().time())

    sink = ScriptedSink(batch_limit=10)
    sink.tell = not_there
    rate = 8
    async with gateway.delivering(sink, may_have_sent=True, max_requests_per_second=rate):
        await gateway.until_counted(delivered=10)
    assert len(asked) == 10
    saved_up = rate / 2 + 1
    assert all(n <= rate * (at - asked[0]) + saved_up for n, at in enumerate(asked, 1))


async def test_while_the_destination_asks_to_wait_nothing_is_looked_up(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(10)])
    has_begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def hesitate(_: Entry) -> None:
        has_begun.set()
        await may_go_on.wait()

    sink = ScriptedSink(lambda _: Retry("503", after=1000.0, outage=True), batch_limit=10)
    sink.tell = hesitate
    async with gateway.delivering(sink, may_have_sent=True) as delivery:
        await has_begun.wait()
        await gateway.owe("unit:c", lane=Lane.CRITICAL)
        delivery.wake()
        await until(lambda: delivery.pace.is_open and delivery.pace.in_flight == 1)
        may_go_on.set()
        await until(lambda: delivery.pace.in_flight == 0)
    assert [number(entry) for entry in sink.looked_up] == [1]
    assert sink.numbers == [11]


async def test_a_look_up_that_is_answered_with_a_wait_is_obeyed(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(20)])

    async def away(_: Entry) -> Retry:
        return Retry("503", after=1000.0, outage=True)

    sink = ScriptedSink(batch_limit=10)
    sink.tell = away
    async with gateway.delivering(sink, may_have_sent=True, max_in_flight=1):
        await until(lambda: gateway.link.reason == "503")
    assert len(sink.looked_up) == 1
    assert not sink.sent


async def test_of_several_only_one_is_looked_up_and_sent_while_look_ups_tell_nothing(
    gateway: Gateway,
) -> None:
    """A silent destination is found out by the first of them; one that cannot be asked gets all."""
    await gateway.owe(*[f"unit:{n}" for n in range(20)])

    async def silent(_: Entry) -> Unknown:
        return Unknown("no answer")

    sink = ScriptedSink(batch_limit=10)
    sink.tell = silent
    async with gateway.delivering(sink, may_have_sent=True):
        await gateway.until_counted(delivered=20)
    assert sorted(number(entry) for entry in sink.looked_up) == list(range(1, 21))
    assert {len(request) for request in sink.requests} == {1}


async def test_what_was_being_looked_up_at_a_stop_is_not_sent(gateway: Gateway) -> None:
    await gateway.owe("unit:1", "unit:2")
    has_begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def hesitate(_: Entry) -> None:
        has_begun.set()
        await may_go_on.wait()

    sink = ScriptedSink(batch_limit=2)
    sink.tell = hesitate
    async with gateway.delivering(sink, may_have_sent=True) as delivery:
        await has_begun.wait()
        delivery.stop()
        may_go_on.set()
    assert [number(entry) for entry in sink.looked_up] == [1]
    assert not sink.sent
    assert await gateway.counts() == {"pending": 2}


async def test_in_an_outage_what_is_unsure_is_looked_up_before_it_is_tried(
    gateway: Gateway,
) -> None:
    await gateway.owe("unit:1")
    verdicts: list[Verdict] = [Unknown("502", outage=True), Retry("away", outage=True)]
    asked = list[tuple[int, bool]]()

    async def not_there(entry: Entry) -> None:
        asked.append((entry.attempt, delivery.pace.is_open))

    sink = ScriptedSink(lambda e: verdicts[e.attempt - 1] if e.attempt < 3 else accept(e))
    sink.tell = not_there
    async with gateway.delivering(sink) as delivery:
        await gateway.until_counted(delivered=1)
    assert asked == [(2, True), (3, True)]
