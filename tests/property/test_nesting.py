"""What is told of units in units against a model that sees everything in the order of time."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.milestones.model import Observation
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
UNITS = 5


class Event(NamedTuple):
    at: int
    kind: str
    unit: int
    children: tuple[int, ...]
    """Only of lower numbers: nothing comes to be in itself."""


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    times = draw(st.lists(st.integers(0, 10_000), min_size=1, max_size=12, unique=True))
    found = []
    for at in sorted(times):
        kind = draw(st.sampled_from(["in", "in", "out", "all-out", "door", "door"]))
        unit = draw(st.integers(1, UNITS - 1))
        below = st.lists(st.integers(0, unit - 1), min_size=1, max_size=2, unique=True)
        children = draw(below) if kind in ("in", "out") else []
        found.append(Event(at, kind, unit, tuple(children)))
    return found


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
    site = Site(RULES)
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


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_content_is_told_of_as_if_all_had_come_in_order(data: st.DataObject) -> None:
    history = data.draw(histories())
    heard = observations(history)
    in_order = standing(play(heard, [True] * len(heard)))
    assert set(in_order.values()) == expected(history)
    assert len(in_order) == len(expected(history))

    again = data.draw(st.lists(st.sampled_from(heard), max_size=4))
    told = data.draw(st.permutations([*heard, *again]))
    ends = data.draw(st.lists(st.booleans(), min_size=len(told), max_size=len(told)))
    site = play(told, ends)
    assert standing(site) == in_order
    assert not site.objections


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_the_batches_decide_nothing(data: st.DataObject) -> None:
    heard = data.draw(histories().map(observations).flatmap(st.permutations))
    one = play(heard, [True] * len(heard))
    other = play(heard, [False] * len(heard))
    assert (one.milestones, one.tracks) == (other.milestones, other.tracks)
