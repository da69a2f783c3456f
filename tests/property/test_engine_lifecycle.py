"""A lifecycle's guard against a model that knows all stages beforehand."""

from collections.abc import Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from edge.milestones.engine import RulesEngine
from edge.milestones.model import Decision, Mark, Milestone, Name, Observation
from edge.milestones.rules import Lifecycle, Rule
from tests.known_tracks import KnownTracks

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


@st.composite
def visits(draw: st.DrawFn) -> list[Visit]:
    """Some of the stages, in their order, each told within the wait, in whatever order."""
    at, found = 0, []
    for stage in STAGES:
        at += draw(st.integers(0, 4_000))
        if draw(st.integers(0, 3)):
            found.append((stage, at, at + draw(st.integers(0, WAIT))))
    return sorted(found, key=lambda visit: visit[2])


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


def play(visits: Sequence[Visit], judged: Mapping[int, bool]) -> list[Milestone]:
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


@given(visits(), st.lists(st.booleans(), min_size=len(STAGES), max_size=len(STAGES)))
@settings(max_examples=200, deadline=None)
def test_the_guard_tells_what_a_model_that_knows_all_stages_tells(
    visits: list[Visit], judged: list[bool]
) -> None:
    told = play(visits, dict(enumerate(judged)))
    reached = {stage: at for stage, at, _ in visits}
    assert [(each.name, each.mark) for each in told] == expected(list(reached))
    assert {each.name: each.occurred_at for each in told} == reached
    if Name.RECEIVED in reached:
        assert len({each.attributes["order"] for each in told}) == 1
