"""What a destination's answers say of the destination, and what of an entry alone."""

import random

import pytest

from drivers.contract import Accepted, Link, Retry, Unknown
from edge.deliver.governor import Governor
from edge.deliver.settings import DestinationSettings

SEED = 5
YES = Accepted("yes")
SILENCE = Unknown("silence")


@pytest.fixture
def governor() -> Governor:
    return governor_of(Link("erp", lambda: 0))


def governor_of(link: Link) -> Governor:
    return Governor(DestinationSettings(driver="x"), 100, link, random.Random(SEED))


def test_an_entry_that_is_never_answered_is_no_outage(governor: Governor) -> None:
    for now in range(1, 20):
        for poison in (1, 2):
            assert not governor.answered([poison], [SILENCE], now, now)
    assert not governor.circuit.is_open


def test_batches_that_share_an_entry_that_is_never_answered_are_no_outage(
    governor: Governor,
) -> None:
    for now in range(1, 20):
        governor.answered([7, 100 + now], [SILENCE, SILENCE], now, now)
    assert not governor.circuit.is_open


def test_silences_about_different_entries_are_an_outage(governor: Governor) -> None:
    waits = [governor.answered([entry], [SILENCE], entry, entry) for entry in (1, 2, 3)]
    assert waits == [False, False, True]
    assert governor.circuit.is_open


def test_a_silence_about_the_same_entry_again_lets_others_be_tried_in_an_outage(
    governor: Governor,
) -> None:
    assert governor.answered([1], [Retry("away", outage=True)], 1.0, 1.0)
    assert governor.answered([2], [SILENCE], 10.0, 10.0)
    closed_until = governor.closed_until
    assert not governor.answered([2], [SILENCE], 20.0, 20.0), "it waits by itself"
    assert governor.circuit.is_open
    assert governor.closed_until == closed_until, "another entry may be sent at once"
    governor.answered([3], [YES], 20.5, 20.5)
    assert not governor.circuit.is_open


def test_a_batch_that_is_refused_for_its_size_says_nothing_else() -> None:
    link = Link("erp", lambda: 0)
    governor = governor_of(link)
    governor.too_large(100, 1.0)  # perhaps by the driver, with no destination to be seen
    assert governor.batch_limit == 50
    assert not link.is_up
    now = 1.0
    for _ in range(600):  # answers of a second each do not look slow beside it
        now += 0.1
        governor.answered([1], [YES] * 40, now - 1.0, now)
        governor.too_large(60, now)
    assert governor.concurrency_limit == 8


@pytest.mark.parametrize(("ago", "gives_way"), [(9.0, True), (11.0, False), (None, False)])
def test_while_critical_entries_flow_the_others_give_way_as_soon_as_answers_take_longer(
    governor: Governor, ago: float | None, *, gives_way: bool
) -> None:
    now = 0.0

    def answer(seconds: float) -> int:
        nonlocal now
        now += seconds
        governor.sent(1, now - seconds)
        governor.answered([1], [YES], now - seconds, now)
        return governor.concurrency_limit

    assert max(answer(0.005) for _ in range(2000)) == 8
    if ago is not None:
        governor.sent(1, now, critical=True)
        assert [answer(0.005) for _ in range(round(ago / 0.005))][-1] == 8
    assert (min(answer(0.015) for _ in range(100)) < 8) == gives_way


def test_noise_is_no_reason_to_give_way(governor: Governor) -> None:
    draw = random.Random(SEED)
    now, limits = 0.0, []
    for each in range(20_000):
        seconds = 0.005 + draw.expovariate(1 / 0.015)
        now += seconds / governor.concurrency_limit
        governor.sent(1, now, critical=each % 100 == 0)
        governor.answered([each], [YES], now - seconds, now)
        limits.append(governor.concurrency_limit)
    assert min(limits[2000:]) == 8


def test_when_critical_entries_begin_to_flow_others_begin_small_again(governor: Governor) -> None:
    now = 0.0
    for _ in range(2000):
        now += 0.005
        governor.answered([1], [YES], now - 0.005, now)
    assert governor.concurrency_limit == 8
    governor.sent(1, now, critical=True)
    assert governor.concurrency_limit == 2
    for _ in range(2000):
        now += 0.005
        governor.sent(1, now, critical=True)
        governor.answered([1], [YES], now - 0.005, now)
    assert governor.concurrency_limit == 8, "only the first of them"


def test_a_destination_with_critical_milestones_alone_gives_way_to_nobody() -> None:
    settings = DestinationSettings.model_validate({"driver": "x", "milestones": ["departed"]})
    governor = Governor(settings, 100, Link("erp", lambda: 0), random.Random(SEED))
    now = 0.0
    for seconds in [0.005] * 2000 + [0.015] * 20:
        now += seconds
        governor.sent(1, now - seconds, critical=True)
        governor.answered([1], [YES], now - seconds, now)
    assert governor.concurrency_limit == 8
