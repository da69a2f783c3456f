"""Which rules say what is in which unit."""

from collections.abc import Callable
from typing import Any

LISTED: dict[str, Any] = {
    "operator": "gather",
    "about": "unit",
    "distinct": "child",
    "children": "child",
    "until": "count",
    "within_seconds": 60,
}


def test_items_that_are_taken_out_take_no_unit_out_that_has_their_name(
    site: Callable[..., Any],
) -> None:
    stacked = {**LISTED, "milestone": "packed", "of": {"kind": "put"}, "children_are": "units"}
    loaded = {"operator": "one", "milestone": "loaded", "about": "unit", "of": {"kind": "load"}}
    here = site(
        {
            "stacked": stacked,
            "taken": {**LISTED, "milestone": "unpacked", "of": {"kind": "take"}},
            "loaded": {**loaded, "for_content": True},
        }
    )
    here.see("put", 1_000, unit="P1", child="7", count=1)
    here.see("take", 2_000, unit="P1", child="7", count=1)
    here.see("load", 3_000, unit="P1")
    assert here.told == [
        ("packed", "unit:P1", 1_000),
        ("unpacked", "unit:P1", 2_000),
        ("loaded", "unit:P1", 3_000),
        ("loaded", "unit:7", 3_000),
    ]
