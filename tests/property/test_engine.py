"""However devices tell it, and whenever the engine stops and starts, it decides the same."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import orjson
from hypothesis import given
from hypothesis import strategies as st

from edge.config import load
from edge.milestones.decode import sources_of
from edge.milestones.engine import RulesEngine
from edge.milestones.model import (
    Decision,
    Milestone,
    Objection,
    Observation,
    Value,
)
from tests.known_tracks import KnownTracks

CONFIGURATION = load(Path(__file__).parents[2] / "systemd" / "milepost.toml")
ENGINE = RulesEngine(
    CONFIGURATION.site.name,
    CONFIGURATION.rules,
    CONFIGURATION.lifecycles,
    sources_of(CONFIGURATION.observations),
)
LIFECYCLES = [lifecycle.stages for lifecycle in CONFIGURATION.lifecycles.values()]

T0 = 1_769_000_000_000
MOST_DELAY = 2_000
"""Devices tell within this time; no rule of the configuration waits less."""
LONG_AFTER = T0 + 10 * 86_400_000
"""Every deadline has passed, and nothing is forgotten yet."""


class Happening(NamedTuple):
    at: int
    kind: str
    fields: Mapping[str, Value]


class Telling(NamedTuple):
    """A happening as a device tells it, once or again."""

    arrives_at: int
    happening: Happening
    judged_after: bool
    """Whether deadlines are judged before it comes."""
    batch_ends: bool


class Run:
    """An engine's life: tracks are JSON between any two steps, as after a crash."""

    def __init__(self) -> None:
        self.tracks = KnownTracks()
        self.milestones: list[Milestone] = []
        self.objections: list[Objection] = []
        self.mentions: set[tuple[str, int]] = set()

    def collapse(self, observations: Sequence[Observation]) -> None:
        self._commit(ENGINE.collapse(observations, self.tracks))

    def expire(self, horizon: int) -> None:
        for owner in ENGINE.owners():
            if due := self.tracks.due(owner, horizon):
                self._commit(ENGINE.expire(due, self.tracks, horizon))

    def _commit(self, decision: Decision) -> None:
        self.tracks.commit(decision)
        self.milestones += decision.milestones
        self.objections += decision.objections
        self.mentions |= decision.mentions

    def facts(self) -> dict[str, tuple[object, ...]]:
        """Return what was told, by id; each once."""
        told: dict[str, tuple[object, ...]] = {
            each.id: (each.name, each.key, each.occurred_at, each.attributes, each.retracts)
            for each in self.milestones
        }
        assert len(told) == len(self.milestones), "a fact was told twice"
        return told


def play(tellings: Iterable[Telling]) -> Run:
    run = Run()
    batch: list[Observation] = []
    for signal, telling in enumerate(tellings, 1):
        if telling.judged_after:
            run.collapse(batch)
            batch = []
            # Whatever comes now or later had not been told a moment ago.
            run.expire(telling.arrives_at - 1)
        happening = telling.happening
        batch.append(Observation(signal, "floor", happening.kind, happening.at, happening.fields))
        if telling.batch_ends:
            run.collapse(batch)
            batch = []
    run.collapse(batch)
    run.expire(LONG_AFTER)
    return run


def in_order(happenings: Iterable[Happening]) -> list[Telling]:
    ordered = sorted(happenings, key=lambda each: each.at)
    return [Telling(each.at, each, judged_after=True, batch_ends=True) for each in ordered]


@dataclass
class Clock:
    """Time as it passes in a scenario under construction."""

    draw: st.DrawFn
    now: int

    def pass_time(self, least: int = 0, most: int = 4_000) -> int:
        self.now += self.draw(st.integers(least, most))
        return self.now


def inbound(clock: Clock, unit: str) -> Iterator[Happening]:
    draw = clock.draw
    yield Happening(clock.now, "goods-in scan", {"unit": unit, "read_point": "dock-in-1"})
    if draw(st.booleans()):
        yield Happening(
            clock.pass_time(), "sorter infeed-scan", {"unit": unit, "read_point": "infeed"}
        )
        if draw(st.booleans()):
            yield Happening(clock.pass_time(0, 8_000), "sorter divert", {"unit": unit, "lane": 3})
    if draw(st.booleans()):
        task: dict[str, Value] = {
            "type": "drop",
            "device": "amr",
            "transport": "T1",
            "action": f"drop-{unit}",
        }
        for status in ("WAITING", "RUNNING", "FINISHED"):
            fields = {**task, "status": status, "unit": unit}
            yield Happening(clock.pass_time(1), "vehicles task", fields)
    if draw(st.booleans()):
        fields = {"unit": unit, "read_point": "returns-1", "rma": draw(st.sampled_from("AB"))}
        yield Happening(clock.pass_time(), "returns scan", fields)


def picked(clock: Clock, order: str) -> Iterator[Happening]:
    draw = clock.draw
    for line in draw(st.sampled_from([[1], [1, 2]])):
        quantities = draw(st.lists(st.sampled_from([1, 2, 0.5]), max_size=3))
        requested = sum(quantities) + draw(st.sampled_from([0, 0, 1]))
        told: dict[str, Value] = {
            "order": order,
            "line": line,
            "item": "I1",
            "requested": requested,
        }
        for number, quantity in enumerate(quantities):
            pick: dict[str, Value] = {"quantity": quantity, "pick": f"{order}/{line}/{number}"}
            seen_by: dict[str, Value] = {"read_point": draw(st.sampled_from(["pick-1", "pick-2"]))}
            yield Happening(clock.pass_time(), "picking pick", {**told, **pick, **seen_by})
        if draw(st.booleans()):
            yield Happening(
                clock.pass_time(),
                "picking line-closed",
                {**told, "picked": sum(quantities), "read_point": "panel"},
            )


def shipped(clock: Clock, trailer: str, cartons: Sequence[str]) -> Iterator[Happening]:
    draw = clock.draw
    for unit in cartons:
        items = draw(st.lists(st.sampled_from("abc"), unique=True))
        for item in items:
            fields = {"unit": unit, "order": "SO-1", "item": item, "read_point": "pack-1"}
            yield Happening(clock.pass_time(), "packing scan", fields)
        if draw(st.integers(0, 9)):
            closed: dict[str, Value] = {"unit": unit, "order": "SO-1", "count": len(items)}
            yield Happening(clock.pass_time(), "packing carton-closed", closed)
    for unit in cartons:
        fields = {"unit": unit, "trailer": trailer, "read_point": "door-1"}
        if draw(st.integers(0, 9)):
            yield Happening(clock.pass_time(), "dock door-scan", fields)
        if draw(st.integers(0, 9)):
            yield Happening(clock.pass_time(), "dock load", fields)
    if draw(st.integers(0, 9)):
        released: dict[str, Value] = {
            "trailer": trailer,
            "count": len(cartons),
            "read_point": "gate",
        }
        yield Happening(clock.pass_time(1), "dock release", released)
    # No trailer comes back so soon that its next trip is told before this one.
    clock.pass_time(MOST_DELAY + 1, MOST_DELAY + 1)


@st.composite
def sites(draw: st.DrawFn) -> list[Happening]:
    """What happens in a small site: units, order lines, cartons, a trailer that comes back."""
    happenings: list[Happening] = []
    for number in range(draw(st.integers(0, 2))):
        happenings += inbound(Clock(draw, T0), f"U{number}")
    if draw(st.booleans()):
        happenings += picked(Clock(draw, T0), "SO-1")
    trailer = Clock(draw, T0)
    for trip in range(draw(st.integers(0, 2))):
        cartons = [f"C{trip}{number}" for number in range(draw(st.integers(1, 3)))]
        happenings += shipped(trailer, "TR-1", cartons)
    return happenings


@st.composite
def tellings(draw: st.DrawFn, happenings: Sequence[Happening]) -> list[Telling]:
    """The same, told late and repeatedly, in any batches, with deadlines judged now and then."""
    delay = st.integers(0, MOST_DELAY)
    told = [(happening.at + draw(delay), happening) for happening in happenings]
    for arrives_at, happening in list(told):
        repeats = draw(st.lists(st.integers(0, 30_000), max_size=2))
        told += [(arrives_at + after, happening) for after in repeats]
    told.sort(key=lambda pair: pair[0])
    flags = draw(st.lists(st.integers(0, 3), min_size=len(told), max_size=len(told)))
    return [
        Telling(at, happening, bool(flag & 1), bool(flag & 2))
        for (at, happening), flag in zip(told, flags, strict=True)
    ]


@given(st.data())
def test_late_repeated_and_disordered_telling_changes_no_fact(data: st.DataObject) -> None:
    happenings = data.draw(sites())
    expected = play(in_order(happenings))
    told = play(data.draw(tellings(happenings)))
    assert told.facts() == expected.facts()
    # The scenario speaks the words of the configuration.
    assert {each.kind for each in happenings} <= set(KINDS)
    assert not [each for each in expected.objections if "is missing" in each.reason]
    _check_that_stages_are_in_their_order(told)


def _check_that_stages_are_in_their_order(run: Run) -> None:
    by_key = defaultdict(list)
    for milestone in run.milestones:
        by_key[milestone.key].append(milestone.name)
    for names in by_key.values():
        for stages in LIFECYCLES:
            told = [stages.index(name) for name in names if name in stages]
            assert told == sorted(told)


KINDS = sorted(sources_of(CONFIGURATION.observations))
FIELDS = sorted(
    {"type", "status", "device", "action"}
    | {field for observation in CONFIGURATION.observations for field in (observation.fields or {})}
)
VALUES: st.SearchStrategy[Value] = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3)
    | st.sampled_from(["dock-in-1", "returns-1", "drop", "FINISHED", "U1", 1, 2, 5])
)
ANYTHING = st.lists(
    st.builds(
        Observation,
        st.integers(1, 99),
        st.just("floor"),
        st.sampled_from(KINDS),
        st.integers(0, 20_000) | st.integers(-(2**62), 2**62),
        st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=3, max_size=8),
    ),
    max_size=8,
)


@given(ANYTHING, st.integers(0, 40_000))
def test_whatever_devices_send_the_batches_decide_nothing(
    observations: list[Observation], horizon: int
) -> None:
    at_once, one_by_one = Run(), Run()
    at_once.collapse(observations)
    for observation in observations:
        one_by_one.collapse([observation])
    for run in (at_once, one_by_one):
        run.expire(horizon)
        run.expire(2**63)
    assert one_by_one.milestones == at_once.milestones
    assert one_by_one.objections == at_once.objections
    assert one_by_one.mentions == at_once.mentions
    assert one_by_one.tracks == at_once.tracks


@given(ANYTHING, ANYTHING, st.integers(0, 40_000))
def test_a_step_changes_none_of_its_arguments(
    before: list[Observation], observations: list[Observation], horizon: int
) -> None:
    run = Run()
    run.collapse(before)
    known = orjson.dumps([[*track, each.state] for track, each in run.tracks.items()])
    ENGINE.collapse(observations, run.tracks)
    ENGINE.expire(list(run.tracks), run.tracks, horizon)
    assert orjson.dumps([[*track, each.state] for track, each in run.tracks.items()]) == known
