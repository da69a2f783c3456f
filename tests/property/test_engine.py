"""However devices tell it, and whenever the engine stops and starts, it decides the same."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
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
from tests.property.drawing import SEEDS, arrivals, chance, one_of_each, some_of
from tests.property.small_site import LONG_AFTER, MOST_DELAY, SITES, Happening

CONFIGURATION = load(Path(__file__).parents[2] / "systemd" / "milepost.toml")
ENGINE = RulesEngine(
    CONFIGURATION.site.name,
    CONFIGURATION.rules,
    CONFIGURATION.lifecycles,
    sources_of(CONFIGURATION.observations),
)
LIFECYCLES = [lifecycle.stages for lifecycle in CONFIGURATION.lifecycles.values()]


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
        for owner in ENGINE.owners() if self.tracks.is_any_due(horizon) else ():
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


def tellings(happenings: Sequence[Happening], seed: int) -> list[Telling]:
    """The same, told late and repeatedly, in any batches, with deadlines judged now and then."""
    random = chance(seed, happenings)
    told = arrivals(random, ((each.at, each) for each in happenings), MOST_DELAY, 30_000)
    acts = some_of(random, [(False, False), (False, True), (True, False), (True, True)], len(told))
    return [Telling(*each, *then) for each, then in zip(told, acts, strict=True)]


@given(SITES, SEEDS)
def test_late_repeated_and_disordered_telling_changes_no_fact(
    happenings: list[Happening], seed: int
) -> None:
    expected = play(in_order(happenings))
    told = play(tellings(happenings, seed))
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
FIELDS_OF = {
    observation.kind: sorted(observation.fields or ()) for observation in CONFIGURATION.observations
}
FIELDS = sorted({"type", "status", "device", "action"}.union(*FIELDS_OF.values()))
LIKELY: list[Value] = ["dock-in-1", "returns-1", "drop", "FINISHED", "U1", 1, 2, 5]
VALUES: st.SearchStrategy[Value] = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3)
)


def anything(told: Sequence[tuple[int, str, int]], values: Sequence[Value]) -> list[Observation]:
    """Say things with these values in whatever fields, mostly the ones of their kind."""
    found = []
    for signal, kind, seed in told:
        random = chance(seed, (signal, kind))
        own, foreign = FIELDS_OF.get(kind, FIELDS), random.sample(FIELDS, random.randint(0, 3))
        names = [*random.sample(own, random.randint(len(own) // 2, len(own))), *foreign]
        at = random.choice((*[random.randint(0, 20_000)] * 7, random.randint(-(2**62), 2**62)))
        fields = {name: random.choice([*LIKELY, *values, *values]) for name in names}
        found.append(Observation(signal, "floor", kind, at, fields))
    return found


ANYTHING = st.builds(
    anything,
    st.lists(one_of_each(range(1, 99), KINDS, range(2**13)), max_size=8),
    st.lists(VALUES, max_size=4),
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


@given(ANYTHING, st.integers(0, 8), st.integers(0, 40_000))
def test_a_step_changes_none_of_its_arguments(
    told: list[Observation], already: int, horizon: int
) -> None:
    run = Run()
    run.collapse(told[:already])
    known = orjson.dumps([[*track, each.state] for track, each in run.tracks.items()])
    ENGINE.collapse(told[already:], run.tracks)
    ENGINE.expire(list(run.tracks), run.tracks, horizon)
    assert orjson.dumps([[*track, each.state] for track, each in run.tracks.items()]) == known
