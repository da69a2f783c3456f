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
LINE = {"order": "SO-1", "line": 1, "item": "GTIN"}
LATER = 10_000_000


@pytest.fixture
def picking(site: Callable[..., Any]) -> Any:
    return site({"picked": PICKED})


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


def test_a_closing_that_came_first_and_speaks_of_more_is_objected_to(picking: Any) -> None:
    close(picking, 2_000, 6)
    pick(picking, 1_000, "P1", 5)
    assert picking.told == [("picked", "order:SO-1", 1_000)]
    assert picking.reasons == ["rule picked: order:SO-1: was picked with 5, the closing says 6"]


def test_short_without_a_name_for_it_is_objected_to(site: Callable[..., Any]) -> None:
    here = site({"picked": {key: value for key, value in PICKED.items() if key != "partial"}})
    pick(here, 1_000, "P1", 2)
    close(here, 2_000, 2)
    reason = "rule picked: order:SO-1: the count was closed at 2 of 5"
    assert [(each.signal, each.reason) for each in here.objections] == [(1, reason), (2, reason)]
    # It is closed for good.
    pick(here, 1_000, "P1", 2)
    pick(here, 13_000, "P2", 5)
    here.hear_until(LATER)
    assert here.told == []
    assert here.reasons[2:] == [
        "rule picked: order:SO-1: pick 'P2' came after it was closed with 2"
    ]


@pytest.mark.parametrize("weight", [12.300000190734863, 0.1, 1e-6, 123456.78125, 2.3456784])
def test_what_is_weighed_reaches_what_is_requested_however_many_decimals_are_told(
    picking: Any, weight: float
) -> None:
    pick(picking, 1_000, "P1", weight, requested=weight)
    (milestone,) = picking.milestones
    assert milestone.name == "picked"
    assert milestone.attributes["quantity"] == milestone.attributes["requested"]


@pytest.mark.parametrize("arrival", [(0, 1), (1, 0)])
@pytest.mark.parametrize(
    ("values", "told"),
    [((1, 1.0), 1), ((1, True), None), ((1, "1"), None), ((-0.0, 0.0), -0.0), ((0, -0.0), 0)],
)
def test_in_whatever_order_members_come_they_agree_on_the_same(
    picking: Any, arrival: tuple[int, int], values: tuple[Any, Any], told: Any
) -> None:
    for index in arrival:
        quantity = 2 + index
        pick(picking, 1_000 + index, f"P{index}", quantity, tote=values[index])
    (milestone,) = picking.milestones
    assert repr(milestone.attributes.get("tote")) == repr(told)


def test_what_names_a_count_is_told_though_members_write_it_differently(picking: Any) -> None:
    pick(picking, 1_000, "P1", 2, order=7, line=1)
    pick(picking, 2_000, "P2", 3, order="7", line="1")
    (milestone,) = picking.milestones
    assert (milestone.attributes["order"], milestone.attributes["line"]) == ("7", "1")


def test_what_the_closing_requests_and_counts_more_than_was_told_is_picked_late(
    picking: Any,
) -> None:
    pick(picking, 1_000, "P1", 2, requested=None)
    close(picking, 2_000, 3, requested=2)
    picking.hear_until(6_999)
    assert picking.told == []
    picking.hear_until(7_000)
    (milestone,) = picking.milestones
    assert (milestone.name, milestone.occurred_at, milestone.mark) == ("picked", 1_000, "late")
    assert (milestone.attributes["quantity"], milestone.attributes["requested"]) == (2, 2)


@pytest.mark.parametrize("picked", [0, 1])
def test_of_what_is_not_requested_nothing_is_picked_when_it_is_closed(
    picking: Any, picked: int
) -> None:
    close(picking, 2_000, picked, requested=0)
    picking.hear_until(LATER)
    (milestone,) = picking.milestones
    assert (milestone.name, milestone.occurred_at) == ("picked", 2_000)
    assert (milestone.attributes["quantity"], milestone.attributes["requested"]) == (0, 0)


def test_sums_stand_in_the_place_of_what_each_said(site: Callable[..., Any]) -> None:
    names = {"quantity": "pieces", "until": "wanted"}
    here = site({"picked": {**PICKED, **names}})
    told = {"order": "SO-1", "line": 1, "wanted": 5}
    here.see("pick", 1_000, **told, pick="P1", pieces=2)
    here.see("line-closed", 2_000, **told, picked=2)
    here.hear_until(LATER)
    assert here.milestones[0].attributes == {
        "order": "SO-1",
        "line": 1,
        "quantity": 2,
        "requested": 5,
    }


def test_of_what_members_say_is_requested_the_most_counts(picking: Any) -> None:
    pick(picking, 1_000, "P1", 3, requested=3.5)
    pick(picking, 2_000, "P2", 1, requested=5)
    assert picking.told == []
    pick(picking, 3_000, "P3", 1, requested=3.5)
    assert picking.told == [("picked", "order:SO-1", 3_000)]
    assert picking.milestones[0].attributes["requested"] == 5
