"""How long to wait, and for whom."""

import random

import pytest

from edge.deliver.backoff import delay
from edge.deliver.circuit import Circuit

DRAW_SEED = 11


def test_the_wait_is_anything_up_to_a_bound_that_doubles() -> None:
    draw = random.Random(DRAW_SEED)
    for failures, bound in [(1, 0.5), (2, 1.0), (3, 2.0), (7, 30.0), (8, 30.0)]:
        waits = [delay(failures, 0.5, 30.0, draw) for _ in range(2000)]
        assert 0 <= min(waits) < bound * 0.01, "full jitter reaches down to nothing"
        assert bound * 0.99 < max(waits) <= bound
        assert abs(sum(waits) / len(waits) - bound / 2) < bound * 0.03


def test_the_same_seed_gives_the_same_waits() -> None:
    waits = [[delay(n, 0.5, 30.0, random.Random(DRAW_SEED)) for n in range(1, 9)] for _ in range(2)]
    assert waits[0] == waits[1]


def test_no_number_of_failures_is_too_large() -> None:
    assert 0 <= delay(10**9, 0.5, 30.0, random.Random(DRAW_SEED)) <= 30.0


@pytest.fixture
def circuit() -> Circuit:
    return Circuit(initial=1.0, ceiling=8.0, draw=random.Random(DRAW_SEED))


def test_a_closed_circuit_lets_everything_through(circuit: Circuit) -> None:
    assert (circuit.is_open, circuit.opens_until) == (False, 0.0)


def test_an_outage_stops_all_then_lets_one_through_at_a_time(circuit: Circuit) -> None:
    circuit.failed(sent_at=99.0, now=100.0, after=None)
    assert circuit.is_open
    assert 100.0 <= circuit.opens_until <= 101.0
    circuit.worked(sent_at=101.0)
    assert (circuit.is_open, circuit.opens_until) == (False, 0.0)


def test_failures_of_one_outage_count_once(circuit: Circuit) -> None:
    circuit.failed(sent_at=99.0, now=100.0, after=None)
    until = circuit.opens_until
    for _ in range(7):  # those that were under way as well
        circuit.failed(sent_at=99.5, now=100.5, after=None)
    assert circuit.opens_until == until


def test_each_failed_probe_doubles_the_bound_up_to_the_ceiling() -> None:
    highest = [0.0] * 6
    for seed in range(300):
        circuit = Circuit(initial=1.0, ceiling=8.0, draw=random.Random(seed))
        now = 0.0
        for failure in range(6):
            circuit.failed(sent_at=now, now=now, after=None)
            highest[failure] = max(highest[failure], circuit.opens_until - now)
            now = circuit.opens_until
    bounds = [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert all(0.9 * b < h <= b + 1e-9 for h, b in zip(highest, bounds, strict=True))


def test_a_wait_that_the_destination_asks_for_is_kept(circuit: Circuit) -> None:
    circuit.failed(sent_at=0.0, now=0.0, after=120.0)
    assert circuit.opens_until == 120.0


def test_the_longest_wait_that_is_asked_for_in_an_outage_is_kept(circuit: Circuit) -> None:
    circuit.failed(sent_at=0.0, now=1.0, after=None)
    for after in (60.0, 20.0):  # of those that were under way as well
        circuit.failed(sent_at=0.0, now=2.0, after=after)
    assert circuit.opens_until == 62.0


def test_an_answer_to_what_was_sent_before_the_outage_does_not_end_it(circuit: Circuit) -> None:
    circuit.failed(sent_at=99.0, now=100.0, after=60.0)
    circuit.worked(sent_at=99.5)
    assert (circuit.is_open, circuit.opens_until) == (True, 160.0)


def test_after_it_worked_the_next_outage_begins_small_again(circuit: Circuit) -> None:
    for _ in range(10):
        circuit.failed(sent_at=1.0, now=1.0, after=None)
    circuit.worked(sent_at=1.0)
    circuit.failed(sent_at=50.0, now=50.0, after=None)
    assert circuit.opens_until <= 51.0
