"""The HTTP sink against an ERP that books, refuses, loses answers and goes away.

One ERP serves all tests, so each has entries of its own.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest

from drivers.contract import (
    Accepted,
    Entry,
    Rejected,
    Retry,
    Sink,
    Unknown,
)
from simulators.erp_process import ErpProcess
from tests.contract.http_erp import SEED, booked, new_entry, opened
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
def entry(request: pytest.FixtureRequest) -> Entry:
    return new_entry(request.node.name)


async def test_what_is_accepted_is_in_the_book_as_it_was_sent(
    erp: ErpProcess, sink: Sink, entry: Entry
) -> None:
    verdict = await deliver_one(sink, entry)

    [line] = booked(erp, entry)
    assert verdict == Accepted(f'201 {{"receipt":"ERP-{line.number:06d}"}}')
    assert line.type == "milepost.milestone.picked.v1"
    assert line.subject == entry.key
    assert line.body == json.loads(entry.body)


async def test_a_retraction_takes_back_its_own_posting_and_no_other_of_the_key(
    erp: ErpProcess, sink: Sink, entry: Entry
) -> None:
    first, second, third = (replace(entry, id=f"{n}{entry.id[1:]}") for n in "def")
    retraction = replace(entry, retracts=second.id)
    for each in (first, second, third, retraction, retraction):
        assert isinstance(await deliver_one(sink, each), Accepted)
    book = booked(erp, first, second, third, retraction)
    assert [line.reverses for line in book] == [None, None, None, book[1].number]
    assert book[1].key == second.id


async def test_a_repetition_is_accepted_and_takes_effect_once(
    erp: ErpProcess, sink: Sink, entry: Entry
) -> None:
    before = erp.state()
    await deliver_one(sink, entry)
    again = await deliver_one(sink, replace(entry, attempt=2))

    [line] = booked(erp, entry)
    assert isinstance(again, Accepted)
    assert f"ERP-{line.number:06d}" in again.receipt
    after = erp.state()
    assert after["repeats"] == before["repeats"] + 1
    assert after["mismatches"] == before["mismatches"]


@pytest.mark.parametrize("fault", ["swallow_rate", "cut_rate", "error_after_booking_rate"])
async def test_a_lost_answer_is_unknown_until_a_look_up_finds_the_booking(
    erp: ErpProcess, sink: Sink, entry: Entry, fault: str
) -> None:
    with erp.faulty(**{fault: 1}):
        assert isinstance(await deliver_one(sink, entry), Unknown)

    found = await sink.look_up(entry)
    [line] = booked(erp, entry)
    assert found == Accepted(f'found by look-up: 200 {{"receipt":"ERP-{line.number:06d}"}}')


async def test_a_failure_before_the_booking_is_not_found_by_a_look_up(
    erp: ErpProcess, sink: Sink, entry: Entry
) -> None:
    with erp.faulty(error_rate=1):
        assert isinstance(await deliver_one(sink, entry), Unknown)

    assert await sink.look_up(entry) is None


async def test_an_erp_that_is_down_is_an_outage_and_comes_back(
    erp: ErpProcess, sink: Sink, entry: Entry
) -> None:
    with erp.down():
        verdict = await deliver_one(sink, entry)
        assert isinstance(await sink.look_up(entry), Unknown)

    assert isinstance(verdict, Retry)
    assert verdict.outage
    assert isinstance(await deliver_one(sink, entry), Accepted)


async def test_poison_is_rejected_in_the_erps_words_and_hurts_no_other(
    erp: ErpProcess, sink: Sink, entry: Entry
) -> None:
    other = replace(entry, id="0" * 32, key="order:other")
    with erp.faulty(reject_subjects=[entry.key]):
        verdicts = [await deliver_one(sink, entry), await deliver_one(sink, other)]

    assert verdicts[0] == Rejected(f"422 {entry.key} cannot be posted in this period")
    assert booked(erp, entry, other)[0].key == other.id


async def test_an_entry_with_other_bytes_under_its_id_is_rejected(
    erp: ErpProcess, sink: Sink, entry: Entry
) -> None:
    await deliver_one(sink, entry)
    verdict = await deliver_one(sink, replace(entry, body=entry.body + b" "))

    assert isinstance(verdict, Rejected)
    assert len(booked(erp, entry)) == 1


async def test_through_every_misfortune_each_entry_takes_effect_once(
    erp: ErpProcess, sink: Sink, entry: Entry
) -> None:
    draw = random.Random(SEED)
    entries = [replace(entry, id=f"{number:032x}") for number in range(1, 61)]
    before = erp.state()

    async def insist(owed: Entry) -> None:
        while True:
            verdict = await deliver_one(sink, owed)
            if isinstance(verdict, Unknown) and draw.random() < 0.5:
                verdict = await sink.look_up(owed) or verdict
            if isinstance(verdict, Accepted):
                return
            assert isinstance(verdict, Unknown), f"{verdict} with seed {SEED}"

    with erp.faulty(error_rate=0.1, error_after_booking_rate=0.2, swallow_rate=0.1, cut_rate=0.2):
        await asyncio.gather(*(insist(owed) for owed in entries))

    after = erp.state()
    assert {line.key for line in booked(erp, *entries)} == {owed.id for owed in entries}
    assert after["bookings"] == before["bookings"] + len(entries)
    assert after["mismatches"] == before["mismatches"]
    met = {
        fault: count - before["faults"].get(fault, 0) for fault, count in after["faults"].items()
    }
    assert {fault for fault, count in met.items() if count > 0} == {
        *("error", "error_after_booking", "swallowed", "cut")
    }, f"seed {SEED}"
