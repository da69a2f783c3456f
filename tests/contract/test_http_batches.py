"""Batches of the HTTP sink, against an ERP that takes them, refuses them or loses its answer."""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace

import pytest

from drivers.contract import (
    Accepted,
    Divide,
    Entry,
    Rejected,
    Retry,
    Sink,
    Unknown,
    Verdict,
)
from simulators.erp_process import ErpProcess
from tests.contract.http_erp import SEED, booked, new_entry, opened, several
from tests.unit.drivers.http.raw_server import deliver_one


@pytest.fixture(scope="module")
def erp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ErpProcess]:
    with ErpProcess(tmp_path_factory.mktemp("erp"), seed=SEED) as running:
        yield running


@pytest.fixture
async def sink(erp: ErpProcess) -> AsyncIterator[Sink]:
    async with opened(erp) as one:
        yield one


@pytest.fixture
async def batching(erp: ErpProcess) -> AsyncIterator[Sink]:
    async with opened(erp, batch={"max_entries": 500}, timeout_seconds=10) as one:
        yield one


@pytest.fixture
def entry(request: pytest.FixtureRequest) -> Entry:
    return new_entry(request.node.name)


async def deliver_all(sink: Sink, entries: Sequence[Entry]) -> Sequence[Verdict]:
    verdicts = await sink.deliver(entries)
    assert not isinstance(verdicts, Divide)
    return verdicts


async def test_a_batch_is_booked_whole_and_each_entry_gets_its_receipt(
    erp: ErpProcess, batching: Sink, entry: Entry
) -> None:
    entries = several(entry, 500)
    before = erp.state()["posts"]
    verdicts = await deliver_all(batching, entries)

    book = booked(erp, *entries)
    assert [line.key for line in book] == [each.id for each in entries]
    assert verdicts == [Accepted(f'201 {{"receipt":"ERP-{line.number:06d}"}}') for line in book]
    assert book[0].body == json.loads(entry.body)
    assert erp.state()["posts"] == before + 1


async def test_an_entry_means_the_same_in_a_batch_and_alone(
    erp: ErpProcess, sink: Sink, batching: Sink, entry: Entry
) -> None:
    compact = replace(
        entry, body=json.dumps(json.loads(entry.body), separators=(",", ":")).encode()
    )
    alone, *others = several(compact, 3)
    before = erp.state()["mismatches"]
    await deliver_one(sink, alone)
    assert [type(verdict) for verdict in await deliver_all(batching, [alone, *others])] == [
        Accepted
    ] * 3
    assert isinstance(await deliver_one(sink, others[0]), Accepted)
    assert await batching.look_up(others[1]) is not None

    assert len(booked(erp, alone, *others)) == 3
    assert erp.state()["mismatches"] == before


async def test_poison_in_a_batch_is_rejected_and_hurts_no_other(
    erp: ErpProcess, batching: Sink, entry: Entry
) -> None:
    entries = several(entry, 5)
    with erp.faulty(reject_keys=[entries[2].id]):
        verdicts = await deliver_all(batching, entries)

    expected: list[type[Verdict]] = [Accepted] * 5
    expected[2] = Rejected
    assert [type(verdict) for verdict in verdicts] == expected
    assert entries[2].id not in {line.key for line in booked(erp, *entries)}


async def test_a_batch_refused_without_telling_why_can_be_divided_down_to_the_poison(
    erp: ErpProcess, batching: Sink, entry: Entry
) -> None:
    async def divide(entries: Sequence[Entry]) -> list[Verdict]:
        verdicts = await batching.deliver(entries)
        if not isinstance(verdicts, Divide):
            return list(verdicts)
        assert not verdicts.too_large
        half = len(entries) // 2
        return await divide(entries[:half]) + await divide(entries[half:])

    entries = several(entry, 20)
    with erp.faulty(all_or_nothing=True, reject_keys=[entries[13].id]):
        verdicts = await divide(entries)

    expected: list[type[Verdict]] = [Accepted] * 20
    expected[13] = Rejected
    assert [type(verdict) for verdict in verdicts] == expected


async def test_a_batch_above_the_limit_of_the_erp_is_divided(
    erp: ErpProcess, batching: Sink, entry: Entry
) -> None:
    both = several(entry, 2)
    with erp.faulty(max_bytes=500):
        divide = await batching.deliver(both)
        assert isinstance(divide, Divide)
        assert divide.too_large
        assert [type(verdict) for verdict in await deliver_all(batching, both[:1])] == [Accepted]
    with erp.faulty(max_bytes=50):
        assert [type(verdict) for verdict in await deliver_all(batching, both[1:])] == [Rejected]


@pytest.mark.parametrize("fault", ["cut_rate", "error_after_booking_rate"])
async def test_a_batch_whose_answer_is_lost_is_unknown_until_looked_up(
    erp: ErpProcess, batching: Sink, entry: Entry, fault: str
) -> None:
    entries = several(entry, 3)
    with erp.faulty(**{fault: 1}):
        verdicts = await deliver_all(batching, entries)

    assert [type(verdict) for verdict in verdicts] == [Unknown] * 3
    assert [type(await batching.look_up(each)) for each in entries] == [Accepted] * 3


async def test_an_erp_that_is_sent_too_much_says_when_to_come_again_and_is_no_outage(
    erp: ErpProcess, sink: Sink, entry: Entry
) -> None:
    with erp.faulty(requests_per_second=0.1):
        verdicts = [await deliver_one(sink, each) for each in several(entry, 2)]

    verdict = verdicts[-1]
    assert isinstance(verdict, Retry)
    assert verdict.overloaded
    assert not verdict.outage
    assert verdict.after is not None
    assert 1 <= verdict.after <= 10
