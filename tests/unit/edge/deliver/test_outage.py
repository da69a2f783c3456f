"""A destination that is away, or never answers one entry: others and attempts are spared."""

import asyncio
from collections import Counter
from collections.abc import Awaitable

import pytest

from buffer.lane import Lane
from drivers.contract import Accepted, Entry, Retry, Unknown, Verdict
from edge.deliver import delivery as module
from edge.deliver import queue
from tests.unit.edge.deliver.gateway import Gateway, ScriptedSink, accept, number, until


async def test_an_outage_costs_only_probes(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(50)])
    away = True

    def answer(entry: Entry) -> Verdict:
        return Retry("refusing connections", outage=True) if away else accept(entry)

    sink = ScriptedSink(answer)
    async with gateway.delivering(sink, max_in_flight=8):
        await until(lambda: len(sink.sent) >= 8 + 10)
        assert not gateway.link.is_up
        assert gateway.link.reason == "refusing connections"
        tried = Counter(sink.numbers)
        away = False
        await gateway.until_counted(delivered=50)
    # Those under way when it began, then one probe after the other, each of another key.
    assert max(tried.values()) == 1
    assert gateway.link.is_up


async def test_an_outage_spares_everything_that_was_not_under_way(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(50)])
    sink = ScriptedSink(lambda _: Retry("refusing connections", outage=True))
    pause = {"retry_initial_seconds": 1000.0, "retry_ceiling_seconds": 1000.0}
    async with gateway.delivering(sink, max_in_flight=8, **pause) as delivery:
        await until(lambda: not gateway.link.is_up and not sink.under_way)
        for _ in range(30):
            delivery.wake()
            await gateway.store.write(lambda _: None)
    assert len(sink.sent) <= 8


async def test_during_an_outage_one_entry_is_tried_at_a_time(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(20)])
    probes = list[int]()

    async def answer(_: Entry) -> Verdict:
        if len(sink.sent) > 5:
            probes.append(len(sink.under_way))
        await asyncio.sleep(0)
        return Unknown("silence", outage=True)

    sink = ScriptedSink(answer)
    async with gateway.delivering(sink, max_in_flight=5):
        await until(lambda: len(probes) >= 5)
    assert set(probes) == {1}


async def test_an_answer_about_one_entry_ends_the_outage_and_is_not_asked_for_at_once(
    gateway: Gateway,
) -> None:
    await gateway.owe("unit:1")
    verdicts = [Retry("away", outage=True), Retry("this order is locked", after=1000.0)]
    sink = ScriptedSink(lambda e: verdicts[min(e.attempt, 2) - 1])
    async with gateway.delivering(sink) as delivery:
        await until(lambda: len(sink.sent) >= 2)
        await until(lambda: gateway.link.is_up)
        await gateway.owe("unit:2")  # a key of its own shows that the delivery goes on
        sink.answer = accept
        delivery.wake()
        await gateway.until_counted(pending=1, delivered=1)
    assert sink.numbers == [1, 1, 2]


async def test_silence_during_an_outage_is_part_of_it(gateway: Gateway) -> None:
    await gateway.owe("unit:1")
    verdicts: list[Verdict] = [
        Retry("away", outage=True),
        Unknown("silence"),
        Accepted("yes"),
    ]
    known = list[tuple[bool, str]]()

    def answer(entry: Entry) -> Verdict:
        known.append((delivery.pace.is_open, gateway.link.reason))
        return verdicts[entry.attempt - 1]

    sink = ScriptedSink(answer)
    async with gateway.delivering(sink) as delivery:
        await gateway.until_counted(delivered=1)
    assert known == [(False, "not connected yet"), (True, "away"), (True, "silence")]


async def test_silences_in_a_row_are_an_outage(gateway: Gateway) -> None:
    await gateway.owe("unit:1", "unit:2", "unit:3", "unit:4")
    known = list[tuple[bool, str]]()

    def answer(entry: Entry) -> Verdict:
        known.append((delivery.pace.is_open, gateway.link.reason))
        return Unknown("silence") if len(known) <= 3 else accept(entry)

    sink = ScriptedSink(answer)
    async with gateway.delivering(sink, max_in_flight=1) as delivery:
        await gateway.until_counted(delivered=4)
    assert known[:4] == [(False, "not connected yet")] * 3 + [(True, "silence")]


async def test_an_entry_that_is_never_answered_does_not_stop_the_others(gateway: Gateway) -> None:
    await gateway.owe(*["unit:1", *[f"unit:{n % 5 + 2}" for n in range(60)], "unit:1"])
    sink = ScriptedSink(lambda e: Unknown("silence") if number(e) == 1 else accept(e))
    async with gateway.delivering(sink, max_in_flight=1):
        await gateway.until_counted(delivered=60, pending=2)
        await until(lambda: sink.numbers.count(1) > 5)
    assert 62 not in sink.numbers


async def test_a_wait_that_the_destination_asks_for_delays_that_key_alone(
    gateway: Gateway,
) -> None:
    await gateway.owe("unit:1", "unit:2", "unit:1", "unit:2")
    sink = ScriptedSink(lambda e: Retry("locked", after=1000.0) if number(e) == 1 else accept(e))
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=2, pending=2)
        await gateway.owe("unit:1")
        await gateway.owe("unit:3")
        await gateway.until_counted(delivered=3, pending=3)
    assert sorted(sink.numbers) == [1, 2, 4, 6]


async def test_waiting_for_a_slow_answer_costs_nothing(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key whose rest is over must not make the delivery spin while no entry may be sent."""
    monkeypatch.setattr(module, "POLL_SECONDS", 1000.0)
    await gateway.owe("unit:1", "unit:2")
    goes_on, slow = asyncio.Event(), asyncio.Event()

    async def wait() -> Verdict:
        slow.set()
        await goes_on.wait()
        return Accepted("yes")

    def answer(entry: Entry) -> Verdict | Awaitable[Verdict]:
        if number(entry) == 2:
            return wait()
        return Retry("busy", after=0.5) if entry.attempt == 1 else Accepted("yes")

    sink = ScriptedSink(answer)
    looks = 0
    async with gateway.delivering(sink, max_in_flight=1) as delivery:

        async def counted(*, news: bool) -> bool:
            nonlocal looks
            looks += 1
            return await load(news=news)

        def rest_is_over() -> bool:
            ends = delivery._queue.next_rest_ends
            return ends is None or ends < asyncio.get_running_loop().time()

        await slow.wait()
        load = delivery._backlog.load
        monkeypatch.setattr(delivery._backlog, "load", counted)
        await until(rest_is_over)
        for _ in range(50):
            await gateway.reader.tallies()  # time in which it could spin
        assert looks <= 2
        goes_on.set()
        await gateway.until_counted(delivered=2)


async def test_memory_holds_a_window_of_a_long_backlog(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "WINDOW", 50)
    monkeypatch.setattr(module, "CHUNK", 20)
    monkeypatch.setattr(queue, "MAX_RESTING", 40)
    backlog = 20_000
    # A third of the keys rest for long, with thousands of entries behind their heads.
    await gateway.owe(*[f"unit:{n % 90}" for n in range(backlog)])
    most = 0

    def answer(entry: Entry) -> Verdict:
        nonlocal most
        chains = delivery._queue._chains
        most = max(most, sum(len(chain.entries) for chain in chains.values()))
        rests = int(entry.key.removeprefix("unit:")) % 3 == 0
        return Retry("locked", after=1000.0) if rests else accept(entry)

    sink = ScriptedSink(answer)
    async with gateway.delivering(sink, max_in_flight=16) as delivery:
        await until(lambda: len(sink.booked) > 300)
        assert delivery._queue._resting[Lane.NORMAL] == 30
    assert 50 <= most <= 50 + 20 + 30


async def test_too_many_resting_keys_stop_the_loading_until_some_have_gone_on(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "WINDOW", 10)
    monkeypatch.setattr(module, "CHUNK", 5)
    monkeypatch.setattr(queue, "MAX_RESTING", 20)
    await gateway.owe(*[f"unit:{n}" for n in range(100)])
    sink = ScriptedSink(lambda _: Retry("locked", after=1000.0))
    async with gateway.delivering(sink) as delivery:
        await until(lambda: len(sink.sent) >= 20 and not sink.under_way)
        for _ in range(30):
            delivery.wake()
            await gateway.store.write(lambda _: None)
        assert delivery._queue._resting[Lane.NORMAL] >= 20
        assert len(delivery._queue._chains) <= 20 + 10 + 5
    sink = ScriptedSink(lambda e: Retry("locked") if e.attempt == 2 else accept(e))
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=100)
