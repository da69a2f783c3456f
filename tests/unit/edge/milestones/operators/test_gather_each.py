from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest

from edge.milestones.operators import counting

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
    load(here, 3_000, "U1")
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
    assert [each.signal for each in here.objections] == [1]


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


@pytest.mark.parametrize("times", [(1_000, 2_000), (2_000, 1_000)])
def test_of_a_member_that_is_told_twice_the_first_reading_counts(
    here: Any, times: tuple[int, int]
) -> None:
    for at in times:
        load(here, at, "U1")
    release(here, 3_000, 2)
    assert here.told == []
    here.hear_until(8_000)
    assert here.told == [("departed", "unit:U1", 3_000)]
    assert here.milestones[0].evidence == (1 + times.index(1_000), 3)


def test_a_unit_of_the_next_round_is_not_the_one_that_waits_in_this(here: Any) -> None:
    load(here, 1_000, "U1")
    release(here, 3_000, 2)
    load(here, 5_000, "U1")
    here.hear_until(8_000)
    release(here, 9_000, 1)
    assert here.told == [("departed", "unit:U1", 3_000), ("departed", "unit:U1", 9_000)]
    assert [each.evidence for each in here.milestones] == [(1, 2), (3, 4)]


@pytest.mark.parametrize(
    "told",
    [each for each in permutations(["1", "2r", "3", "4r"]) if each.index("2r") < each.index("4r")],
)
def test_a_unit_that_comes_back_before_its_closing_is_told_departs_twice(
    here: Any, told: tuple[str, ...]
) -> None:
    for each in told:
        at = int(each[0]) * 1_000
        if each.endswith("r"):
            release(here, at, 1)
        else:
            load(here, at, "U1")
    here.listen_until(60_000)
    assert here.told == [("departed", "unit:U1", 2_000), ("departed", "unit:U1", 4_000)]


def test_a_member_that_is_delivered_again_is_the_one_that_is_known(here: Any) -> None:
    load(here, 1_000, "U1")
    load(here, 1_000, "U1")
    release(here, 3_000, 1)
    assert [each.evidence for each in here.milestones] == [(1, 3)]


def test_a_portal_that_sees_a_member_every_second_makes_no_track_grow(here: Any) -> None:
    for second in range(1, 60):
        load(here, second * 1_000, "U1")
    (track,) = here.tracks.values()
    # A closing of the last 5 s may yet be told.
    assert [row[1] for row in track.state["members"]] == [
        1_000,
        *range(55_000, 60_000, 1_000),
    ]


def test_a_key_of_which_nothing_was_ever_closed_is_forgotten_with_its_members(here: Any) -> None:
    load(here, 1_000, "U1")
    here.hear_until(1_000 + DAY + 5_000)
    assert here.tracks
    here.hear_until(1_000 + DAY + 30 * DAY)
    assert here.tracks == {}


@pytest.mark.parametrize("arrival", [(0, 1), (1, 0)])
def test_of_two_at_the_same_time_the_same_one_counts(here: Any, arrival: tuple[int, int]) -> None:
    for index in arrival:
        here.see("load", 1_000, trailer="T1", unit="U1", door=index)
    for index in arrival:
        here.see("release", 2_000, trailer="T1", count=2, gate=index)
    here.hear_until(60_000)
    (milestone,) = here.milestones
    assert (milestone.attributes["door"], milestone.attributes["gate"]) == (0, 0)


SHIPPED = {**DEPARTED, "each": "order"}


def ship(here: Any, at: int, unit: str, order: Any, **more: Any) -> Any:
    return here.see("load", at, trailer="T1", unit=unit, order=order, **more)


def test_what_several_members_are_of_has_one_milestone_with_what_they_agree_on(
    site: Callable[..., Any],
) -> None:
    here = site({"departed": SHIPPED})
    ship(here, 1_000, "U1", 7, door=1)
    ship(here, 2_000, "U2", "8", door=1)
    ship(here, 3_000, "U3", "7", door=1)
    here.see("release", 4_000, trailer="T1", count=3)
    assert here.told == [("departed", "order:7", 4_000), ("departed", "order:8", 4_000)]
    first, second = here.milestones
    assert first.attributes == {"trailer": "T1", "order": "7", "door": 1}
    assert first.evidence == (1, 3, 4)
    assert second.attributes == {"trailer": "T1", "order": "8", "door": 1, "unit": "U2"}


def test_what_has_its_milestone_has_no_other_for_a_member_that_comes_late(
    site: Callable[..., Any],
) -> None:
    here = site({"departed": SHIPPED})
    ship(here, 1_000, "U1", "A")
    here.see("release", 4_000, trailer="T1", count=4)
    here.hear_until(9_000)
    ship(here, 2_000, "U2", "A")
    ship(here, 2_000, "U3", "B")
    # It was read twice, with something else the second time: the first reading counts.
    ship(here, 3_000, "U2", "C")
    ship(here, 3_000, "U4", "B")
    assert here.told == [("departed", "order:A", 4_000), ("departed", "order:B", 4_000)]
    assert [each.mark for each in here.milestones] == ["late", "late"]
    assert here.reasons == []


def test_what_waits_for_one_key_is_bounded_and_the_rest_can_be_retried(
    here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST_KEPT", 3)
    load(here, 1_000, "U1")
    load(here, 2_000, "U2")
    release(here, 3_000, 3)
    assert load(here, 2_500, "U3").tracks == {}
    assert release(here, 4_000, 3).tracks == {}
    reason = "rule departed: trailer:T1: 3 of its members are kept, and no more; "
    assert [each.startswith(reason) for each in here.reasons] == [True, True]
    here.hear_until(8_000)
    for unit in ("U3", "U4"):
        load(here, 2_500, unit)
    assert [key for _, key, _ in here.told] == ["unit:U1", "unit:U2", "unit:U3"]
    assert here.reasons[2].startswith(reason)


def test_more_members_than_the_closing_speaks_of_end_the_round_at_once(here: Any) -> None:
    load(here, 1_000, "U1")
    load(here, 2_000, "U2")
    release(here, 3_000, 1)
    assert len(here.told) == 2


def test_what_happens_at_the_very_time_of_a_closing_is_in_its_round_alone(here: Any) -> None:
    load(here, 3_000, "U1")
    release(here, 3_000, 2)
    here.hear_until(8_000)
    load(here, 3_000, "U2")
    release(here, 60_000, 0)
    assert here.told == [("departed", "unit:U1", 3_000), ("departed", "unit:U2", 3_000)]


def test_a_unit_seen_at_the_very_time_of_a_closing_and_again_is_in_two_rounds(here: Any) -> None:
    load(here, 3_000, "U1")
    release(here, 3_000, 2)
    load(here, 4_000, "U1")
    load(here, 20_000, "U1")
    release(here, 5_000, 1)
    here.hear_until(DAY)
    assert here.told == [("departed", "unit:U1", 3_000), ("departed", "unit:U1", 5_000)]
