"""Windows are told the same in whatever order, batch or life of the engine samples come.

The oracle works from the definition: which samples had been told by a moment,
a sum without rounding, and the state of each millisecond.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import groupby
from random import Random
from typing import Any, NamedTuple

import orjson
from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.model import Decision, Observation, Track
from edge.milestones.operators.windows import SLICES
from tests.property.drawing import SEEDS, arrivals, chance, one_of_each
from tests.unit.edge.milestones.conftest import Site

EVERY, WAIT, CORRECT, HOLDS = 1_000, 700, 3_000, 1_300
WINDOWS = 4
TICK = 10
"""All times are multiples of it."""
SLICE = EVERY // SLICES
LONG_AFTER = 100_000
RULES = {
    "machine": {
        "operator": "summarise",
        "about": "device",
        "of": {"kind": "sample"},
        "value": "amps",
        "measures": "ElectricCurrent",
        "uom": "AMP",
        "state": "state",
        "every_seconds": EVERY / 1000,
        "wait_seconds": WAIT / 1000,
        "correct_seconds": CORRECT / 1000,
        "holds_seconds": HOLDS / 1000,
    }
}
SITE = Site(RULES)


class Sample(NamedTuple):
    at: int
    amps: float
    state: str
    shift: int


class Telling(NamedTuple):
    """A sample as it comes to the engine."""

    arrives_at: int
    sample: Sample


Fact = tuple[int, str, bool, Mapping[str, Any]]
"""When the window ended, the mark, whether it is retracted, and what is told."""

MOMENTS = [*range(0, WINDOWS * EVERY, TICK), *[0, 990, 1_000, 1_050, 1_990] * 100]
AMPS = [0.1, 0.2, 0.7, -3, 1e9, 1e-9, -0.0]
AMPS += [Random(number).uniform(-1e6, 1e6) for number in range(20)]
STATES = ["IDLE", "EXECUTE", "HELD"]
SAMPLES = st.lists(one_of_each(MOMENTS, AMPS, STATES, [1, 1, 1, 2]).map(Sample._make), max_size=8)


def within_wait(happened: Sequence[Sample], seed: int) -> list[Telling]:
    """Tell samples within the wait."""
    told = arrivals(chance(seed, happened), ((each.at, each) for each in happened), WAIT)
    return [Telling(*each) for each in told]


def whenever(happened: Sequence[Sample], seed: int) -> list[Telling]:
    """Tell samples whenever, and one in time at the end of each window.

    So each window is told, and is final, at the moments that it should be.
    """
    random = chance(seed, happened)
    late = random.choice((2 * WAIT, WAIT + EVERY + CORRECT + 2_000))
    told = arrivals(random, ((each.at, each) for each in happened), late)
    beats = [
        Sample(end - TICK, random.randint(0, 3), random.choice(("~A", "~B")), 1)
        for end in range(EVERY, (WINDOWS + 1) * EVERY, EVERY)
    ]
    told += arrivals(random, ((each.at, each) for each in beats), WAIT)
    return [Telling(*each) for each in told]


TOLD_IN_TIME = st.builds(within_wait, SAMPLES, SEEDS)
TOLD_IN_TIME_AND_LATE = st.builds(whenever, SAMPLES, SEEDS)


def life(
    tellings: Iterable[Telling],
    batches: Sequence[int] = (),
    ticks: Sequence[int] | None = None,
) -> Site:
    """Let samples be told in the order in which they come; tracks are JSON between two steps.

    Deadlines are judged before the samples at the positions `ticks`, before
    each if there are none given. `batches` are positions before which a batch ends.
    """
    site = SITE.anew()
    batch: list[Observation] = []

    def commit() -> None:
        _take(site, site.engine.collapse(batch, site.tracks))
        batch.clear()

    for position, telling in enumerate(tellings):
        is_tick = ticks is None or position in ticks
        if is_tick or position in batches:
            commit()
        if is_tick:
            site.hear_until(telling.arrives_at - 1)
        fields = {"device": "m1", **telling.sample._asdict()}
        at = fields.pop("at")
        batch.append(Observation(position + 1, "floor", "sample", at, fields))
    commit()
    site.hear_until(LONG_AFTER)
    assert len({each.id for each in site.milestones}) == len(site.milestones)
    return site


def _take(site: Site, decision: Decision) -> None:
    for track, new in decision.tracks.items():
        assert new is not None
        state = orjson.loads(orjson.dumps(new.state))
        assert state == new.state, "a state must come back from JSON as it was"
        site.tracks[track] = Track(state, new.due_at)
    site.objections += decision.objections


def facts(site: Site) -> list[Fact]:
    """Return what was told, by time and then in the order in which it was told."""
    told = [
        (each.occurred_at, each.mark.value, each.retracts is not None, each.attributes)
        for each in site.milestones
    ]
    return sorted(told, key=lambda each: each[0])


def ids(site: Site) -> list[tuple[str, str | None, tuple[str, ...]]]:
    return sorted((each.id, each.retracts, each.corrected_by) for each in site.milestones)


def in_order(tellings: Iterable[Telling]) -> list[Telling]:
    return sorted(tellings, key=lambda each: (each.arrives_at, each.sample))


def summary(known: Sequence[Sample], start: int) -> dict[str, Any] | None:
    """Return what a window comes to, from the definition; None if nothing is known of it."""
    ordered = sorted({(each.at, each.state, each.amps) for each in known})
    inside = [amps for at, _, amps in ordered if start <= at < start + EVERY]
    lasted: Counter[str] = Counter()
    for moment in range(start, start + EVERY, TICK):
        before = [(at, state) for at, state, _ in ordered if at <= moment]
        if before and before[-1][0] + HOLDS > moment:
            lasted[before[-1][1]] += TICK
    if not inside and not lasted:
        return None
    told: dict[str, Any] = {"device": "m1", "since": start, "count": len(inside)}
    if inside:
        total = float(sum(map(Fraction, inside)))
        told |= {"measures": "ElectricCurrent", "uom": "AMP", "sum": total}
        mean = min(max(total / len(inside), min(inside)), max(inside))
        told |= {"min": min(inside), "max": max(inside), "mean": mean}
        shifts = {each.shift for each in known if start <= each.at < start + EVERY}
    else:
        # The fields are those around the state that lasts into the window.
        held_at = max(each.at for each in known if each.at < start)
        shifts = {each.shift for each in known if each.at // SLICE == held_at // SLICE}
    if len(shifts) == 1:
        told["shift"] = shifts.pop()
    told["seconds"] = {state: ms / 1000 for state, ms in lasted.items()}
    told["unknown_seconds"] = (EVERY - lasted.total()) / 1000
    return told


@given(told=TOLD_IN_TIME)
def test_a_window_comes_to_what_it_is_by_definition(told: list[Telling]) -> None:
    site = life(in_order(told))
    happened = [each.sample for each in told]
    expected = [
        (start + EVERY, "in_order", False, comes_to)
        for start in range(0, (WINDOWS + 3) * EVERY, EVERY)
        if (comes_to := summary(happened, start)) is not None
    ]
    assert facts(site) == expected
    assert site.objections == []


@given(happened=SAMPLES, seed=SEEDS)
def test_delays_repeats_batches_and_crashes_change_nothing(
    happened: list[Sample], seed: int
) -> None:
    random = chance(seed, happened)
    expected = life(in_order(within_wait(happened, seed=seed + 1)))
    told = arrivals(random, ((each.at, each) for each in happened), WAIT, CORRECT)
    again = [Telling(*each) for each in told]
    found = life(again, _positions(random, again), _positions(random, again))
    assert facts(found) == facts(expected)
    assert ids(found) == ids(expected)


def _positions(random: Random, told: Sequence[Telling]) -> list[int]:
    """Return none, few, some, or all positions."""
    often = random.choice((0, 0.2, 0.5, 1))
    return [position for position in range(len(told) + 1) if random.random() < often]


@given(told=TOLD_IN_TIME_AND_LATE)
def test_late_samples_correct_once_what_was_told(told: list[Telling]) -> None:
    site = life(in_order(told))
    ends = {each.sample: (each.sample.at // EVERY + 1) * EVERY for each in told}
    taken = [each for each in told if each.arrives_at <= ends[each.sample] + WAIT + CORRECT]
    expected: list[Fact] = []
    for start in range(0, (WINDOWS + 3) * EVERY, EVERY):
        told_at = start + EVERY + WAIT
        first = summary([each.sample for each in taken if each.arrives_at <= told_at], start)
        if first is None:
            continue
        expected.append((start + EVERY, "in_order", False, first))
        later = [each.sample for each in taken if each.arrives_at <= told_at + CORRECT]
        corrected = summary(later, start)
        assert corrected is not None
        if corrected != first:
            expected.append((start + EVERY, "late", True, first))
            expected.append((start + EVERY, "late", False, corrected))
    assert facts(site) == expected
    assert len(site.objections) == len(told) - len(taken)


@given(told=TOLD_IN_TIME_AND_LATE, grid=st.integers(100, 3_000), seed=SEEDS)
def test_what_is_late_may_come_in_whatever_order_and_batch_between_two_looks_at_deadlines(
    told: list[Telling], grid: int, seed: int
) -> None:
    random = chance(seed, told)
    by_look = sorted(told, key=lambda each: each.arrives_at // grid)
    one, other = [], []
    for look, together in groupby(by_look, key=lambda each: each.arrives_at // grid):
        arrived = [Telling(look * grid, each.sample) for each in together]
        one += arrived
        random.shuffle(arrived)
        other += [*arrived, *random.choices(arrived, k=random.randint(0, 2))]
    expected = life(one, ticks=_firsts(one))
    ticks = _firsts(other)
    found = life(other, _positions(random, other), ticks)
    assert facts(found) == facts(expected)
    assert ids(found) == ids(expected)


def _firsts(told: Sequence[Telling]) -> list[int]:
    """Return the positions at which time has moved on."""
    return [
        position
        for position, each in enumerate(told)
        if position == 0 or told[position - 1].arrives_at != each.arrives_at
    ]
