"""What is told of units in units against a model that sees everything in the order of time."""

from collections.abc import Sequence
from itertools import permutations
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.model import Observation
from tests.property.drawing import SEEDS, chance, one_of_each, some_of
from tests.unit.edge.milestones.conftest import Site

MOVED: dict[str, Any] = {
    "operator": "gather",
    "about": "unit",
    "by": ["event"],
    "distinct": "child",
    "children": "child",
    "children_are": "units",
    "until": "count",
    "within_seconds": 1,
}
RULES: dict[str, Any] = {
    "put-in": {**MOVED, "milestone": "packed", "of": {"kind": "in"}},
    "taken-out": {**MOVED, "milestone": "unpacked", "of": {"kind": "out"}},
    "emptied": {
        "operator": "one",
        "milestone": "unpacked",
        "about": "unit",
        "of": {"kind": "all-out"},
        "occurrence": ["event"],
    },
    "moved": {
        "operator": "one",
        "milestone": "loaded",
        "about": "unit",
        "of": {"kind": "door"},
        "occurrence": ["event"],
        "for_content": True,
    },
}
SITE = Site(RULES)
UNITS = 5


class Event(NamedTuple):
    at: int
    kind: str
    unit: int
    children: tuple[int, ...]
    """Only of lower numbers: nothing comes to be in itself."""


# A unit, and up to two that may be in it.
AROUND = [
    (unit, children)
    for unit in range(1, UNITS)
    for many in (1, 2)
    for children in permutations(range(unit), many)
]
HISTORIES = st.lists(
    one_of_each(
        range(10_000),
        ["in", "in", "out", "all-out", "door", "door"],
        AROUND,
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda each: each[0],
).map(
    lambda drawn: [
        Event(at, kind, unit, children if kind in ("in", "out") else ())
        for at, kind, (unit, children) in sorted(drawn)
    ]
)


Fact = tuple[str, int, str]
"""Which unit, when, and in which other it was."""


def expected(history: Sequence[Event]) -> set[Fact]:
    """Walk through time, knowing for each unit where it is."""
    inside: dict[int, int] = {}
    facts: set[Fact] = set()
    for at, kind, unit, children in history:
        for child in children:
            if kind == "in":
                inside[child] = unit
            elif inside.get(child) == unit:
                del inside[child]
        if kind == "all-out":
            inside = {child: parent for child, parent in inside.items() if parent != unit}
        if kind == "door":
            for child in inside:
                around = inside[child]
                while around in inside and around != unit:
                    around = inside[around]
                if around == unit:
                    facts.add((f"unit:U{child}", at, f"U{inside[child]}"))
    return facts


def observations(history: Sequence[Event]) -> list[tuple[int, str, dict[str, Any]]]:
    found: list[tuple[int, str, dict[str, Any]]] = []
    for number, (at, kind, unit, children) in enumerate(history):
        fields = {"unit": f"U{unit}", "event": str(number)}
        if children:
            whole = {**fields, "count": len(children)}
            found += [(at, kind, {**whole, "child": f"U{child}"}) for child in children]
        else:
            found.append((at, kind, fields))
    return found


def play(told: Sequence[tuple[int, str, dict[str, Any]]], ends: Sequence[bool]) -> Site:
    site = SITE.anew()
    batch: list[Observation] = []
    for signal, ((at, kind, fields), is_last) in enumerate(zip(told, ends, strict=True), 1):
        batch.append(Observation(signal, "floor", kind, at, fields))
        if is_last:
            site._commit(site.engine.collapse(batch, site.tracks))
            batch = []
    site._commit(site.engine.collapse(batch, site.tracks))
    return site


def standing(site: Site) -> dict[str, Fact]:
    """Return what was told of content and not retracted, by id; each is told and retracted once."""
    told: dict[str, Fact] = {}
    ids: set[str] = set()
    for each in site.milestones:
        assert each.id not in ids, "a fact was told twice"
        ids.add(each.id)
        if each.retracts is not None:
            del told[each.retracts]
        elif "parent" in each.attributes:
            told[each.id] = (each.key, each.occurred_at, each.attributes["parent"])
    return told


@given(HISTORIES, SEEDS)
def test_content_is_told_of_as_if_all_had_come_in_order(history: list[Event], seed: int) -> None:
    random = chance(seed, history)
    heard = observations(history)
    in_order = standing(play(heard, [True] * len(heard)))
    assert set(in_order.values()) == expected(history)
    assert len(in_order) == len(expected(history))

    told = [*heard, *random.choices(heard, k=random.choice((0, 1, 4)))]
    random.shuffle(told)
    site = play(told, some_of(random, [False, True], len(told)))
    assert standing(site) == in_order
    assert not site.objections


@given(HISTORIES, SEEDS)
def test_the_batches_decide_nothing(history: list[Event], seed: int) -> None:
    heard = observations(history)
    chance(seed, history).shuffle(heard)
    one = play(heard, [True] * len(heard))
    other = play(heard, [False] * len(heard))
    assert (one.milestones, one.tracks) == (other.milestones, other.tracks)
