"""What comes out of order within a source's bound gives what it gives in order."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.decode import sources_of
from edge.milestones.engine import RulesEngine
from edge.milestones.model import Decision, Milestone, Observation, Value
from edge.milestones.rules import Lifecycle
from tests.known_tracks import KnownTracks
from tests.property.test_engine import CONFIGURATION, LONG_AFTER, T0, Happening, sites

BOUND = 3_000
ONE_SOURCE = dict.fromkeys(sources_of(CONFIGURATION.observations), frozenset({"floor"}))


def engine(lifecycles: Mapping[str, Lifecycle]) -> RulesEngine:
    return RulesEngine(
        CONFIGURATION.site.name, CONFIGURATION.rules, lifecycles, ONE_SOURCE, {"floor": BOUND}
    )


ENGINE = engine(CONFIGURATION.lifecycles)
RULES_ALONE = engine({})


class Telling(NamedTuple):
    """A happening as it reaches the gateway, once or again."""

    arrives_at: int
    happening: Happening
    judged_after: bool
    """Whether deadlines are judged before it comes."""
    batch_ends: bool


class Life:
    """An engine's life: tracks are JSON between any two steps, as after a crash."""

    def __init__(self, engine: RulesEngine) -> None:
        self._engine = engine
        self.tracks = KnownTracks()
        self.milestones: list[Milestone] = []

    def collapse(self, observations: Sequence[Observation]) -> None:
        self._commit(self._engine.collapse(observations, self.tracks))

    def expire(self, heard: int) -> None:
        for owner in self._engine.owners():
            horizon = self._engine.horizon(owner, heard, self.tracks)
            if due := self.tracks.due(owner, horizon):
                self._commit(self._engine.expire(due, self.tracks, horizon))

    def _commit(self, decision: Decision) -> None:
        self.tracks.commit(decision)
        self.milestones += decision.milestones

    def told(self) -> dict[str, tuple[object, ...]]:
        """Return all that is told, but for the numbers of the signals behind it."""
        told = {each.id: (*_facts(each), each.mark) for each in self.milestones}
        assert len(told) == len(self.milestones), "a fact was told twice"
        return told

    def facts(self) -> dict[str, tuple[object, ...]]:
        """Return the same without marks: a lifecycle's depend on when deadlines are judged."""
        return {each.id: _facts(each) for each in self.milestones}


def _facts(each: Milestone) -> tuple[object, ...]:
    return (each.name, each.key, each.occurred_at, each.attributes, each.retracts)


def live(tellings: Iterable[Telling], engine: RulesEngine = ENGINE) -> Life:
    life = Life(engine)
    batch: list[Observation] = []
    for signal, (arrives_at, happening, judged_after, batch_ends) in enumerate(tellings, 1):
        if judged_after:
            life.collapse(batch)
            batch = []
            life.expire(arrives_at - 1)
        lag = arrives_at - happening.at
        batch.append(
            Observation(signal, "floor", happening.kind, happening.at, happening.fields, lag)
        )
        if batch_ends:
            life.collapse(batch)
            batch = []
    life.collapse(batch)
    life.expire(LONG_AFTER)
    life.expire(LONG_AFTER)
    return life


def in_order(happenings: Iterable[Happening]) -> list[Telling]:
    ordered = sorted(happenings, key=lambda each: each.at)
    return [Telling(each.at, each, judged_after=True, batch_ends=True) for each in ordered]


@st.composite
def disordered(draw: st.DrawFn, happenings: Sequence[Happening]) -> list[Telling]:
    """The same, told in any order within the bound, repeatedly, in any batches."""
    delay = st.integers(0, BOUND)
    told = [
        (happening.at + draw(delay), happening)
        for happening in happenings
        for _ in range(draw(st.integers(1, 2)))
    ]
    told = draw(st.permutations(told))
    told.sort(key=lambda pair: pair[0])
    flags = draw(st.lists(st.integers(0, 3), min_size=len(told), max_size=len(told)))
    return [
        Telling(at, happening, bool(flag & 1), bool(flag & 2))
        for (at, happening), flag in zip(told, flags, strict=True)
    ]


@given(st.data())
def test_any_order_within_the_bound_gives_the_same_milestones(data: st.DataObject) -> None:
    happenings = data.draw(sites())
    told = data.draw(disordered(happenings))
    if data.draw(st.booleans()):
        assert live(told, RULES_ALONE).told() == live(in_order(happenings), RULES_ALONE).told()
    else:
        assert live(told).facts() == live(in_order(happenings)).facts()


UNITS = st.sampled_from(["U1", "U2"])
TELLINGS_OF: Mapping[str, Mapping[str, st.SearchStrategy[Value]]] = {
    "scan": {"unit": UNITS, "read_point": st.sampled_from(["dock-in-1", "dock-in-2", "returns-1"])},
    "infeed-scan": {"unit": UNITS},
    "divert": {"unit": UNITS},
    "task": {
        "type": st.just("drop"),
        "device": st.just("amr"),
        "transport": st.just("T1"),
        "action": st.just("drop"),
        "status": st.sampled_from(["WAITING", "FINISHED"]),
        "unit": UNITS,
    },
    "pick": {
        "order": st.just("SO-1"),
        "line": st.just(1),
        "item": st.just("I1"),
        "requested": st.just(3),
        "quantity": st.integers(1, 2),
        "pick": st.sampled_from("abc"),
    },
    "line-closed": {
        "order": st.just("SO-1"),
        "line": st.just(1),
        "item": st.just("I1"),
        "requested": st.just(3),
        "picked": st.integers(0, 3),
    },
    "pack": {"unit": UNITS, "order": st.just("SO-1"), "item": st.sampled_from("ab")},
    "carton-closed": {"unit": UNITS, "order": st.just("SO-1"), "count": st.integers(0, 2)},
    "door-scan": {"unit": UNITS, "trailer": st.just("TR-1")},
    "load": {"unit": UNITS, "trailer": st.just("TR-1")},
    "release": {"trailer": st.just("TR-1"), "count": st.integers(0, 2)},
}
"""What devices may say at any time, whether it makes sense or not."""


@st.composite
def anything(draw: st.DrawFn) -> list[Happening]:
    """Whatever devices may say within half a minute, in an order of its own."""
    kinds = draw(st.lists(st.sampled_from(sorted(TELLINGS_OF)), max_size=14))
    return [
        Happening(
            T0 + draw(st.integers(0, 30_000)),
            kind,
            {name: draw(values) for name, values in TELLINGS_OF[kind].items()},
        )
        for kind in kinds
    ]


@given(st.data())
def test_anything_within_the_bound_gives_the_same_milestones(data: st.DataObject) -> None:
    happenings = data.draw(anything())
    expected = live(in_order(happenings), RULES_ALONE).told()
    assert live(data.draw(disordered(happenings)), RULES_ALONE).told() == expected
