import itertools
from collections.abc import Callable
from typing import Any

import pytest

from edge.milestones.model import Mark, Name, Severity
from edge.milestones.operators import counting

PICKED = {
    "operator": "gather",
    "milestone": "picked",
    "partial": "short",
    "over": "over_picked",
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
LATER = 1_000_000


@pytest.fixture
def picking(site: Callable[..., Any]) -> Any:
    return site({"picked": PICKED})


def pick(here: Any, at: int, number: str, quantity: float, **more: Any) -> Any:
    fields = {**LINE, "pick": number, "requested": 3, "quantity": quantity}
    return here.see("pick", at, **{**fields, **more})


def close(here: Any, at: int, picked: float, **more: Any) -> Any:
    return here.see("line-closed", at, **{**LINE, "picked": picked, "requested": 3, **more})


def hear_until(here: Any, horizon: int) -> None:
    """Judge deadlines as long as there are any: a conclusion may set the next one."""
    while any(known.due_at <= horizon for known in here.tracks.values()):
        here.hear_until(horizon)


def told(here: Any) -> list[tuple[Name, int, float]]:
    return [(each.name, each.occurred_at, each.attributes["quantity"]) for each in here.milestones]


def test_what_is_requested_and_no_more_is_picked_when_what_comes_late_has_been_heard(
    picking: Any,
) -> None:
    pick(picking, 1_000, "P1", 2)
    pick(picking, 2_000, "P2", 1)
    hear_until(picking, 6_999)
    assert picking.told == []
    hear_until(picking, 7_000)
    assert told(picking) == [("picked", 2_000, 3)]
    hear_until(picking, LATER)
    assert len(picking.milestones) == 1


def test_each_member_beyond_what_is_requested_is_an_exception(picking: Any) -> None:
    pick(picking, 1_000, "P1", 3)
    pick(picking, 2_000, "P2", 1, device="gun-7")
    pick(picking, 9_000_000, "P3", 2)
    hear_until(picking, 10_000_000)
    assert told(picking) == [
        ("picked", 1_000, 3),
        ("over_picked", 2_000, 4),
        ("over_picked", 9_000_000, 6),
    ]
    _, second, third = picking.milestones
    assert second.attributes == {
        **LINE,
        "pick": "P2",
        "device": "gun-7",
        "quantity": 4,
        "requested": 3,
    }
    assert (second.key, second.evidence, second.mark) == ("order:SO-1", (2,), Mark.IN_ORDER)
    assert second.severity is Severity.WARNING
    assert picking.milestones[0].severity is None
    assert second.id != third.id
    assert picking.reasons == []


def test_a_member_that_completes_the_count_may_itself_be_too_much(picking: Any) -> None:
    pick(picking, 1_000, "P1", 2)
    pick(picking, 2_000, "P2", 2)
    hear_until(picking, LATER)
    assert told(picking) == [("picked", 2_000, 4), ("over_picked", 2_000, 4)]


@pytest.mark.parametrize("order", [*itertools.permutations(range(4))])
def test_the_members_that_happened_last_are_too_many_in_whatever_order_they_come(
    picking: Any, order: tuple[int, ...]
) -> None:
    for number in (*order, *order):
        pick(picking, 1_000 * number, f"P{number}", 1.5)
    hear_until(picking, LATER)
    assert told(picking) == [
        ("picked", 1_000, 3),
        ("over_picked", 2_000, 4.5),
        ("over_picked", 3_000, 6),
    ]
    assert picking.reasons == []


def test_a_member_that_is_read_again_earlier_counts_from_then(picking: Any) -> None:
    pick(picking, 1_000, "P1", 3)
    pick(picking, 4_000, "P2", 1)
    pick(picking, 3_000, "P2", 1)
    pick(picking, 500, "P1", 3)
    hear_until(picking, 6_000)
    pick(picking, 3_500, "P3", 1)
    pick(picking, 3_200, "P3", 1)
    pick(picking, 3_300, "P3", 1)
    hear_until(picking, LATER)
    assert told(picking) == [
        ("picked", 500, 3),
        ("over_picked", 3_000, 4),
        ("over_picked", 3_200, 5),
    ]


def test_what_comes_after_the_wait_and_happened_before_is_too_much_and_late(picking: Any) -> None:
    pick(picking, 10_000, "P1", 3)
    hear_until(picking, 20_000)
    pick(picking, 5_000, "P2", 1)
    hear_until(picking, LATER)
    assert told(picking) == [("picked", 10_000, 3), ("over_picked", 5_000, 4)]
    assert picking.milestones[1].mark is Mark.LATE


def test_a_device_that_tells_late_is_waited_for(picking: Any) -> None:
    pick(picking, 2_000, "P2", 3)
    pick(picking, 3_000, "P3", 1, lag=4_000)
    hear_until(picking, 7_500)
    pick(picking, 1_000, "P1", 3, lag=6_500)
    hear_until(picking, LATER)
    assert told(picking) == [
        ("picked", 1_000, 3),
        ("over_picked", 2_000, 6),
        ("over_picked", 3_000, 7),
    ]


def test_a_closing_that_counts_what_is_too_much_contradicts_nothing(picking: Any) -> None:
    pick(picking, 1_000, "P1", 3)
    hear_until(picking, 6_000)
    pick(picking, 8_000, "P2", 1)
    close(picking, 9_000, 4)
    assert picking.reasons == []
    close(picking, 9_500, 5)
    assert picking.reasons == [
        "rule picked: order:SO-1: was picked with 4, the closing says 5",
    ]


def test_the_closing_may_be_what_says_how_much_is_requested(picking: Any) -> None:
    pick(picking, 1_000, "P1", 3, requested=None)
    pick(picking, 2_000, "P2", 1, requested=None)
    close(picking, 20_000, 4)
    hear_until(picking, 24_999)
    assert picking.told == []
    hear_until(picking, 25_000)
    assert told(picking) == [("picked", 1_000, 3), ("over_picked", 2_000, 4)]


def test_what_is_closed_below_its_quantity_is_short_and_no_more_is_too_much(picking: Any) -> None:
    pick(picking, 1_000, "P1", 2)
    close(picking, 2_000, 2)
    hear_until(picking, 12_000)
    assert told(picking) == [("short", 2_000, 2)]
    pick(picking, 9_000, "P2", 5)
    hear_until(picking, LATER)
    assert len(picking.milestones) == 1
    assert picking.reasons == [
        "rule picked: order:SO-1: pick 'P2' came after it was short with 2",
    ]


def test_a_concluded_count_is_forgotten_after_its_time(picking: Any) -> None:
    pick(picking, 1_000, "P1", 3)
    pick(picking, 2_000, "P2", 1)
    hear_until(picking, LATER)
    assert picking.tracks
    hear_until(picking, 2_000 + 30 * 86_400_000)
    assert picking.tracks == {}


def test_what_waits_to_be_too_much_is_not_lost_when_the_rule_no_longer_asks(
    site: Callable[..., Any], picking: Any
) -> None:
    pick(picking, 1_000, "P1", 3)
    hear_until(picking, 6_000)
    pick(picking, 7_000, "P2", 1)
    without = site({"picked": {key: each for key, each in PICKED.items() if key != "over"}})
    without.tracks = picking.tracks
    hear_until(without, LATER)
    (reason,) = without.reasons
    assert "pick 'P2' came after it was picked with 3" in reason


def test_each_waits_as_much_longer_as_devices_tell_late(picking: Any) -> None:
    pick(picking, 1_000, "P1", 3)
    hear_until(picking, 6_000)
    pick(picking, 2_000, "P2", 1)
    pick(picking, 5_000, "P3", 1, lag=4_000)
    hear_until(picking, 11_000)
    assert told(picking)[1:] == [("over_picked", 2_000, 4)]
    pick(picking, 4_000, "P4", 1, lag=8_000)
    hear_until(picking, LATER)
    assert told(picking)[2:] == [("over_picked", 4_000, 5), ("over_picked", 5_000, 6)]
    assert {each.mark for each in picking.milestones} == {Mark.IN_ORDER}


def test_what_is_counted_and_waits_is_bounded(
    picking: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST_KEPT", 2)
    pick(picking, 1_000, "P1", 3)
    hear_until(picking, 6_000)
    pick(picking, 7_000, "P2", 1)
    assert pick(picking, 8_000, "P3", 1).tracks == {}
    (reason,) = picking.reasons
    assert reason.startswith("rule picked: order:SO-1: 2 of its members are kept, and no more")
    hear_until(picking, LATER)
    assert told(picking) == [("picked", 1_000, 3), ("over_picked", 7_000, 4)]


@pytest.mark.parametrize("arrival", [(0, 1), (1, 0)])
def test_of_two_readings_at_the_same_time_the_same_one_is_too_much(
    picking: Any, arrival: tuple[int, int]
) -> None:
    pick(picking, 1_000, "P1", 3)
    hear_until(picking, 6_000)
    for index in arrival:
        pick(picking, 7_000, "P2", 1, device=f"gun-{index}")
    hear_until(picking, LATER)
    assert picking.milestones[1].attributes["device"] == "gun-0"


@pytest.mark.parametrize(("requested", "names"), [(None, ["picked"]), (3, [])])
def test_where_it_is_closed_with_less_or_nothing_is_requested_none_is_too_much(
    site: Callable[..., Any], requested: int | None, names: list[str]
) -> None:
    here = site({"picked": {key: each for key, each in PICKED.items() if key != "partial"}})
    pick(here, 1_000, "P1", 2, requested=requested)
    close(here, 2_000, 2, requested=requested)
    hear_until(here, LATER)
    assert [each.name for each in here.milestones] == names
