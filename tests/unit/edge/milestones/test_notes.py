"""A milestone tells when a clock behind it was never set."""

from collections.abc import Callable, Sequence
from typing import Any

import orjson
import pytest

from edge.milestones.epcis import encode
from edge.milestones.model import TimeFrom
from edge.milestones.site import Site

LOADED = {
    "operator": "join",
    "milestone": "loaded",
    "about": "unit",
    "of": [{"kind": "door-scan"}, {"kind": "load"}],
    "within_seconds": 10,
}
PACKED = {
    "operator": "gather",
    "milestone": "packed",
    "about": "unit",
    "of": {"kind": "pack"},
    "distinct": "item",
    "children": "item",
    "closed_by": {"kind": "carton-closed"},
    "within_seconds": 60,
}
DELIVERED = {
    "operator": "one",
    "milestone": "departed",
    "about": "unit",
    "of": {"milestone": "loaded"},
}
ARRIVAL, PROTOCOL = TimeFrom.ARRIVAL, TimeFrom.PROTOCOL


def told(here: Any) -> list[tuple[str, object]]:
    """Return what the events of all milestones say of whose time counts."""
    events = [orjson.loads(encode(each, Site("https://dc.example"))) for each in here.milestones]
    return [(each["milepost:milestone"], each.get("milepost:timeFrom")) for each in events]


@pytest.mark.parametrize(
    ("clocks", "expected"),
    [
        ((None, None), None),
        ((ARRIVAL, None), "arrival"),
        ((None, PROTOCOL), "protocol"),
        ((PROTOCOL, ARRIVAL), "arrival"),
    ],
)
@pytest.mark.parametrize("reorder", [0, 2_000])
def test_whose_time_counts_is_told_with_whatever_rests_on_it(
    site: Callable[..., Any],
    clocks: Sequence[TimeFrom | None],
    expected: str | None,
    reorder: int,
) -> None:
    here = site({"loaded": LOADED, "departed": DELIVERED}, reorder=reorder)
    here.see("door-scan", 10_000, unit="U1", time_from=clocks[0])
    here.see("load", 11_000, unit="U1", time_from=clocks[1])
    here.see("load", 90_000, unit="U2")
    assert told(here) == [("loaded", expected), ("departed", expected)]


def test_a_clock_that_was_never_set_does_not_make_what_it_tells_late(
    site: Callable[..., Any],
) -> None:
    here = site({"loaded": LOADED})
    here.see("door-scan", 10_000, unit="U1", time_from=ARRIVAL)
    here.see("load", 11_000, unit="U1")
    (loaded,) = here.milestones
    assert loaded.mark == "in_order"


def test_it_is_told_when_a_deadline_concludes_and_a_lifecycle_has_held_it_back(
    site: Callable[..., Any],
) -> None:
    here = site(
        {"packed": PACKED, "loaded": LOADED},
        {"outbound": {"stages": ["packed", "loaded"], "wait_seconds": 30}},
    )
    here.see("pack", 9_000, unit="U1", item="A", time_from=ARRIVAL)
    here.see("pack", 9_500, unit="U1", item="B")
    here.see("carton-closed", 10_000, unit="U1")
    here.see("door-scan", 11_000, unit="U1", time_from=PROTOCOL)
    here.see("load", 11_000, unit="U1")
    assert told(here) == []
    here.hear_until(20_000)
    assert told(here) == [("packed", "arrival"), ("loaded", "protocol")]


def test_of_others_about_the_same_unit_nothing_is_told(site: Callable[..., Any]) -> None:
    scanned = {"operator": "one", "milestone": "received", "about": "unit", "of": {"kind": "scan"}}
    here = site({"received": {**scanned, "occurrence": ["visit"]}})
    here.see("scan", 1_000, unit="U1", visit=1, time_from=ARRIVAL)
    here.see("scan", 2_000, unit="U1", visit=2)
    assert told(here) == [("received", "arrival"), ("received", None)]


@pytest.mark.parametrize("arrival", [(0, 1), (1, 0)])
def test_it_is_told_of_content_whose_packing_had_no_time_of_its_own(
    site: Callable[..., Any], arrival: tuple[int, int]
) -> None:
    stacked = {**PACKED, "children_are": "units", "closed_by": None, "until": "count"}
    loaded = {"operator": "one", "milestone": "loaded", "about": "unit", "of": {"kind": "load"}}
    here = site(
        {
            "packed": stacked,
            "loaded": {**loaded, "for_content": True},
            "departed": {**DELIVERED, "of": {"milestone": "loaded", "where": {"unit": "C1"}}},
        }
    )
    steps: list[Callable[[], object]] = [
        lambda: here.see("pack", 1_000, unit="P1", item="C1", count=1, time_from=ARRIVAL),
        lambda: here.see("load", 2_000, unit="P1"),
    ]
    for index in arrival:
        steps[index]()
    of_unit = {each.key: each.attributes.get("time_from") for each in here.milestones[-2:]}
    assert of_unit == {"unit:C1": "arrival"}
    assert [each for each in told(here) if each[0] == "loaded"] == [
        ("loaded", None),
        ("loaded", "arrival"),
    ]
