"""A destination is sent as much as it takes, and no more than is allowed."""

import asyncio
import random
from itertools import pairwise

import pytest

from buffer.lane import Lane
from drivers.contract import Accepted, Entry, Retry, Verdict
from edge.deliver import concurrency
from edge.deliver.concurrency import Concurrency
from edge.deliver.pace import Meter
from edge.deliver.rate import Bucket, Rate
from tests.unit.edge.deliver.gateway import Gateway, ScriptedSink, accept, until

SEED = 5


def concurrency_of(most: int = 16) -> Concurrency:
    return Concurrency(most, initial=1.0, ceiling=8.0, draw=random.Random(SEED))


def work(limit: Concurrency, until: float, now: float = 0.0, latency: float = 0.01) -> float:
    """Let the destination answer in this time, one request after the other."""
    while now < until:
        limit.worked(1, now, now + latency)
        now += latency
    return now


def test_the_limit_begins_low_and_grows_by_one_in_a_period() -> None:
    limit = concurrency_of()
    assert limit.limit == 2
    seen = []
    now = 0.0
    for _ in range(20):
        now = work(limit, now + concurrency.PERIOD_SECONDS, now)
        seen.append(limit.limit)
    assert seen == sorted(seen)
    assert all(b - a <= 1 for a, b in pairwise(seen))
    assert seen[-1] == 16


def test_an_overload_halves_the_limit_once_for_all_that_was_under_way() -> None:
    limit = concurrency_of()
    now = work(limit, 20.0)
    assert limit.limit == 16
    for _ in range(10):
        limit.overloaded(now - 0.5, now, after=3.0)
    assert limit.limit == 8
    assert limit.paused_until >= now + 3.0
    for each in range(6):
        limit.overloaded(now + 5 + each, now + 5.5 + each, after=None)
    assert limit.limit == 1


def test_overloads_in_a_row_without_a_wait_are_answered_by_longer_and_longer_pauses() -> None:
    pauses = []
    for seed in range(200):
        limit = Concurrency(8, initial=1.0, ceiling=8.0, draw=random.Random(seed))
        now, told = 0.0, []
        for _ in range(5):
            limit.overloaded(now, now, after=None)
            told.append(limit.paused_until - now)
            now = limit.paused_until
        pauses.append(told)
    highest = [max(each) for each in zip(*pauses, strict=True)]
    assert [round(each) for each in highest] == [1, 2, 4, 8, 8]


def test_answers_that_take_twice_as_long_halve_the_limit_and_normal_jitter_does_not() -> None:
    limit = concurrency_of()
    draw = random.Random(SEED)
    now = 0.0
    while now < 20:
        latency = draw.uniform(0.15, 0.25)
        limit.worked(1, now, now + latency)
        now += latency
    assert limit.limit == 16
    seen = []
    for _ in range(4):
        now = work(limit, now + 1.0, now, latency=1.0)
        seen.append(limit.limit)
    assert min(seen) <= 8


def test_a_larger_batch_may_take_longer() -> None:
    limit = concurrency_of()
    now = work(limit, 20.0)
    limit.worked(500, now, now + 5.0)
    assert limit.limit == 16


def test_a_destination_that_stays_slower_is_taken_as_it_is_in_the_end() -> None:
    limit = concurrency_of()
    now = work(limit, 20.0)
    now = work(limit, now + 600.0, now, latency=1.0)
    assert limit.limit == 16


@pytest.mark.parametrize("rate", [0.5, 3.0, 100.0])
def test_no_more_is_taken_in_any_time_than_the_rate_and_a_second_more(rate: float) -> None:
    bucket, draw = Bucket(rate), random.Random(SEED)
    taken: list[tuple[float, int]] = []
    now = 0.0
    while now < 60:
        if bucket.ready_at(now) <= now:
            tokens = draw.randint(1, bucket.most)
            bucket.take(tokens, now)
            taken.append((now, tokens))
        now += draw.choice([0.0, 0.01, 0.3])
    for first, (began, _) in enumerate(taken):
        total = 0
        for at, tokens in taken[first:]:
            total += tokens
            assert total <= rate * (at - began) + max(rate, 2.0) + 1e-6
    assert sum(tokens for _, tokens in taken) >= rate * 60 * 0.9, "less than is allowed"


def test_without_bounds_everything_may_be_sent_at_once() -> None:
    rate = Rate(None, None)
    rate.sent(1000, 1.0)
    assert rate.ready_at(1.0) == 1.0
    assert rate.most(500) == 500


def test_the_rate_is_known_from_the_beginning_and_fades() -> None:
    meter = Meter()
    assert meter.per_second(5.0) == 0.0
    for second in range(100):
        meter.count(50, 10.0 + second)
        if second > 3:
            assert 40 < meter.per_second(10.5 + second) < 70
    assert meter.per_second(109.0 + 600) < 0.1


async def test_no_more_requests_are_sent_in_a_second_than_is_set(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(20)])
    times: list[float] = []

    def answer(entry: Entry) -> Verdict:
        times.append(asyncio.get_running_loop().time())
        return accept(entry)

    sink = ScriptedSink(answer)
    async with gateway.delivering(sink, max_requests_per_second=20.0):
        await gateway.until_counted(delivered=20)
    for first, began in enumerate(times):
        for last in range(first, len(times)):
            assert last - first + 1 <= 20 * (times[last] - began) + 20 + 1


async def test_no_more_milestones_are_sent_in_a_second_than_is_set_and_critical_go_first(
    gateway: Gateway,
) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(60)])
    sink = ScriptedSink(batch_limit=50)
    began = asyncio.get_running_loop().time()
    async with gateway.delivering(sink, max_milestones_per_second=40.0) as delivery:
        await until(lambda: len(sink.sent) >= 20)
        await gateway.owe("unit:c", lane=Lane.CRITICAL)
        delivery.wake()
        await gateway.until_counted(delivered=61)
    assert max(len(request) for request in sink.requests) <= 20
    assert asyncio.get_running_loop().time() - began >= (61 - 40) / 40
    assert [61] in sink.requests
    assert sink.numbers.index(61) <= 45, "others went first while tokens were scarce"


@pytest.mark.usefixtures("eager")
async def test_an_overloaded_destination_is_sent_nothing_before_the_time_it_asks_for(
    gateway: Gateway,
) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(40)])
    loop = asyncio.get_running_loop()
    told: list[float] = []
    sent_after: list[float] = []

    def answer(entry: Entry) -> Verdict:
        if len(sink.sent) < 20:
            return accept(entry)
        if not told:
            told.append(loop.time())
            return Retry("429", after=0.4, overloaded=True)
        sent_after.append(loop.time())
        return accept(entry)

    sink = ScriptedSink(answer)
    async with gateway.delivering(sink, max_in_flight=8) as delivery:
        await until(lambda: bool(told))
        await gateway.owe("unit:c", lane=Lane.CRITICAL)
        delivery.wake()
        assert gateway.link.is_up
        assert not delivery.pace.is_open
        await gateway.until_counted(delivered=41)
    assert min(sent_after) >= told[0] + 0.4
    assert gateway.link.is_up


async def test_after_an_outage_the_drain_begins_slowly(gateway: Gateway) -> None:
    """A flood at reconnection trips the destination's own limits: eclipse-kura/kura#1416."""
    await gateway.owe(*[f"unit:{n}" for n in range(200)])
    away = True
    most: list[int] = []

    async def answer(_: Entry) -> Verdict:
        if away:
            return Retry("away", outage=True)
        most.append(sink.requests_under_way)
        await asyncio.sleep(0.002)
        return Accepted("yes")

    sink = ScriptedSink(answer)
    async with gateway.delivering(sink, max_in_flight=64, critical=()) as delivery:
        await until(lambda: delivery.pace.is_open and len(sink.sent) > 3)
        assert delivery.pace.concurrency == 1
        away = False
        await gateway.until_counted(delivered=200)
        assert delivery.pace.per_second > 0
    assert max(most[:50]) <= concurrency.START + 1


async def test_attempts_never_run_out(gateway: Gateway) -> None:
    await gateway.owe("unit:1")
    sink = ScriptedSink(lambda e: Retry("locked") if e.attempt < 60 else accept(e))
    quick = {"retry_initial_seconds": 0.0001, "retry_ceiling_seconds": 0.001}
    async with gateway.delivering(sink, **quick):
        await gateway.until_counted(delivered=1)
    assert len(sink.sent) == 60
