"""Spells of a level are the same in whatever order, batch or life its samples are told."""

from collections.abc import Iterator, Sequence
from itertools import product
from random import Random
from typing import Any, NamedTuple

import orjson
from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.model import Observation, Value
from tests.property.drawing import SEEDS, arrivals, chance, one_of_each, some_of
from tests.unit.edge.milestones.conftest import Site

WAIT = 2_000
REMEMBERED = 30 * 86_400_000
LONG_AFTER = 10_000_000
LATE = 60_000
"""Repeats, and what contradicts a fact, may be told so much later."""
LEVELS = ("eye-1", "eye-2")


class Sample(NamedTuple):
    at: int
    value: float
    level: str


class Telling(NamedTuple):
    arrives_at: int
    sample: Sample
    judged_before: bool
    batch_ends: bool


def rule(**more: Any) -> dict[str, Any]:
    return {
        "operator": "transition",
        "milestone": "short",
        "about": "eye",
        "of": {"kind": "eye"},
        "level": "value",
        "level_of": ["eye"],
        "wait_seconds": WAIT / 1000,
        **more,
    }


REACHING: list[dict[str, Any]] = [
    {"to": [8, 9]},
    {"above": 6},
    {"above": 6, "until_below": 3},
    {"below": 3, "until_above": 6},
]
RULES = st.sampled_from(
    [
        rule(**reaching, for_seconds=seconds, recurs=recurs)
        for recurs, seconds, reaching in product([True, False], [0, 1, 3], REACHING)
        if "to" not in reaching or seconds or recurs
    ]
)
TIMES = range(0, 20_500, 500)
VALUES = [0, 3, 5, 6, 8, 9]
# One choice decides two samples, or one.
PAIRS = one_of_each(TIMES, VALUES, LEVELS, TIMES, VALUES, [*LEVELS, None])
SAMPLES = st.lists(PAIRS, max_size=8).map(
    lambda pairs: [
        Sample(*each) for pair in pairs for each in (pair[:3], pair[3:]) if each[-1] is not None
    ]
)
TOLD_ONCE = SAMPLES.map(lambda told: sorted({each[::2]: each for each in told}.values()))
"""A level is told one value of a moment."""


def expected(told: Sequence[Sample], rule: dict[str, Any]) -> Iterator[tuple[str, int, float]]:
    """Tell whose facts there are, of when, and by what value: naively, from all samples at once."""
    hold = rule["for_seconds"] * 1000
    for level in LEVELS:
        seen = sorted(
            (sample.at, reached, sample.value)
            for sample in told
            if sample.level == level and (reached := is_reached(sample.value, rule)) is not None
        )
        begins = [
            (at, value)
            for position, (at, reached, value) in enumerate(seen)
            if reached and (position == 0 or not seen[position - 1][1])
        ]
        ends = [at for at, reached, _ in seen if not reached]
        facts = []
        for begin, value in begins:
            # Of what is told for one moment the value comes last: it begins after that.
            end = min((at for at in ends if at > begin), default=None)
            if end is None or end - begin >= hold:
                facts.append((level, begin + hold, value))
        yield from facts if rule["recurs"] else facts[:1]


def is_reached(value: float, rule: dict[str, Any]) -> bool | None:
    if "to" in rule:
        return value in rule["to"]
    if "above" in rule:
        if value > rule["above"]:
            return True
        return False if value < rule.get("until_below", rule["above"]) else None
    if value < rule["below"]:
        return True
    return False if value > rule["until_above"] else None


def play(tellings: Sequence[Telling], rule: dict[str, Any]) -> Site:
    """Let samples be told; tracks are JSON between any two steps, as after a crash."""
    site = Site({"jammed": rule})
    batch: list[Observation] = []
    for signal, (arrives_at, sample, judged_before, batch_ends) in enumerate(tellings, 1):
        if judged_before:
            site.judge(batch)
            batch = []
            # Whatever comes now or later had not been told a moment ago.
            site.hear_until(arrives_at - 1)
        fields: dict[str, Value] = {"eye": sample.level, "value": sample.value}
        batch.append(Observation(signal, "floor", "eye", sample.at, fields))
        if batch_ends:
            site.judge(batch)
            batch = []
    site.judge(batch)
    site.hear_until(LONG_AFTER)
    assert len({each.id for each in site.milestones}) == len(site.milestones)
    return site


def facts(site: Site) -> list[tuple[str, int, float]]:
    return sorted(
        (each.attributes["eye"], each.occurred_at, each.attributes["value"])
        for each in site.milestones
    )


def disordered(told: Sequence[Sample], seed: int) -> list[Telling]:
    """Tell the samples within the wait in any order, some of them again at any later time."""
    random = chance(seed, told)
    return in_batches(arrivals(random, ((each.at, each) for each in told), WAIT, LATE), random)


def in_order(told: Sequence[Sample], seed: int) -> list[Telling]:
    """Tell the samples of each level in their order, some of them again at any later time."""
    random = chance(seed, told)
    first = sorted(
        arrivals(random, ((each.at, each) for each in told), WAIT), key=lambda each: each[1]
    )
    found, latest = [], dict.fromkeys(LEVELS, 0)
    for arrives_at, each in first:
        latest[each.level] = max(latest[each.level], arrives_at)
        found.append((latest[each.level], each))
    for _ in range(random.choice((0, 1, 3, len(told))) if told else 0):
        at, each = random.choice(found)
        found.append((at + random.choice((0, random.randint(0, LATE))), each))
    return in_batches(sorted(found, key=lambda each: each[0]), random)


def in_batches(arrived: Sequence[tuple[int, Sample]], random: Random) -> list[Telling]:
    acts = some_of(random, [*product([False, True], repeat=2)], len(arrived))
    return [Telling(*each, *act) for each, act in zip(arrived, acts, strict=True)]


@given(told=SAMPLES, rule=RULES, seed=SEEDS)
def test_any_order_within_the_wait_makes_the_same_facts(
    told: list[Sample], rule: dict[str, Any], seed: int
) -> None:
    site = play(disordered(told, seed), {**rule, "in_order": False})
    assert facts(site) == sorted(expected(told, rule))
    assert {each.mark for each in site.milestones} <= {"in_order"}
    assert site.reasons == []


@given(told=TOLD_ONCE, rule=RULES, seed=SEEDS)
def test_what_is_told_in_order_makes_the_same_facts_although_repeats_are_not_kept(
    told: list[Sample], rule: dict[str, Any], seed: int
) -> None:
    site = play(in_order(told, seed), rule)
    assert facts(site) == sorted(expected(told, rule))
    assert {each.mark for each in site.milestones} <= {"in_order"}
    assert site.reasons == []


@given(told=TOLD_ONCE, rule=RULES, ordered=st.booleans(), seed=SEEDS)
def test_no_fact_stands_that_is_contradicted_however_late(
    told: list[Sample],
    rule: dict[str, Any],
    ordered: bool,  # noqa: FBT001 - drawn
    seed: int,
) -> None:
    random = chance(seed, told)
    contradicting = {each for each in told if is_reached(each.value, rule) is False}
    told_in_time = [(each.at, each) for each in told if each not in contradicting]
    told_late = arrivals(random, ((each.at, each) for each in told if each in contradicting), LATE)
    site = play(in_batches(sorted(told_in_time + told_late), random), {**rule, "in_order": ordered})
    retracted = {each.retracts for each in site.milestones}
    for each in site.milestones:
        began = each.occurred_at - rule["for_seconds"] * 1000
        is_broken = any(
            sample.level == each.attributes["eye"]
            and is_reached(sample.value, rule) is False
            and began < sample.at < each.occurred_at
            for sample in told
        )
        assert is_broken == (each.retracts is not None or each.id in retracted)
        assert each.retracts is None or each.mark == "late"


# What would grow shows in long stories only, and those are dear.
@given(batches=st.sampled_from([*[1, 2, 3] * 10, 60, *[1, 2, 3] * 10]), rule=RULES, seed=SEEDS)
def test_a_track_stays_small_however_much_is_told(
    batches: int, rule: dict[str, Any], seed: int
) -> None:
    random = chance(seed, batches)
    site = Site({"jammed": {**rule, "in_order": False}})
    at = 0
    for batch in range(batches):
        told = []
        for signal in range(batch * 10, batch * 10 + 10):
            at += random.randint(0, 9)
            fields: dict[str, Value] = {"eye": "eye-1", "value": random.randint(0, 9)}
            told.append(Observation(signal, "floor", "eye", at, fields))
        site.judge(told)
        for track in site.tracks.values():
            assert len(orjson.dumps(track.state)) < 16_000
