"""What comes out of order within a source's bound gives what it gives in order."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.decode import sources_of
from edge.milestones.engine import RulesEngine
from edge.milestones.model import Decision, Milestone, Observation, Value
from edge.milestones.rules import Lifecycle
from tests.known_tracks import KnownTracks
from tests.property.drawing import SEEDS, arrivals, chance, one_of_each, some_of
from tests.property.small_site import LONG_AFTER, SITES, T0, Happening
from tests.property.test_engine import CONFIGURATION

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
        for owner in self._engine.owners() if self.tracks.is_any_due(heard) else ():
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


def disordered(happenings: Sequence[Happening], seed: int) -> list[Telling]:
    """The same, told in any order within the bound, repeatedly, in any batches."""
    random = chance(seed, happenings)
    often = random.choice(([1], [1, 2], [1, 1, 1, 3]))
    again = ((each.at, each) for each in happenings for _ in range(random.choice(often)))
    told = arrivals(random, again, BOUND)
    acts = some_of(random, [(False, False), (False, True), (True, False), (True, True)], len(told))
    return [Telling(*each, *then) for each, then in zip(told, acts, strict=True)]


@given(SITES, SEEDS, st.booleans())
def test_any_order_within_the_bound_gives_the_same_milestones(
    happenings: list[Happening],
    seed: int,
    alone: bool,  # noqa: FBT001 - drawn
) -> None:
    told = disordered(happenings, seed)
    if alone:
        assert live(told, RULES_ALONE).told() == live(in_order(happenings), RULES_ALONE).told()
    else:
        assert live(told).facts() == live(in_order(happenings)).facts()


UNITS = ["U1", "U2"]
LINE: Mapping[str, Sequence[Value]] = {
    "order": ["SO-1"],
    "line": [1],
    "item": ["I1"],
    "requested": [3],
}
TELLINGS_OF: Mapping[str, Mapping[str, Sequence[Value]]] = {
    "goods-in scan": {"unit": UNITS, "read_point": ["dock-in-1", "dock-in-2"]},
    "returns scan": {"unit": UNITS, "read_point": ["returns-1"], "rma": ["A", "B"]},
    "sorter infeed-scan": {"unit": UNITS},
    "sorter divert": {"unit": UNITS},
    "vehicles task": {
        "type": ["drop"],
        "device": ["amr"],
        "transport": ["T1"],
        "action": ["drop"],
        "status": ["WAITING", "FINISHED"],
        "unit": UNITS,
    },
    "picking pick": {**LINE, "quantity": [1, 2], "pick": ["a", "b", "c"]},
    "picking line-closed": {**LINE, "picked": [0, 1, 2, 3]},
    "packing scan": {"unit": UNITS, "order": ["SO-1"], "item": ["a", "b"]},
    "packing carton-closed": {"unit": UNITS, "order": ["SO-1"], "count": [0, 1, 2]},
    "dock door-scan": {"unit": UNITS, "trailer": ["TR-1"]},
    "dock load": {"unit": UNITS, "trailer": ["TR-1"]},
    "dock release": {"trailer": ["TR-1"], "count": [0, 1, 2]},
}
"""What devices may say at any time, whether it makes sense or not."""

ANYTHING = st.lists(
    one_of_each(
        range(0, 30_001, 50),
        [0, 0, 1, 17],
        sorted(TELLINGS_OF),
        range(12),  # so many ways there are at most to say something
    ),
    max_size=14,
).map(
    lambda drawn: [
        Happening(T0 + at + more, kind, said(kind, way)) for at, more, kind, way in drawn
    ]
)
"""Whatever devices may say within half a minute, in an order of its own."""


def said(kind: str, way: int) -> dict[str, Value]:
    """Return what is said in one of the ways in which a device may say it."""
    fields = TELLINGS_OF[kind]
    ways = list(product(*fields.values()))
    return dict(zip(fields, ways[way % len(ways)], strict=True))


@given(ANYTHING, SEEDS)
def test_anything_within_the_bound_gives_the_same_milestones(
    happenings: list[Happening], seed: int
) -> None:
    expected = live(in_order(happenings), RULES_ALONE).told()
    assert live(disordered(happenings, seed), RULES_ALONE).told() == expected
    # The devices speak the words of the configuration.
    assert ONE_SOURCE.keys() >= TELLINGS_OF.keys()
