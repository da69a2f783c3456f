from collections.abc import Callable
from typing import Any

import pytest

DEPARTED = {
    "operator": "gather",
    "milestone": "departed",
    "about": "trailer",
    "of": {"kind": "load"},
    "distinct": "unit",
    "each": "unit",
    "closed_by": {"kind": "release"},
    "total": "count",
    "within_seconds": 86_400,
    "wait_seconds": 5,
}
DAY = 86_400_000


@pytest.fixture
def here(site: Callable[..., Any]) -> Any:
    return site({"departed": DEPARTED})


def load(here: Any, at: int, unit: str, trailer: str = "T1") -> Any:
    return here.see("load", at, trailer=trailer, unit=unit, read_point="door-1", belt=2)


def release(here: Any, at: int, count: int, trailer: str = "T1") -> Any:
    return here.see("release", at, trailer=trailer, count=count, read_point="gate")


def test_each_member_has_its_milestone_at_the_closing(here: Any) -> None:
    load(here, 1_000, "U2")
    load(here, 2_000, "U1")
    assert here.told == []
    release(here, 3_000, 2)
    assert here.told == [("departed", "unit:U1", 3_000), ("departed", "unit:U2", 3_000)]
    assert here.milestones[0].attributes == {
        "unit": "U1",
        "trailer": "T1",
        "read_point": "gate",
        "belt": 2,
    }
    assert here.milestones[0].evidence == (2, 3)


def test_members_told_after_the_closing_are_waited_for(here: Any) -> None:
    release(here, 3_000, 2)
    load(here, 1_000, "U1")
    here.hear_until(7_999)
    assert here.told == []
    load(here, 2_000, "U2")
    assert len(here.told) == 2
    assert {milestone.mark for milestone in here.milestones} == {"in_order"}


def test_a_member_that_comes_after_the_wait_has_its_milestone_late(here: Any) -> None:
    load(here, 1_000, "U1")
    release(here, 3_000, 2)
    here.hear_until(8_000)
    assert here.told == [("departed", "unit:U1", 3_000)]
    load(here, 2_000, "U2")
    load(here, 2_000, "U2")
    load(here, 1_000, "U1")
    assert here.told[1:] == [("departed", "unit:U2", 3_000)]
    assert [milestone.mark for milestone in here.milestones] == ["late", "late"]
    assert here.reasons == []


def test_a_closing_is_told_once(here: Any) -> None:
    load(here, 1_000, "U1")
    release(here, 3_000, 1)
    assert release(here, 3_000, 1).tracks == {}
    assert len(here.told) == 1


def test_a_trailer_that_comes_back_is_another_round(here: Any) -> None:
    load(here, 1_000, "U1")
    release(here, 3_000, 1)
    load(here, 1 * DAY, "U2")
    load(here, 1 * DAY + 1, "U1")
    release(here, 1 * DAY + 2_000, 2)
    assert here.told == [
        ("departed", "unit:U1", 3_000),
        ("departed", "unit:U1", DAY + 2_000),
        ("departed", "unit:U2", DAY + 2_000),
    ]
    assert len({milestone.id for milestone in here.milestones}) == 3


def test_rounds_told_before_the_first_is_judged_stay_apart(here: Any) -> None:
    # The engine was down, and one load of the first round is missing.
    load(here, 1_000, "U1")
    release(here, 3_000, 2)
    load(here, 50_000, "U2")
    release(here, 60_000, 1)
    assert here.told == []
    here.hear_until(100_000)
    assert here.told == [("departed", "unit:U1", 3_000), ("departed", "unit:U2", 60_000)]
    assert [milestone.mark for milestone in here.milestones] == ["late", "in_order"]


def test_two_open_rounds_are_told_apart_in_whatever_order_their_closings_come(here: Any) -> None:
    release(here, 60_000, 1)
    release(here, 3_000, 1)
    load(here, 50_000, "U2")
    load(here, 1_000, "U1")
    assert here.told == [("departed", "unit:U1", 3_000), ("departed", "unit:U2", 60_000)]
    assert {milestone.mark for milestone in here.milestones} == {"in_order"}


def test_a_member_of_a_round_before_the_last_is_objected_to(here: Any) -> None:
    release(here, 3_000, 0)
    release(here, 60_000, 0)
    load(here, 2_000, "U1")
    assert here.told == []
    (reason,) = here.reasons
    assert reason.startswith("rule departed: trailer:T1: unit 'U1' came after the closing that")


def test_a_closing_before_one_that_is_concluded_is_objected_to(here: Any) -> None:
    release(here, 60_000, 0)
    release(here, 3_000, 1)
    assert here.reasons == ["rule departed: trailer:T1: a later closing is already concluded"]


def test_a_closing_of_members_of_which_none_was_seen_is_objected_to(here: Any) -> None:
    release(here, 3_000, 2)
    here.hear_until(8_000)
    assert here.told == []
    assert here.reasons == [
        "rule departed: trailer:T1: closed with 2, of which none was seen",
    ]


def test_members_that_are_never_closed_are_objected_to(here: Any) -> None:
    load(here, 1_000, "U1")
    load(here, 2 * DAY, "U2")
    here.hear_until(DAY + 6_000)
    assert [each.signal for each in here.objections] == [1]
    assert here.reasons == ["rule departed: trailer:T1: nothing closed it within 86400 s"]
    release(here, 2 * DAY + 1_000, 1)
    assert here.told == [("departed", "unit:U2", 2 * DAY + 1_000)]


def test_trailers_do_not_mix(here: Any) -> None:
    load(here, 1_000, "U1", "T1")
    load(here, 1_000, "U2", "T2")
    release(here, 2_000, 1, "T2")
    assert here.told == [("departed", "unit:U2", 2_000)]


def test_a_key_is_forgotten_after_its_time(here: Any) -> None:
    load(here, 1_000, "U1")
    release(here, 3_000, 1)
    here.hear_until(3_000 + 30 * DAY)
    assert here.tracks == {}
