"""Entries that leave together: whose end is whose, and what a refusal of all of them means."""

from collections.abc import Sequence

import pytest

from buffer.lane import Lane
from drivers.contract import Accepted, Divide, Entry, Rejected, Retry, Unknown, Verdict
from edge.deliver import batch_size
from edge.deliver.batch_size import BatchSize
from tests.unit.edge.deliver.gateway import Gateway, ScriptedSink, accept, number, until


async def test_what_is_ready_leaves_together_one_entry_of_each_key(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n % 30}" for n in range(60)])
    sink = ScriptedSink(batch_limit=20)
    async with gateway.delivering(sink, max_in_flight=1):
        await gateway.until_counted(delivered=60)
    assert sink.requests[0] == list(range(1, 21))
    assert len(sink.requests) <= 6
    assert not sink.overtaken
    for request in sink.requests:
        assert len({(n - 1) % 30 for n in request}) == len(request), "a key twice in a batch"


async def test_critical_entries_do_not_leave_with_others(gateway: Gateway) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(10)], lane=Lane.BULK)
    await gateway.owe("unit:a", "unit:b", lane=Lane.CRITICAL)
    await gateway.owe("unit:c")
    sink = ScriptedSink(batch_limit=20)
    async with gateway.delivering(sink, max_in_flight=2):
        await gateway.until_counted(delivered=13)
    assert sink.requests[0] == [11, 12]
    assert sorted(sink.requests[1]) == [*range(1, 11), 13]


async def test_each_entry_of_a_batch_has_its_own_verdict(gateway: Gateway) -> None:
    await gateway.owe("unit:1", "unit:2", "unit:3", "unit:4", *[f"unit:{n}" for n in range(1, 5)])
    verdicts: dict[int, Verdict] = {
        1: Rejected("never"),
        2: Retry("locked", after=1000.0),
        3: Accepted("yes"),
        4: Retry("busy"),
    }

    def answer(entry: Entry) -> Verdict:
        return verdicts.get(number(entry), Accepted("yes")) if entry.attempt == 1 else accept(entry)

    sink = ScriptedSink(answer, batch_limit=4)
    async with gateway.delivering(sink):
        await gateway.until_counted(dead=1, pending=3, delivered=4)
    assert sink.requests[0] == [1, 2, 3, 4]
    assert sorted(number(entry) for entry in sink.booked) == [3, 4, 7, 8]


async def test_an_unknown_outcome_of_a_batch_is_looked_up_entry_by_entry(
    gateway: Gateway,
) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(1, 7)])

    def answer(entry: Entry) -> Verdict:
        if entry.attempt > 1:
            return accept(entry)
        if number(entry) % 2:
            sink.hidden[entry.id] = "found"
        return Unknown("silence")

    sink = ScriptedSink(answer, batch_limit=10)
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=6)
    assert sorted(number(entry) for entry in sink.looked_up) == [1, 2, 3, 4, 5, 6]
    assert sorted(n for request in sink.requests[1:] for n in request) == [2, 4, 6]


async def test_one_that_makes_every_batch_fail_makes_no_other_fail_twice(
    gateway: Gateway,
) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(1, 61)])
    poison = 33
    sink = ScriptedSink(
        lambda e: Unknown("500") if poison in sink.requests[-1] else accept(e), batch_limit=20
    )
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=59, pending=1)
        await until(lambda: sink.requests.count([poison]) > 2)
    assert max(entry.attempt for entry in sink.booked) == 2
    assert (
        len([request for request in sink.requests if poison in request and len(request) > 1]) == 1
    )


async def test_the_bad_one_of_a_refused_batch_is_found_and_the_rest_goes_through(
    gateway: Gateway,
) -> None:
    """One poisonous message stops nothing else: wso2/product-ei#2740."""
    await gateway.owe(*[f"unit:{n}" for n in range(64)], "unit:36")
    sink = ScriptedSink(
        lambda e: Rejected("no such order") if number(e) == 37 else accept(e), batch_limit=64
    )

    def refuse(entries: Sequence[Entry]) -> Divide | None:
        bad = any(number(entry) == 37 for entry in entries)
        return Divide("422 no such order", too_large=False) if bad else None

    sink.refuse = refuse
    async with gateway.delivering(sink, max_in_flight=1):
        await gateway.until_counted(delivered=63, dead=1, pending=1)
        await gateway.owe("unit:100")
        await gateway.until_counted(delivered=64, dead=1, pending=1)
    assert len(sink.requests) <= 1 + 2 * 6 + 1
    (dead,) = await gateway.reader.entries("erp", "dead", 9)
    assert (dead.seq, dead.outcome) == (37, "no such order")
    told = [(each.verdict, each.detail) for each in await gateway.reader.attempts_of(37)]
    assert told == [
        *[("retry", f"with {n} others: 422 no such order") for n in (63, 31, 15, 7, 3, 1)],
        ("rejected", "no such order"),
    ]
    attempts = [entry.attempt for entry in sink.sent if number(entry) == 37]
    assert attempts == list(range(1, 8))


async def test_a_batch_that_is_too_large_is_halved_until_it_fits_and_that_is_remembered(
    gateway: Gateway,
) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(200)])
    sink = ScriptedSink(batch_limit=64)
    sink.refuse = lambda entries: Divide("413", too_large=True) if len(entries) > 20 else None
    async with gateway.delivering(sink, max_in_flight=1):
        await gateway.until_counted(delivered=200)
    sizes = [len(request) for request in sink.requests]
    assert sizes[:10] == [64, 32, 16, 16, 32, 16, 16, 32, 16, 16]
    assert set(sizes[10:-1]) == {16}


async def test_one_milestone_that_is_too_large_for_any_batch_makes_no_batch_of_others_tiny(
    gateway: Gateway,
) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(400)])
    sink = ScriptedSink(batch_limit=64)
    giant = 70
    sink.refuse = lambda entries: (
        Divide("413", too_large=True) if giant in map(number, entries) else None
    )
    async with gateway.delivering(sink, max_in_flight=1):
        await gateway.until_counted(delivered=400)
    alone = sink.requests.index([giant])
    assert {len(request) for request in sink.requests[alone + 10 : -1]} == {32}


async def test_a_limit_that_is_raised_is_found_again_without_a_restart(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """thingsboard/thingsboard-gateway#1483: the storage filled although the limit was raised."""
    monkeypatch.setattr(batch_size, "GROW_SECONDS", 0.0)
    limit = 3
    sink = ScriptedSink(batch_limit=32)
    sink.refuse = lambda entries: Divide("413", too_large=True) if len(entries) > limit else None
    await gateway.owe(*[f"unit:{n}" for n in range(100)])
    async with gateway.delivering(sink, max_in_flight=1) as delivery:
        await gateway.until_counted(delivered=100)
        assert max(len(request) for request in sink.requests[-10:]) <= 5
        limit = 1000
        await gateway.owe(*[f"unit:{n}" for n in range(1000)])
        delivery.wake()
        await gateway.until_counted(delivered=1100)
    assert 32 in [len(request) for request in sink.requests[-10:]]


async def test_halves_that_may_not_be_sent_any_more_go_back_to_the_queue(
    gateway: Gateway,
) -> None:
    await gateway.owe(*[f"unit:{n}" for n in range(8)])
    sink = ScriptedSink(batch_limit=8)

    def refuse_and_stop(_: Sequence[Entry]) -> Divide:
        delivery.stop()
        return Divide("413", too_large=True)

    sink.refuse = refuse_and_stop
    async with gateway.delivering(sink) as delivery:
        await until(lambda: len(sink.requests) == 1)
    assert len(sink.requests) == 1
    assert await gateway.counts() == {"pending": 8}


@pytest.mark.parametrize("outcome", [[], [Accepted("yes")] * 3, Divide("one", too_large=False)])
async def test_an_answer_of_the_driver_that_makes_no_sense_is_an_unknown_outcome(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, outcome: Sequence[Verdict] | Divide
) -> None:
    await gateway.owe("unit:1")
    sink = ScriptedSink()
    deliver = sink.deliver

    async def senseless(entries: Sequence[Entry]) -> Sequence[Verdict] | Divide:
        told = await deliver(entries)
        return outcome if entries[0].attempt == 1 else told

    monkeypatch.setattr(sink, "deliver", senseless)
    async with gateway.delivering(sink):
        await gateway.until_counted(delivered=1)
    first = (await gateway.reader.attempts_of(1))[0]
    assert first.verdict == "unknown"
    assert first.detail.startswith("the driver failed: ")


def test_the_size_of_batches_halves_when_refused_and_grows_by_a_quarter_in_time() -> None:
    size = BatchSize(100)
    size.too_large(100, now=1000.0)
    assert size.limit == 50
    size.too_large(25, now=1000.0)
    assert size.limit == 12
    size.too_large(1, now=1000.0)
    assert size.limit == 1
    size.worked(1, now=1029.0)
    assert size.limit == 1
    for now in range(1030, 2000, 30):
        size.worked(size.limit - 1, now)  # not a full one: shows nothing
        assert size.limit < 100 or now > 1500
        size.worked(size.limit, now)
    assert size.limit == 100
