from collections.abc import Callable
from typing import Any

import pytest

RETURNED = {
    "operator": "one",
    "milestone": "returned",
    "about": "unit",
    "of": {"kind": "scan", "where": {"read_point": "returns-*"}},
    "occurrence": ["rma"],
    "remember_days": 1,
}
DAY = 86_400_000


@pytest.fixture
def here(site: Callable[..., Any]) -> Any:
    return site({"returned": RETURNED})


def test_a_match_is_a_fact_with_all_that_was_observed(here: Any) -> None:
    here.see("scan", 5, unit="U1", read_point="returns-1", rma="R1", lane=None)
    (milestone,) = here.milestones
    assert (milestone.name, milestone.rule, milestone.key) == ("returned", "returned", "unit:U1")
    assert milestone.occurred_at == 5
    assert milestone.attributes == {"unit": "U1", "read_point": "returns-1", "rma": "R1"}
    assert (milestone.evidence, milestone.mark, milestone.retracts) == ((1,), "in_order", None)


def test_a_repeat_is_no_second_fact(here: Any) -> None:
    here.see("scan", 5, unit="U1", read_point="returns-1", rma="R1")
    here.see("scan", 5, unit="U1", read_point="returns-1", rma="R1")
    here.see("scan", 9, unit="U1", read_point="returns-2", rma="R1")
    assert here.told == [("returned", "unit:U1", 5)]


def test_another_occurrence_or_unit_is_another_fact(here: Any) -> None:
    here.see("scan", 5, unit="U1", read_point="returns-1", rma="R1")
    here.see("scan", 5, unit="U1", read_point="returns-1", rma="R2")
    here.see("scan", 5, unit="U1", read_point="returns-1")
    here.see("scan", 5, unit="U2", read_point="returns-1", rma="R1")
    assert len({milestone.id for milestone in here.milestones}) == 4


def test_repeats_are_recognised_for_as_long_as_configured(here: Any) -> None:
    here.see("scan", 5, unit="U1", read_point="returns-1", rma="R1")
    here.hear_until(5 + DAY - 1)
    here.see("scan", 5, unit="U1", read_point="returns-1", rma="R1")
    assert len(here.milestones) == 1
    here.hear_until(5 + DAY)
    assert here.tracks == {}


def test_what_was_told_late_is_recognised_for_as_long_after(here: Any) -> None:
    here.see("scan", 5, lag=40_000, unit="U1", read_point="returns-1", rma="R1")
    here.hear_until(5 + DAY + 40_000 - 1)
    here.see("scan", 5, unit="U1", read_point="returns-1", rma="R1")
    assert len(here.milestones) == 1
    here.hear_until(5 + DAY + 40_000)
    assert here.tracks == {}


def test_a_fact_found_again_after_its_time_has_the_same_id(here: Any) -> None:
    here.see("scan", 5, unit="U1", read_point="returns-1", rma="R1")
    here.hear_until(5 + DAY)
    here.see("scan", 5, unit="U1", read_point="returns-1", rma="R1")
    first, second = here.milestones
    assert first.id == second.id
