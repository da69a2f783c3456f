"""A gather against its definition, in whatever order, batch or life its members are told."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.model import Value
from tests.property.telling import Happening, facts, in_order, live, stories, tellings
from tests.unit.edge.milestones.conftest import Site

WITHIN = 6_000
REQUESTED = 6
RULES: dict[str, Any] = {
    "line": {
        "operator": "gather",
        "milestone": "picked",
        "partial": "short",
        "about": "order",
        "by": ["line"],
        "of": {"kind": "pick"},
        "distinct": "pick",
        "quantity": "quantity",
        "until": "requested",
        "within_seconds": WITHIN / 1000,
        "wait_seconds": 2,
    },
    "carton": {
        "operator": "gather",
        "milestone": "packed",
        "about": "unit",
        "of": {"kind": "scan"},
        "distinct": "item",
        "children": "item",
        "closed_by": {"kind": "closed"},
        "total": "count",
        "within_seconds": WITHIN / 1000,
        "wait_seconds": 2,
    },
}
Story = tuple[object, ...]


@st.composite
def picks(draw: st.DrawFn) -> list[Happening]:
    """Picks of two lines: no more than is requested, for which of them are too many is not said."""
    happened: list[Happening] = []
    for line in (1, 2):
        left = REQUESTED
        for number, quantity in enumerate(draw(st.lists(st.sampled_from([1, 2, 3]), max_size=5))):
            left -= quantity
            if left < 0:
                break
            told: dict[str, Value] = {"order": "SO-1", "line": line, "requested": REQUESTED}
            told |= {"pick": number, "quantity": quantity}
            told |= {"by": draw(st.sampled_from(["ann", "ann", "bob"]))}
            at = draw(st.integers(0, 9_000))
            happened.append(Happening(at, "pick", told))
    return happened


@st.composite
def cartons(draw: st.DrawFn, longest: int) -> list[Happening]:
    """Cartons that are closed after their items were scanned, in a time so long, or never."""
    happened: list[Happening] = []
    for unit in ("C1", "C2"):
        told: dict[str, Value] = {"unit": unit}
        items = draw(
            st.lists(
                st.tuples(st.integers(0, longest), st.sampled_from("abcd")),
                max_size=5,
                unique_by=lambda each: each[1],
            )
        )
        if longest < WITHIN:  # a scanner reads the first twice, in the same count
            again = draw(st.integers(0, 1_000))
            items += [(at + again, item) for at, item in items[:1]]
        happened += [Happening(at, "scan", {**told, "item": item}) for at, item in items]
        if draw(st.integers(0, 4)):
            last = max((at for at, _ in items), default=0)
            count = draw(st.integers(0, 1)) + len({item for _, item in items})
            told |= {"count": count, "scale": "S1"}
            happened.append(Happening(last + draw(st.integers(0, 3_000)), "closed", told))
    return happened


def told_of(line: int, happened: Sequence[Happening]) -> list[Story]:
    """Return what is told of a line, from the definition."""
    members = _earliest([each for each in happened if each.fields["line"] == line], "pick")
    if not members:
        return []
    over = min(each.at for each in members) + WITHIN
    counted = [each for each in members if each.at <= over]
    quantity = sum(int(str(each.fields["quantity"])) for each in counted)
    attributes: dict[str, Value] = {"order": "SO-1", "line": line}
    attributes |= {"quantity": quantity, "requested": REQUESTED}
    if len({each.fields["by"] for each in counted}) == 1:
        attributes["by"] = counted[0].fields["by"]
    if quantity == REQUESTED:
        return [("picked", "order:SO-1", max(each.at for each in counted), attributes)]
    return [("short", "order:SO-1", over, attributes)]


def told_of_carton(unit: str, happened: Sequence[Happening]) -> list[Story]:
    """Return what is told of a carton, from the definition."""
    of_unit = [each for each in happened if each.fields["unit"] == unit]
    members = _earliest([each for each in of_unit if each.kind == "scan"], "item")
    for closing in (each for each in of_unit if each.kind == "closed"):
        while members and closing.at > (over := min(each.at for each in members) + WITHIN):
            members = [each for each in members if each.at > over]  # given up
        items = sorted(str(each.fields["item"]) for each in members)
        attributes = {**closing.fields, "quantity": len(items), "children": items}
        if len(items) == 1:
            attributes.pop("item", None)
        if closing.fields["count"] == len(items):
            del attributes["count"]
        return [("packed", f"unit:{unit}", closing.at, attributes)]
    return []


def _earliest(told: Sequence[Happening], distinct: str) -> list[Happening]:
    ordered = sorted(told, key=lambda each: each.at)
    return list({each.fields[distinct]: each for each in reversed(ordered)}.values())


@given(picks())
def test_a_line_comes_to_what_it_is_by_definition(happened: list[Happening]) -> None:
    expected = sorted([*told_of(1, happened), *told_of(2, happened)], key=repr)
    found = stories(live(Site(RULES), in_order(happened)))
    assert _plain(found) == _plain(expected)


@given(cartons(2_000) | cartons(9_000))
def test_a_carton_comes_to_what_it_is_by_definition(happened: list[Happening]) -> None:
    expected = [*told_of_carton("C1", happened), *told_of_carton("C2", happened)]
    found = stories(live(Site(RULES), in_order(happened)))
    assert _plain(found) == _plain(expected)


def _plain(told: Sequence[Story]) -> list[tuple[object, ...]]:
    """Return attributes by their names: their order says nothing."""
    rows = [(*each[:3], sorted(each[3].items())) for each in told if isinstance(each[3], dict)]
    assert len(rows) == len(told)
    return sorted(rows, key=repr)


# A count that is given up is forgotten: long after, a repeat of a member begins another.
@given(picks() | cartons(2_000), st.data())
def test_delays_repeats_batches_and_crashes_change_nothing(
    happened: list[Happening], data: st.DataObject
) -> None:
    told = live(Site(RULES), data.draw(tellings(happened)))
    assert facts(told) == facts(live(Site(RULES), in_order(happened)))
