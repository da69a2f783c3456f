"""What is picked too much, against a model that knows all picks beforehand."""

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from edge.milestones.engine import RulesEngine
from edge.milestones.model import Decision, Milestone, Observation, Value
from edge.milestones.rules import Rule
from tests.known_tracks import KnownTracks
from tests.property.drawing import SEEDS, arrivals, chance, one_of_each, some_of

WAIT = 5_000
ENGINE = RulesEngine(
    "dc-north",
    {
        "picked": TypeAdapter[Rule](Rule).validate_python(
            {
                "operator": "gather",
                "milestone": "picked",
                "over": "over_picked",
                "about": "order",
                "of": {"kind": "pick"},
                "distinct": "pick",
                "quantity": "quantity",
                "until": "requested",
                "within_seconds": 600,
                "wait_seconds": WAIT / 1000,
            }
        )
    },
    {},
    {"pick": frozenset({"floor"})},
)

REQUESTED = 3


class Pick(NamedTuple):
    at: int
    number: str
    quantity: int


class Telling(NamedTuple):
    """A pick as it is told, once or again."""

    arrives_at: int
    pick: Pick
    judged_before: bool
    batch_ends: bool


PICKS = st.lists(one_of_each(range(20_000), range(1, 4)), max_size=6).map(
    lambda drawn: [Pick(at, f"P{n}", quantity) for n, (at, quantity) in enumerate(drawn)]
)


def tellings(picks: Sequence[Pick], seed: int) -> list[Telling]:
    """The same, told within the wait and repeatedly, in any batches, judged now and then."""
    random = chance(seed, picks)
    told = arrivals(random, ((each.at, each) for each in picks), WAIT, 30_000)
    acts = some_of(random, [(False, False), (False, True), (True, False), (True, True)], len(told))
    return [Telling(*each, *then) for each, then in zip(told, acts, strict=True)]


def expected(picks: Sequence[Pick]) -> list[tuple[str, int, tuple[object, ...]]]:
    """Picks count in the order in which they happened; each one that is too many is told."""
    facts: list[tuple[str, int, tuple[object, ...]]] = []
    quantity = 0
    for each in sorted(picks):
        before, quantity = quantity, quantity + each.quantity
        if before < REQUESTED <= quantity:
            facts.append(("picked", each.at, (quantity, REQUESTED)))
        if quantity > REQUESTED:
            facts.append(("over_picked", each.at, (quantity, REQUESTED, each.number)))
    return facts


def sums_of(milestone: Milestone) -> tuple[object, ...]:
    names = ["quantity", "requested", *(["pick"] if milestone.name == "over_picked" else [])]
    return tuple(milestone.attributes[name] for name in names)


def play(tellings: Sequence[Telling]) -> list[Milestone]:
    tracks = KnownTracks()
    told: list[Milestone] = []
    batch: list[Observation] = []

    def commit(decision: Decision) -> None:
        assert decision.objections == []
        assert None not in decision.tracks.values()
        tracks.commit(decision)
        told.extend(decision.milestones)

    def hear_until(horizon: int) -> None:
        while due := [track for track, known in tracks.items() if (known.due_at or 0) <= horizon]:
            commit(ENGINE.expire(due, tracks, horizon))

    for signal, telling in enumerate(tellings):
        if telling.judged_before:
            commit(ENGINE.collapse(batch, tracks))
            batch = []
            hear_until(telling.arrives_at - 1)
        at, number, quantity = telling.pick
        fields: dict[str, Value] = {
            "order": "SO-1",
            "pick": number,
            "quantity": quantity,
            "requested": REQUESTED,
        }
        batch.append(Observation(signal, "floor", "pick", at, fields))
        if telling.batch_ends:
            commit(ENGINE.collapse(batch, tracks))
            batch = []
    commit(ENGINE.collapse(batch, tracks))
    # All has been heard, and what is short of its quantity is not given up yet.
    hear_until(400_000)
    return told


@given(PICKS, SEEDS)
def test_in_whatever_order_picks_come_the_same_ones_are_too_many(
    picks: list[Pick], seed: int
) -> None:
    told = play(tellings(picks, seed))
    facts = [(each.name.value, each.occurred_at, sums_of(each)) for each in told]
    assert sorted(facts) == sorted(expected(picks))
    assert len({each.id for each in told}) == len(told)
    in_order = play(
        [Telling(each.at, each, judged_before=True, batch_ends=True) for each in sorted(picks)]
    )
    assert {each.id for each in told} == {each.id for each in in_order}
