"""Each member has its milestone at the first closing after it, however all of it is told."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.model import Value
from tests.property.drawing import SEEDS, one_of_each
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
SITE = Site(RULES)

Trip = tuple[list[tuple[int, str, str]], int | None, int]
"""Which units were loaded when, and through which door; when it was released, and with how many."""


LOADS = st.lists(
    one_of_each(range(4_000), "UVW", ["door-1", "door-2"]),
    max_size=4,
    unique_by=lambda each: each[:2],
)
ENDS = one_of_each([0, 1, *range(500)], range(1, 2_000), [True, False], [True, True, False])
"""How long after the last load it is released, and comes back; whether it has all; and ends."""


def as_told(
    drawn: Sequence[tuple[list[tuple[int, str, str]], tuple[int, int, bool, bool]]],
) -> list[Trip]:
    """Return trips of a trailer that comes back; its last trip may have no end."""
    found: list[Trip] = []
    now = 0
    for trip, (loaded, (soon, pause, has_all, ends)) in enumerate(drawn, 1):
        # "W" is loaded on every trip; who has all waits for nothing: an earlier reading
        # of another door comes too late.
        loads = [
            (now + at, name if name == "W" else f"{name}{trip}", "door-1" if has_all else door)
            for at, name, door in loaded
        ]
        released = max((at for at, _, _ in loads), default=now) + soon
        count = len({unit for _, unit, _ in loads}) + (not has_all)
        found.append((loads, released if ends or trip < len(drawn) else None, count))
        # It does not come back before all of the trip has been told.
        now = released + MOST_DELAY + 2_000 + pause
    return found


TRIPS = st.lists(st.tuples(LOADS, ENDS), min_size=1, max_size=3).map(as_told)


def happenings(trips: list[Trip]) -> list[Happening]:
    happened: list[Happening] = []
    for loads, released, count in trips:
        for at, unit, door in loads:
            told: dict[str, Value] = {"trailer": "T1", "unit": unit, "read_point": door}
            happened.append(Happening(at, "load", told))
        if released is not None:
            happened.append(Happening(released, "release", {"trailer": "T1", "count": count}))
    return happened


@given(TRIPS)
def test_each_departs_with_the_first_release_after_it(trips: list[Trip]) -> None:
    expected = []
    for loads, released, _ in trips:
        doors = {unit: door for _, unit, door in sorted(loads, reverse=True)}
        for unit, door in doors.items() if released is not None else ():
            told = {"trailer": "T1", "unit": unit, "read_point": door}
            expected.append(("departed", f"unit:{unit}", released, told))
    found = stories(live(SITE.anew(), in_order(happenings(trips))))
    assert found == sorted(expected, key=repr)


@given(TRIPS, SEEDS)
def test_delays_repeats_batches_and_crashes_change_nothing(trips: list[Trip], seed: int) -> None:
    happened = happenings(trips)
    told = live(SITE.anew(), tellings(happened, seed))
    assert facts(told) == facts(live(SITE.anew(), in_order(happened)))
