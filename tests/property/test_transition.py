"""Spells of a level are the same in whatever order, batch or life its samples are told."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson
from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.model import Observation, Value
from tests.unit.edge.milestones.conftest import Site

WAIT = 2_000
REMEMBERED = 30 * 86_400_000
LONG_AFTER = 10_000_000
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


RULES = st.builds(
    lambda **more: rule(**more.pop("reaching"), **more),
    reaching=st.sampled_from(
        [
            {"to": [8, 9]},
            {"above": 6},
            {"above": 6, "until_below": 3},
            {"below": 3, "until_above": 6},
        ]
    ),
    for_seconds=st.sampled_from([0, 1, 3]),
    recurs=st.just(True) | st.booleans(),
).filter(lambda found: bool("to" not in found or found["for_seconds"] or found["recurs"]))
samples = st.lists(
    st.builds(
        Sample,
        st.integers(0, 40).map(lambda at: 500 * at),
        st.sampled_from([0, 3, 5, 6, 8, 9]),
        st.sampled_from(LEVELS),
    ),
    max_size=12,
)


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


@st.composite
def disordered(draw: st.DrawFn, told: Sequence[Sample]) -> list[Telling]:
    """The samples within the wait in any order, some of them again at any later time."""
    arrivals = [(each.at + draw(st.integers(0, WAIT)), each) for each in told]
    return telling(draw, arrivals)


@st.composite
def in_order(draw: st.DrawFn, told: Sequence[Sample]) -> list[Telling]:
    """The samples of each level in their order, some of them again at any later time."""
    arrivals, latest = [], dict.fromkeys(LEVELS, 0)
    for each in sorted(told):
        at = max(latest[each.level], each.at + draw(st.integers(0, WAIT)))
        latest[each.level] = at
        arrivals.append((at, each))
    return telling(draw, arrivals)


def telling(draw: st.DrawFn, arrivals: list[tuple[int, Sample]]) -> list[Telling]:
    for at, sample in list(arrivals):
        again = draw(st.lists(st.integers(0, 60_000), max_size=2))
        arrivals += [(at + later, sample) for later in again]
    arrivals.sort(key=lambda pair: pair[0])
    flags = st.booleans()
    return [Telling(at, sample, draw(flags), draw(flags)) for at, sample in arrivals]


@given(told=samples, rule=RULES, data=st.data())
def test_any_order_within_the_wait_makes_the_same_facts(
    told: list[Sample], rule: dict[str, Any], data: st.DataObject
) -> None:
    site = play(data.draw(disordered(told)), {**rule, "in_order": False})
    assert facts(site) == sorted(expected(told, rule))
    assert {each.mark for each in site.milestones} <= {"in_order"}
    assert site.reasons == []


@given(
    told=samples.map(lambda told: list({each[::2]: each for each in told}.values())),
    rule=RULES,
    data=st.data(),
)
def test_what_is_told_in_order_makes_the_same_facts_although_repeats_are_not_kept(
    told: list[Sample], rule: dict[str, Any], data: st.DataObject
) -> None:
    site = play(data.draw(in_order(told)), rule)
    assert facts(site) == sorted(expected(told, rule))
    assert {each.mark for each in site.milestones} <= {"in_order"}
    assert site.reasons == []


@given(told=samples, rule=RULES, ordered=st.booleans(), data=st.data())
def test_no_fact_stands_that_is_contradicted_however_late(
    told: list[Sample],
    rule: dict[str, Any],
    ordered: bool,  # noqa: FBT001 - drawn
    data: st.DataObject,
) -> None:
    told = sorted({each[::2]: each for each in told}.values())
    delays = {
        each: st.integers(0, 60_000) if is_reached(each.value, rule) is False else st.just(0)
        for each in told
    }
    arrivals = sorted((each.at + data.draw(delays[each]), each) for each in told)
    flags = st.booleans()
    tellings = [Telling(*arrival, data.draw(flags), data.draw(flags)) for arrival in arrivals]
    site = play(tellings, {**rule, "in_order": ordered})
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


@given(told=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=600), rule=RULES)
def test_a_track_stays_small_however_much_is_told(
    told: list[tuple[int, int]], rule: dict[str, Any]
) -> None:
    site = Site({"jammed": {**rule, "in_order": False}})
    at = 0
    for step, value in told * 3:
        at += step
        site.see("eye", at, eye="eye-1", value=value)
        for track in site.tracks.values():
            assert len(orjson.dumps(track.state)) < 16_000
