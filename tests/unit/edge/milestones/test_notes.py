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
