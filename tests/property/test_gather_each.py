"""Each member has its milestone at the first closing after it, however all of it is told."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.model import Value
from tests.property.telling import (
    MOST_DELAY,
    Happening,
    facts,
    in_order,
    live,
    stories,
    tellings,
)
from tests.unit.edge.milestones.conftest import Site

WITHIN = 60_000
RULES: dict[str, Any] = {
    "departed": {
        "operator": "gather",
        "milestone": "departed",
        "about": "trailer",
        "of": {"kind": "load"},
        "distinct": "unit",
        "each": "unit",
        "closed_by": {"kind": "release"},
        "total": "count",
        "within_seconds": WITHIN / 1000,
        "wait_seconds": 2,
    }
}

Trip = tuple[list[tuple[int, str, str]], int | None, int]
"""Which units were loaded when, and through which door; when it was released, and with how many."""


@st.composite
def trips(draw: st.DrawFn) -> list[Trip]:
    """A trailer that comes back; its last trip may have no end."""
    found: list[Trip] = []
    now = 0
    for trip in range(draw(st.integers(1, 3))):
        loads = draw(
            st.lists(
                st.tuples(
                    st.integers(0, 4_000).map(now.__add__),
                    st.sampled_from([f"U{trip}", f"V{trip}", "W"]),
                    st.sampled_from(["door-1", "door-2"]),
                ),
                max_size=4,
                unique_by=lambda each: each[:2],
            )
        )
        released = max((at for at, _, _ in loads), default=now) + draw(st.integers(0, 500))
        lacking = draw(st.integers(0, 1))
        if not lacking:
            # Who has all waits for nothing: an earlier reading of another door comes too late.
            loads = [(at, unit, "door-1") for at, unit, _ in loads]
        count = len({unit for _, unit, _ in loads}) + lacking
        found.append((loads, released, count))
        # It does not come back before all of the trip has been told.
        now = released + MOST_DELAY + 2_000 + draw(st.integers(1, 2_000))
    if draw(st.booleans()):
        loads, _, count = found.pop()
        found.append((loads, None, count))
    return found


def happenings(trips: list[Trip]) -> list[Happening]:
    happened: list[Happening] = []
    for loads, released, count in trips:
        for at, unit, door in loads:
            told: dict[str, Value] = {"trailer": "T1", "unit": unit, "read_point": door}
            happened.append(Happening(at, "load", told))
        if released is not None:
            happened.append(Happening(released, "release", {"trailer": "T1", "count": count}))
    return happened


@given(trips())
def test_each_departs_with_the_first_release_after_it(trips: list[Trip]) -> None:
    expected = []
    for loads, released, _ in trips:
        doors = {unit: door for _, unit, door in sorted(loads, reverse=True)}
        for unit, door in doors.items() if released is not None else ():
            told = {"trailer": "T1", "unit": unit, "read_point": door}
            expected.append(("departed", f"unit:{unit}", released, told))
    found = stories(live(Site(RULES), in_order(happenings(trips))))
    assert found == sorted(expected, key=repr)


@given(trips(), st.data())
def test_delays_repeats_batches_and_crashes_change_nothing(
    trips: list[Trip], data: st.DataObject
) -> None:
    happened = happenings(trips)
    told = live(Site(RULES), data.draw(tellings(happened)))
    assert facts(told) == facts(live(Site(RULES), in_order(happened)))
