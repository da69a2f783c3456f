"""When the engine looks at a deadline, and when it lets it be."""

from collections.abc import Callable
from typing import Any

import pytest

DAY = 86_400_000
LOST: dict[str, Any] = {
    "operator": "absence",
    "milestone": "lost",
    "about": "unit",
    "after": {"kind": "infeed"},
    "expect": {"kind": "divert"},
    "within_seconds": 60,
    "wait_seconds": 7,
}


def test_a_deadline_is_let_be_until_all_that_its_rule_waits_for_can_have_been_told(
    site: Callable[..., Any],
) -> None:
    unnoticed = {
        **LOST,
        "milestone": "short",
        "after": {"kind": "gate"},
        "expect": {"milestone": "lost"},
        "within_seconds": 10,
        "wait_seconds": 2,
    }
    here = site({"lost": LOST, "unnoticed": unnoticed})
    here.see("gate", 1_000, unit="U1")
    # Its time, its own wait, and that of the rule that it listens to.
    due_at = 1_000 + 10_000 + 2_000 + 7_000
    assert here.hear_until(due_at - 1).tracks == {}
    here.hear_until(due_at)
    assert here.told == [("short", "unit:U1", 11_000)]


@pytest.mark.parametrize(("after", "times"), [(DAY, 1), (DAY + 1, 2)])
def test_what_happens_again_within_its_time_to_be_remembered_is_a_repeat(
    site: Callable[..., Any], after: int, times: int
) -> None:
    once = {"operator": "one", "milestone": "received", "about": "unit", "of": {"kind": "scan"}}
    here = site({"received": {**once, "remember_days": 1}}, reorder=2_000)
    for at in (1_000, 1_000 + after):
        here.see("scan", at, unit="U1")
    here.see("scan", 2 * DAY, unit="U2")
    assert len(here.told) == times
