import itertools
from collections.abc import Callable
from typing import Any

import pytest

PICKED = {
    "operator": "gather",
    "milestone": "picked",
    "partial": "short",
    "about": "order",
    "by": ["line"],
    "of": {"kind": "pick"},
    "distinct": "pick",
    "quantity": "quantity",
    "until": "requested",
    "closed_by": {"kind": "line-closed"},
    "total": "picked",
    "within_seconds": 600,
    "wait_seconds": 5,
}
PACKED = {
    "operator": "gather",
    "milestone": "packed",
    "about": "unit",
    "of": {"kind": "pack"},
    "distinct": "item",
    "children": "item",
    "closed_by": {"kind": "carton-closed"},
    "total": "count",
    "within_seconds": 3600,
    "wait_seconds": 5,
}
LINE = {"order": "SO-1", "line": 1, "item": "GTIN"}


@pytest.fixture
def picking(site: Callable[..., Any]) -> Any:
    return site({"picked": PICKED})


@pytest.fixture
def packing(site: Callable[..., Any]) -> Any:
    return site({"packed": PACKED})


def pick(here: Any, at: int, number: str, quantity: float, **more: Any) -> Any:
    fields = {**LINE, "read_point": "pick-1", "pick": number, "requested": 5}
    return here.see("pick", at, **{**fields, "quantity": quantity, **more})


def close(here: Any, at: int, picked: float, **more: Any) -> Any:
    fields = {**LINE, "read_point": "pick-1", "requested": 5}
    return here.see("line-closed", at, **{**fields, "picked": picked, **more})


def test_reaching_what_is_requested_is_the_fact_at_the_last_member(picking: Any) -> None:
    pick(picking, 3_000, "P2", 3, tote="T2")
    assert picking.told == []
    pick(picking, 1_000, "P1", 2, tote="T1")
    (milestone,) = picking.milestones
    assert (milestone.name, milestone.key) == ("picked", "order:SO-1")
    assert milestone.occurred_at == 3_000
    assert milestone.attributes == {**LINE, "read_point": "pick-1", "quantity": 5, "requested": 5}
    assert milestone.evidence == (1, 2)


def test_each_line_is_counted_by_itself(picking: Any) -> None:
    pick(picking, 1_000, "P1", 5)
    pick(picking, 1_000, "P2", 5, line=2)
    first, second = picking.milestones
    assert first.id != second.id
    assert first.key == second.key == "order:SO-1"


def test_a_member_counts_once_however_often_it_is_told(picking: Any) -> None:
    for at in (1_000, 1_000, 2_000):
        pick(picking, at, "P1", 3)
    assert picking.told == []
    pick(picking, 3_000, "P2", 2)
    assert pick(picking, 1_000, "P1", 3).tracks == {}
    assert picking.told == [("picked", "order:SO-1", 3_000)]
    assert picking.reasons == []


def test_less_than_requested_at_the_closing_is_short(picking: Any) -> None:
    pick(picking, 1_000, "P1", 2)
    pick(picking, 2_000, "P2", 1)
    close(picking, 4_000, 3, read_point="panel-1")
    (milestone,) = picking.milestones
    assert (milestone.name, milestone.occurred_at, milestone.mark) == ("short", 4_000, "in_order")
    assert milestone.attributes == {**LINE, "read_point": "panel-1", "quantity": 3, "requested": 5}


def test_nothing_at_all_at_the_closing_is_short(picking: Any) -> None:
    close(picking, 4_000, 0)
    assert picking.told == [("short", "order:SO-1", 4_000)]
    assert picking.milestones[0].attributes["quantity"] == 0


def test_members_that_the_closing_speaks_of_are_waited_for(picking: Any) -> None:
    close(picking, 4_000, 3)
    pick(picking, 1_000, "P1", 2)
    picking.hear_until(8_999)
    assert picking.told == []
    pick(picking, 3_000, "P2", 1)
    assert picking.told == [("short", "order:SO-1", 4_000)]
    assert picking.milestones[0].mark == "in_order"


def test_what_the_closing_speaks_of_and_never_comes_is_marked_late(picking: Any) -> None:
    pick(picking, 1_000, "P1", 2)
    close(picking, 4_000, 4)
    picking.hear_until(9_000)
    (milestone,) = picking.milestones
    assert (milestone.name, milestone.occurred_at, milestone.mark) == ("short", 4_000, "late")
    # What the closing said stays visible where it differs from what was counted.
    assert (milestone.attributes["quantity"], milestone.attributes["picked"]) == (2, 4)


@pytest.mark.parametrize("picked", [3, 5])
def test_the_same_evidence_in_any_order_is_the_same_fact(
    site: Callable[..., Any], picked: int
) -> None:
    picks = [(1_000, "P1", 1), (2_000, "P2", 1), (3_000, "P3", picked - 2)]
    facts = set()
    for order in itertools.permutations([*picks, None]):
        here = site({"picked": PICKED})
        for found in order:
            if found is None:
                close(here, 3_500, picked, read_point="panel")
            else:
                pick(here, *found, tote=found[1])
        (fact,) = here.milestones
        assert here.reasons == []
        facts.add((fact.name, fact.id, tuple(sorted(fact.attributes.items()))))
    assert len(facts) == 1


def test_the_closing_of_a_complete_line_is_ignored(picking: Any) -> None:
    pick(picking, 1_000, "P1", 5)
    assert close(picking, 2_000, 5).tracks == {}
    assert (len(picking.told), picking.reasons) == (1, [])


def test_a_closing_that_speaks_of_more_than_was_told_is_objected_to(picking: Any) -> None:
    pick(picking, 1_000, "P1", 5)
    close(picking, 2_000, 6)
    assert picking.reasons == [
        "rule picked: order:SO-1: was picked with 5, the closing says 6",
    ]


def test_a_member_after_the_conclusion_is_objected_to(picking: Any) -> None:
    pick(picking, 1_000, "P1", 2)
    close(picking, 4_000, 2)
    pick(picking, 3_000, "P2", 1)
    assert picking.told == [("short", "order:SO-1", 4_000)]
    assert picking.reasons == [
        "rule picked: order:SO-1: pick 'P2' came after it was short with 2",
    ]


def test_a_line_that_is_never_closed_is_short_when_its_time_is_over(picking: Any) -> None:
    pick(picking, 1_000, "P1", 2)
    picking.hear_until(605_999)
    assert picking.told == []
    picking.hear_until(606_000)
    assert picking.told == [("short", "order:SO-1", 601_000)]
    assert picking.milestones[0].attributes["requested"] == 5


def test_a_deadline_judged_late_decides_the_same(picking: Any) -> None:
    # The engine was down: what came after the time was over is told before it is judged.
    pick(picking, 1_000, "P1", 2)
    pick(picking, 700_000, "P2", 3)
    close(picking, 701_000, 5)
    assert picking.told == []
    picking.hear_until(900_000)
    assert picking.told == [("short", "order:SO-1", 601_000)]
    assert [each.signal for each in picking.objections] == [2, 3]


def test_weights_add_up_to_what_is_requested(picking: Any) -> None:
    for number in range(10):
        pick(picking, number, f"P{number}", 0.1, requested=1)
    assert picking.told == [("picked", "order:SO-1", 9)]
    assert picking.milestones[0].attributes["quantity"] == 1


def test_what_is_requested_may_be_told_by_the_closing_alone(picking: Any) -> None:
    pick(picking, 1_000, "P1", 2, requested=None)
    close(picking, 2_000, 2, requested=2)
    assert picking.told == [("picked", "order:SO-1", 1_000)]
    assert picking.milestones[0].attributes["requested"] == 2


@pytest.mark.parametrize("quantity", ["2", True, -1, 10**13, None])
def test_a_quantity_that_is_none_is_objected_to(picking: Any, quantity: Any) -> None:
    pick(picking, 1_000, "P1", quantity)
    assert picking.told == []
    assert len(picking.reasons) == 1
    assert picking.reasons[0].startswith("rule picked: field 'quantity' of 'pick' ")


def test_a_closed_carton_is_packed_with_its_children(packing: Any) -> None:
    for at, item in [(2_000, "I2"), (1_000, "I1"), (1_500, "I1")]:
        packing.see("pack", at, unit="C1", order="SO-1", item=item, read_point="pack-1")
    packing.see("carton-closed", 3_000, unit="C1", order="SO-1", count=2, read_point="pack-1")
    (milestone,) = packing.milestones
    assert (milestone.name, milestone.key) == ("packed", "unit:C1")
    assert (milestone.occurred_at, milestone.mark) == (3_000, "in_order")
    assert milestone.attributes == {
        "unit": "C1",
        "order": "SO-1",
        "read_point": "pack-1",
        "quantity": 2,
        "children": ["I1", "I2"],
    }
    assert milestone.evidence == (1, 2, 4)


def test_a_carton_that_is_never_closed_is_objected_to_and_forgotten(packing: Any) -> None:
    packing.see("pack", 1_000, unit="C1", item="I1")
    packing.see("pack", 2_000, unit="C1", item="I2")
    packing.hear_until(3_606_000)
    assert packing.told == []
    assert [each.signal for each in packing.objections] == [1, 2]
    assert packing.reasons[0] == "rule packed: unit:C1: nothing ended the count within 3600 s"
    assert packing.tracks == {}


def test_the_earliest_of_several_closings_counts(packing: Any) -> None:
    for at in (4_000, 3_000, 5_000):
        packing.see("carton-closed", at, unit="C1", count=1)
    packing.see("pack", 1_000, unit="C1", item="I1")
    assert packing.told == [("packed", "unit:C1", 3_000)]
    packing.see("carton-closed", 4_000, unit="C1", count=1)
    assert (len(packing.told), packing.reasons) == (1, [])


def test_without_a_total_the_closing_waits_for_what_comes_late(site: Callable[..., Any]) -> None:
    here = site({"packed": {key: value for key, value in PACKED.items() if key != "total"}})
    here.see("carton-closed", 3_000, unit="C1", count=2)
    here.see("pack", 2_000, unit="C1", item="I1")
    assert here.told == []
    here.hear_until(8_000)
    assert here.told == [("packed", "unit:C1", 3_000)]
    assert here.milestones[0].mark == "in_order"


def test_a_closing_that_came_first_and_speaks_of_more_is_objected_to(picking: Any) -> None:
    close(picking, 2_000, 6)
    pick(picking, 1_000, "P1", 5)
    assert picking.told == [("picked", "order:SO-1", 1_000)]
    assert picking.reasons == ["rule picked: order:SO-1: was picked with 5, the closing says 6"]


def test_short_without_a_name_for_it_is_objected_to(site: Callable[..., Any]) -> None:
    here = site({"picked": {key: value for key, value in PICKED.items() if key != "partial"}})
    pick(here, 1_000, "P1", 2)
    close(here, 2_000, 2)
    assert here.told == []
    assert set(here.reasons) == {"rule picked: order:SO-1: the count was closed at 2 of 5"}
    assert here.tracks == {}
