"""Members that nothing closes in time are given up, each second as well as all at once."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.property.drawing import SEEDS, one_of_each
from tests.property.telling import Happening, facts, in_order, live, stories, tellings
from tests.unit.edge.milestones.conftest import Site

WITHIN = 6_000
RULES: dict[str, Any] = {
    "departed": {
        "operator": "gather",
        "milestone": "departed",
        "about": "trailer",
        "of": {"kind": "load"},
        "distinct": "unit",
        "each": "order",
        "closed_by": {"kind": "release"},
        "within_seconds": WITHIN / 1000,
        "wait_seconds": 2,
    }
}
SITE = Site(RULES)
UNITS = {"U": "A", "V": "B", "W": "B"}
"""Of which order each unit is."""
Load = tuple[int, str]
"""A unit is seen at the door, as often as that may be."""

LOADS = st.lists(
    one_of_each([*range(20_000), *range(0, 20_000, 1_000)], "UVW"), max_size=10, unique=True
)
RELEASES = st.lists(one_of_each([*range(20_000), *range(0, 20_000, 500)]), max_size=4, unique=True)


def happenings(drawn: tuple[Sequence[Load], Sequence[tuple[int]]]) -> list[Happening]:
    loads, releases = drawn
    return [
        *(
            Happening(at, "load", {"trailer": "T", "unit": unit, "order": UNITS[unit], "seen": at})
            for at, unit in loads
        ),
        *(Happening(at, "release", {"trailer": "T"}) for (at,) in releases),
    ]


def told_of(happened: Sequence[Happening]) -> list[tuple[object, ...]]:
    """Return what is told, from the definition."""
    ordered = sorted(happened, key=lambda each: each.at)
    loads = [each for each in ordered if each.kind == "load"]
    told: list[tuple[object, ...]] = []
    for release in (each for each in ordered if each.kind == "release"):
        while loads and release.at > (over := loads[0].at + WITHIN):
            loads = [each for each in loads if each.at > over]
        inside = [each for each in loads if each.at <= release.at]
        loads = [each for each in loads if each.at > release.at]
        first = {each.fields["unit"]: each.fields for each in reversed(inside)}
        for order in {each["order"] for each in first.values()}:
            of_it = [fields for fields in first.values() if fields["order"] == order]
            same = {name: of_it[0][name] for name in of_it[0]}
            for fields in of_it:
                same = {name: each for name, each in same.items() if fields[name] == each}
            told.append(("departed", f"order:{order}", release.at, same))
    return sorted(told, key=repr)


STORIES = st.tuples(LOADS, RELEASES).map(happenings)


@given(STORIES)
def test_each_departs_with_the_release_that_came_in_time(happened: list[Happening]) -> None:
    found = stories(live(SITE.anew(), in_order(happened)))
    assert _plain(found) == _plain(told_of(happened))


@given(STORIES, SEEDS)
def test_delays_repeats_batches_and_crashes_change_nothing(
    happened: list[Happening], seed: int
) -> None:
    told = live(SITE.anew(), tellings(happened, seed))
    assert facts(told) == facts(live(SITE.anew(), in_order(happened)))


def _plain(told: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Return attributes by their names: their order says nothing."""
    rows = [(*each[:3], sorted(each[3].items())) for each in told if isinstance(each[3], dict)]
    return sorted(rows, key=repr)
