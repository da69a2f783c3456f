"""A lifecycle's guard against a model that knows all stages beforehand."""

from collections.abc import Sequence
from itertools import accumulate, compress
from random import Random
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from edge.milestones.engine import RulesEngine
from edge.milestones.model import Decision, Mark, Milestone, Name, Observation, Value
from edge.milestones.rules import Lifecycle, Rule
from tests.known_tracks import KnownTracks
from tests.property.drawing import SEEDS, arrivals, chance, one_of_each, some_of

STAGES = (Name.RECEIVED, Name.STORED, Name.PICKED, Name.PACKED, Name.LOADED)
WAIT = 5_000
ENGINE = RulesEngine(
    "dc-north",
    {
        name: TypeAdapter[Rule](Rule).validate_python(
            {"operator": "one", "milestone": name, "about": "unit", "of": {"kind": name}}
        )
        for name in STAGES
    },
    {"all": Lifecycle(stages=STAGES, carry=("order",), wait_seconds=WAIT / 1000)},
    {name: frozenset({"floor"}) for name in STAGES},
)

Visit = tuple[Name, int, int]
"""A stage that a unit reaches, when, and when that is told."""


STORIES = st.tuples(
    one_of_each(*[range(0, 4_001, 100)] * (len(STAGES) - 1)),
    one_of_each(*[[True, True, True, False]] * len(STAGES)),
)
"""How long after the one before it each stage is reached, and which ones are."""


def visits(story: tuple[Sequence[int], Sequence[bool]], random: Random) -> list[Visit]:
    """Tell some of the stages, in their order, each within the wait, in whatever order."""
    gaps, are_reached = story
    times = accumulate(gaps, initial=0)
    reached = compress(
        ((at, (stage, at)) for stage, at in zip(STAGES, times, strict=True)), are_reached
    )
    return [(stage, at, told) for told, (stage, at) in arrivals(random, reached, WAIT)]


def expected(reached: Sequence[Name]) -> list[tuple[Name, Mark]]:
    """Every stage is told, in the order of the stages; marked if the one before it is missing."""
    return [
        (
            stage,
            Mark.IN_ORDER if place == 0 or STAGES[place - 1] in reached else Mark.OUT_OF_ORDER,
        )
        for place, stage in enumerate(STAGES)
        if stage in reached
    ]


def play(visits: Sequence[Visit], judged: Sequence[bool]) -> list[Milestone]:
    tracks = KnownTracks()
    told: list[Milestone] = []

    def commit(decision: Decision) -> None:
        tracks.commit(decision)
        told.extend(decision.milestones)

    for signal, (stage, at, arrives_at) in enumerate(visits):
        if judged[signal]:
            commit(ENGINE.expire(list(tracks), tracks, arrives_at - 1))
        order = {"order": signal} if stage is Name.RECEIVED else {}
        seen = Observation(signal, "floor", stage, at, {"unit": "U1", **order})
        commit(ENGINE.collapse([seen], tracks))
    commit(ENGINE.expire(list(tracks), tracks, 1_000_000))
    return told


@given(STORIES, SEEDS)
def test_the_guard_tells_what_a_model_that_knows_all_stages_tells(
    story: tuple[Sequence[int], Sequence[bool]], seed: int
) -> None:
    random = chance(seed, story)
    visited = visits(story, random)
    told = play(visited, some_of(random, [False, True], len(visited)))
    reached = {stage: at for stage, at, _ in visited}
    assert [(each.name, each.mark) for each in told] == expected(list(reached))
    assert {each.name: each.occurred_at for each in told} == reached
    if Name.RECEIVED in reached:
        assert len({each.attributes["order"] for each in told}) == 1


ASKED = RulesEngine(
    "dc-north",
    {
        name: TypeAdapter[Rule](Rule).validate_python(
            {
                "operator": "one",
                "milestone": name,
                "about": "unit",
                "of": {"kind": name},
                "occurrence": ["again"],
            }
        )
        for name in STAGES
    },
    {
        "all": Lifecycle(
            stages=STAGES, wait_seconds=WAIT / 1000, exceptions=(Name.ILLEGAL, Name.UNKNOWN)
        )
    },
    {name: frozenset({"floor"}) for name in STAGES},
)


class Telling(NamedTuple):
    """A visit as it is told, once or again; or a second one of the same stage."""

    arrives_at: int
    stage: Name
    at: int
    is_second: bool
    judged_before: bool
    batch_ends: bool


def tellings(visits: Sequence[Visit], random: Random) -> list[Telling]:
    """What is told of some visits, repeatedly, and of second ones after the first were told."""
    told = [(arrives_at, (stage, at, False)) for stage, at, arrives_at in visits]
    told += [
        (arrives_at + 60_000, (stage, at + 50_000, True))
        for stage, at, arrives_at in visits
        if random.random() < 0.5
    ]
    told = arrivals(random, told, 0, 90_000)
    acts = some_of(random, [(False, False), (False, True), (True, False), (True, True)], len(told))
    return [Telling(at, *each, *then) for (at, each), then in zip(told, acts, strict=True)]


def tell(tellings: Sequence[Telling]) -> list[Milestone]:
    tracks = KnownTracks()
    told: list[Milestone] = []
    batch: list[Observation] = []

    def commit(decision: Decision) -> None:
        assert decision.objections == []
        tracks.commit(decision)
        told.extend(decision.milestones)

    for signal, (arrives_at, stage, at, is_second, judged_before, batch_ends) in enumerate(
        tellings
    ):
        if judged_before:
            commit(ASKED.collapse(batch, tracks))
            batch = []
            commit(ASKED.expire(list(tracks), tracks, arrives_at - 1))
        fields: dict[str, Value] = {"unit": "U1", "again": is_second}
        batch.append(Observation(signal, "floor", stage, at, fields))
        if batch_ends:
            commit(ASKED.collapse(batch, tracks))
            batch = []
    commit(ASKED.collapse(batch, tracks))
    commit(ASKED.expire(list(tracks), tracks, 1_000_000))
    return told


def _when(visit: tuple[bool, Name, int]) -> tuple[bool, int, int]:
    is_second, stage, at = visit
    return is_second, at, STAGES.index(stage)


@given(STORIES, SEEDS)
def test_what_is_illegal_or_unknown_does_not_depend_on_how_it_is_told(
    story: tuple[Sequence[int], Sequence[bool]], seed: int
) -> None:
    random = chance(seed, story)
    reached = visits(story, random)
    told_so = tellings(reached, random)
    told = tell(told_so)
    facts = [(each.name, each.occurred_at, each.attributes.get("stage", "")) for each in told]
    first = min(reached, key=lambda visit: STAGES.index(visit[0]), default=None)
    seconds = {(each.stage, each.at) for each in told_so if each.is_second}
    model = [(stage, at, "") for stage, at, _ in reached]
    model += [(Name.ILLEGAL, at, stage.value) for stage, at in seconds]
    if first is not None and first[0] is not Name.RECEIVED:
        model.append((Name.UNKNOWN, first[1], first[0].value))
    assert sorted(facts) == sorted(model)
    in_order = sorted({(each.is_second, each.stage, each.at) for each in told_so}, key=_when)
    calmly = tell(
        [
            Telling(at, stage, at, second, judged_before=True, batch_ends=True)
            for second, stage, at in in_order
        ]
    )
    assert {each.id for each in told} == {each.id for each in calmly}
    assert len({each.id for each in told}) == len(told)
