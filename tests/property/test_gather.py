"""A gather against its definition, in whatever order, batch or life its members are told."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.model import Value
from tests.property.drawing import SEEDS, one_of_each
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
        "closed_by": {"kind": "line-closed"},
        "total": "total",
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
SITE = Site(RULES)
Story = tuple[object, ...]


Picks = Sequence[tuple[int, str, int, int]]
Closed = tuple[int, str | None, int]
"""When a line is closed, by whom, and how much more it speaks of; None if it is not."""


def as_picked(drawn: tuple[Picks, Closed, Closed]) -> list[Happening]:
    """Picks of two lines, and their closings.

    No more is picked than is requested, for which would be too much is not said, and nothing
    after the closing, which may be too late.
    """
    happened: list[Happening] = []
    picked = {1: 0, 2: 0}
    closings = dict(enumerate(drawn[1:], 1))
    for number, (at, by, line, quantity) in enumerate(drawn[0]):
        closed_at, who, _ = closings[line]
        if picked[line] + quantity <= REQUESTED and (who is None or at <= closed_at):
            picked[line] += quantity
            told: dict[str, Value] = {"order": "SO-1", "line": line, "requested": REQUESTED}
            told |= {"pick": number, "quantity": quantity, "by": by}
            happened.append(Happening(at, "pick", told))
    for line, (at, who, more) in closings.items():
        if who is not None:
            told = {"order": "SO-1", "line": line, "requested": REQUESTED}
            told |= {"total": picked[line] + more, "by": who}
            happened.append(Happening(at, "line-closed", told))
    return happened


CLOSED = one_of_each(range(9_001), [None, "ann", "bob"], [0, 0, 1])
PICKS = st.tuples(
    st.lists(
        one_of_each([*range(9_001), *[0, WITHIN] * 200], ["ann", "ann", "bob"], [1, 2], [1, 2, 3]),
        max_size=8,
    ),
    CLOSED,
    CLOSED,
).map(as_picked)


class Carton(NamedTuple):
    """What is drawn of a carton."""

    items: Sequence[tuple[int, str]]
    again: int
    """When a scanner reads the first item once more, after the first time."""
    closed_after: int
    lacking: int
    is_closed: bool
    strays: Sequence[int]
    """When something else is scanned with it, after it was closed with all in it."""


def as_packed(drawn: Sequence[Carton]) -> list[Happening]:
    """Cartons that are closed after their items were scanned, or never."""
    happened: list[Happening] = []
    for unit, carton in zip(("C1", "C2"), drawn, strict=True):
        told: dict[str, Value] = {"unit": unit}
        items = [*carton.items]
        items += [(at + carton.again, item) for at, item in items[:1]]
        happened += [Happening(at, "scan", {**told, "item": item}) for at, item in items]
        if carton.is_closed:
            last = max((at for at, _ in items), default=0)
            count = carton.lacking + len({item for _, item in items})
            told |= {"count": count, "scale": "S1"}
            closed = last + carton.closed_after
            happened.append(Happening(closed, "closed", told))
            is_in_time = all(closed <= at + WITHIN for at, _ in items)
            if is_in_time and not carton.lacking:
                # All is in it: what is scanned with it after that is not.
                stray = {"unit": unit, "item": "stray"}
                happened += [Happening(closed + more, "scan", stray) for more in carton.strays]
    return happened


STRAYS = [(), (), (1,), (2_000,), (6_000,), (9_000,), (1, 1), (500, 6_001)]


CARTON = st.tuples(
    st.lists(one_of_each(range(9_001), "abcd"), max_size=5, unique_by=lambda each: each[1]),
    one_of_each(
        [*range(0, 1_000, 25), *range(1_000, 9_000, 250)],
        range(0, 3_000, 25),
        [0, 1],
        [True, True, True, True, False],
        STRAYS,
    ),
).map(lambda drawn: Carton(drawn[0], *drawn[1]))
CARTONS = st.tuples(CARTON, CARTON).map(as_packed)


def told_of(line: int, happened: Sequence[Happening]) -> list[Story]:
    """Return what is told of a line, from the definition."""
    of_line = [each for each in happened if each.fields["line"] == line]
    members = _earliest([each for each in of_line if each.kind == "pick"], "pick")
    if not of_line:
        return []
    closing = next((each for each in of_line if each.kind == "line-closed"), None)
    over = min((each.at + WITHIN for each in members), default=closing.at if closing else 0)
    if closing is not None and closing.at > over:
        closing = None
    counted = [each for each in members if each.at <= over]
    quantity = sum(int(str(each.fields["quantity"])) for each in counted)
    attributes: dict[str, Value] = {"order": "SO-1", "line": line}
    attributes |= {"quantity": quantity, "requested": REQUESTED}
    if len({each.fields["by"] for each in counted}) == 1:
        attributes["by"] = counted[0].fields["by"]
    if quantity == REQUESTED:
        return [("picked", "order:SO-1", max(each.at for each in counted), attributes)]
    if closing is None:
        return [("short", "order:SO-1", over, attributes)]
    attributes |= closing.fields
    if attributes["total"] == quantity:
        del attributes["total"]
    return [("short", "order:SO-1", closing.at, attributes)]


def told_of_carton(unit: str, happened: Sequence[Happening]) -> list[Story]:
    """Return what is told of a carton, from the definition."""
    of_unit = [each for each in happened if each.fields["unit"] == unit]
    scans = [each for each in of_unit if each.kind == "scan"]
    for closing in (each for each in of_unit if each.kind == "closed"):
        while scans and closing.at > (over := min(each.at for each in scans) + WITHIN):
            scans = [each for each in scans if each.at > over]  # given up
        members = _earliest([each for each in scans if each.at <= closing.at], "item")
        items = sorted(str(each.fields["item"]) for each in members)
        attributes = {**closing.fields, "quantity": len(items), "children": items}
        if closing.fields["count"] == len(items):
            del attributes["count"]
        return [("packed", f"unit:{unit}", closing.at, attributes)]
    return []


def _earliest(told: Sequence[Happening], distinct: str) -> list[Happening]:
    ordered = sorted(told, key=lambda each: each.at)
    return list({each.fields[distinct]: each for each in reversed(ordered)}.values())


@given(PICKS)
def test_a_line_comes_to_what_it_is_by_definition(happened: list[Happening]) -> None:
    expected = sorted([*told_of(1, happened), *told_of(2, happened)], key=repr)
    found = stories(live(SITE.anew(), in_order(happened)))
    assert _plain(found) == _plain(expected)


@given(CARTONS)
def test_a_carton_comes_to_what_it_is_by_definition(happened: list[Happening]) -> None:
    expected = [*told_of_carton("C1", happened), *told_of_carton("C2", happened)]
    found = stories(live(SITE.anew(), in_order(happened)))
    assert _plain(found) == _plain(expected)


def _plain(told: Sequence[Story]) -> list[tuple[object, ...]]:
    """Return attributes by their names: their order says nothing."""
    rows = [(*each[:3], sorted(each[3].items())) for each in told if isinstance(each[3], dict)]
    assert len(rows) == len(told)
    return sorted(rows, key=repr)


@given(PICKS | CARTONS, SEEDS)
def test_delays_repeats_batches_and_crashes_change_nothing(
    happened: list[Happening], seed: int
) -> None:
    told = live(SITE.anew(), tellings(happened, seed))
    assert facts(told) == facts(live(SITE.anew(), in_order(happened)))
