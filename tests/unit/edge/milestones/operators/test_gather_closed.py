"""How long a count that is closed waits for what is missing, and what it takes then."""

from collections.abc import Callable
from typing import Any

import pytest

PACKED: dict[str, Any] = {
    "operator": "gather",
    "milestone": "packed",
    "about": "unit",
    "of": {"kind": "pack"},
    "distinct": "item",
    "children": "item",
    "closed_by": {"kind": "closed"},
    "total": "count",
    "within_seconds": 6,
    "wait_seconds": 2,
}
EACH = {name: value for name, value in PACKED.items() if name != "children"} | {"each": "item"}
LATER = 1_000_000
DAY = 86_400_000


@pytest.fixture
def packing(site: Callable[..., Any]) -> Any:
    return site({"packed": PACKED})


def pack(here: Any, at: int, item: str, **more: Any) -> Any:
    return here.see("pack", at, unit="C1", item=item, **more)


def close(here: Any, at: int, count: int, **more: Any) -> Any:
    return here.see("closed", at, unit="C1", count=count, **more)


def children(here: Any) -> list[tuple[int, list[str]]]:
    return [(each.occurred_at, each.attributes["children"]) for each in here.milestones]


def test_a_member_whose_clock_is_ahead_is_not_missing(packing: Any) -> None:
    pack(packing, 1_000, "A")
    close(packing, 2_000, 2)
    pack(packing, 4_000, "B")
    packing.hear_until(3_999)
    assert packing.told == []
    packing.hear_until(4_000)
    assert children(packing) == [(2_000, ["A", "B"])]
    assert packing.milestones[0].mark == "in_order"


def test_a_member_that_happened_after_the_wait_is_not_what_is_missing(packing: Any) -> None:
    pack(packing, 1_000, "A")
    close(packing, 2_000, 2)
    pack(packing, 4_001, "B")
    packing.hear_until(LATER)
    assert children(packing) == [(2_000, ["A"])]
    assert packing.milestones[0].mark == "late"


def test_what_happened_after_the_closing_is_no_part_of_what_is_whole(packing: Any) -> None:
    close(packing, 2_000, 1)
    pack(packing, 3_000, "B")
    pack(packing, 1_000, "A")
    packing.hear_until(LATER)
    assert children(packing) == [(2_000, ["A"])]


def test_where_devices_tell_late_what_is_missing_is_waited_for_as_much_longer(
    packing: Any,
) -> None:
    pack(packing, 1_000, "A", lag=3_000)
    close(packing, 2_000, 3)
    pack(packing, 3_500, "B")
    packing.hear_until(6_999)
    assert packing.told == []
    pack(packing, 1_500, "C")
    assert children(packing) == []
    packing.hear_until(7_000)
    assert children(packing) == [(2_000, ["A", "B", "C"])]


def test_where_a_closing_was_told_late_each_waits_as_much_longer(
    site: Callable[..., Any],
) -> None:
    here = site({"departed": EACH})
    pack(here, 1_000, "A")
    close(here, 2_000, 2, lag=3_000)
    here.hear_until(6_999)
    assert here.told == []
    pack(here, 1_500, "B")
    assert len(here.told) == 2


def test_what_is_given_up_is_waited_for_as_much_longer_as_it_was_told_late(
    packing: Any,
) -> None:
    pack(packing, 1_000, "A", lag=3_000)
    packing.hear_until(11_999)
    assert packing.reasons == []
    packing.hear_until(12_000)
    assert len(packing.reasons) == 1


def test_what_happened_at_the_very_end_of_a_count_is_given_up_with_it(packing: Any) -> None:
    pack(packing, 1_000, "A")
    pack(packing, 7_000, "B")
    packing.hear_until(9_000)
    assert [each.signal for each in packing.objections] == [1, 2]
    pack(packing, 7_001, "C")
    close(packing, 9_000, 1)
    assert children(packing) == [(9_000, ["C"])]


def test_the_closing_of_what_was_told_late_is_contradicted_by_another_and_not_by_itself(
    packing: Any,
) -> None:
    pack(packing, 1_000, "A")
    close(packing, 2_000, 3)
    packing.hear_until(4_000)
    close(packing, 2_000, 3)
    assert packing.reasons == []
    close(packing, 2_500, 3)
    assert packing.reasons == ["rule packed: unit:C1: was packed with 1, the closing says 3"]


@pytest.mark.parametrize("rule", [PACKED, EACH])
@pytest.mark.parametrize("changed", [{"about": "pallet"}, {"by": ["belt"]}])
def test_what_is_counted_by_other_fields_is_not_what_the_changed_rule_counts(
    site: Callable[..., Any], rule: dict[str, Any], changed: dict[str, Any]
) -> None:
    before, after = site({"packed": rule}), site({"packed": {**rule, **changed}})
    pack(before, 1_000, "A", pallet="P1", belt=3)
    close(before, 2_000, 2, pallet="P1", belt=3)
    after.tracks = before.tracks
    after.hear_until(LATER)
    assert (after.milestones, after.objections) == ([], [])


def test_what_is_gathered_for_others_is_not_what_the_changed_rule_gathers(
    site: Callable[..., Any],
) -> None:
    before, after = site({"packed": EACH}), site({"packed": {**EACH, "each": "order"}})
    pack(before, 1_000, "A")
    close(before, 2_000, 2)
    after.tracks = before.tracks
    after.hear_until(LATER)
    assert (after.milestones, after.objections) == ([], [])


def test_a_count_that_is_concluded_is_forgotten_after_its_time(packing: Any) -> None:
    pack(packing, 1_000, "A")
    close(packing, 2_000, 1)
    packing.hear_until(2_000 + 30 * DAY - 1)
    assert packing.tracks
    packing.hear_until(2_000 + 30 * DAY)
    assert (packing.tracks, packing.reasons) == ({}, [])


def test_each_is_told_of_itself_whatever_the_closing_says_of_another(
    site: Callable[..., Any],
) -> None:
    here = site({"departed": EACH})
    pack(here, 1_000, "A")
    close(here, 2_000, 1, item="Z", gate=7)
    (milestone,) = here.milestones
    assert milestone.key == "item:A"
    assert milestone.attributes == {"item": "A", "unit": "C1", "gate": 7}
