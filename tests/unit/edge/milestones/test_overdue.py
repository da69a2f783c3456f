"""Where a source is put in order, a deadline that was over before what is told counts as judged."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

PICKED: dict[str, Any] = {
    "operator": "gather",
    "milestone": "picked",
    "partial": "short",
    "about": "order",
    "of": {"kind": "pick"},
    "distinct": "pick",
    "until": "requested",
    "within_seconds": 6,
    "wait_seconds": 2,
}


def pick(here: Any, at: int, number: str) -> Any:
    return here.see("pick", at, order="SO-1", pick=number, requested=2)


@pytest.fixture
def picking(site: Callable[..., Any]) -> Any:
    """One of two pieces was picked at 1 s: until 9 s it is known to be all."""
    here = site({"picked": PICKED}, reorder=5_000)
    pick(here, 1_000, "P1")
    return here


def test_what_comes_after_a_deadline_that_nobody_has_judged_comes_too_late(picking: Any) -> None:
    pick(picking, 30_000, "P2")
    pick(picking, 36_000, "P3")
    assert picking.told == [("short", "order:SO-1", 7_000)]
    picking.hear_until(1_000_000)
    assert picking.told == [("short", "order:SO-1", 7_000)]
    assert picking.reasons == [
        "rule picked: order:SO-1: pick 'P2' came after it was short with 1",
        "rule picked: order:SO-1: pick 'P3' came after it was short with 1",
    ]


@pytest.mark.parametrize(
    ("at", "reasons"),
    [
        (9_000, []),
        (9_001, ["rule picked: order:SO-1: pick 'P2' came after it was short with 1"]),
    ],
)
def test_a_deadline_is_over_just_after_it(picking: Any, at: int, reasons: Sequence[str]) -> None:
    pick(picking, at, "P2")
    pick(picking, at + 5_001, "P1")
    assert picking.reasons == reasons
