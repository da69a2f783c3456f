"""A count that nothing ends is given up; what happened by then belongs to no other."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.unit.edge.milestones.operators.cartons import EACH, OVER, WHOLE

LATER = 1_000_000
DAY = 86_400_000
GIVEN_UP = "rule it: unit:U1: it belongs to a count that was given up: nothing ended it within 6 s"

both_ways = pytest.mark.parametrize("rule", [WHOLE, EACH])


def pack(here: Any, at: int, item: str, **more: Any) -> Any:
    return here.see("pack", at, unit="U1", item=item, **more)


def told(here: Any) -> list[tuple[int, Sequence[str]]]:
    """Return when something was packed, and what: of a whole, or of each."""
    return [
        (each.occurred_at, each.attributes.get("children") or [each.attributes["item"]])
        for each in here.milestones
    ]


@both_ways
def test_what_is_told_again_of_a_count_that_was_given_up_belongs_to_no_other(
    site: Callable[..., Any], rule: dict[str, Any]
) -> None:
    here = site({"it": rule})
    pack(here, 0, "x")
    pack(here, 2_000, "y")
    here.hear_until(8_500)
    pack(here, 7_500, "z")
    given_up = len(here.objections)
    pack(here, 2_000, "y")
    pack(here, 6_000, "w")
    assert [each.signal for each in here.objections[given_up:]] == [4, 5]
    here.see("closed", 9_000, unit="U1")
    here.hear_until(LATER)
    assert told(here) == [(9_000, ["z"])]


@both_ways
def test_what_happened_just_after_is_in_the_next(
    site: Callable[..., Any], rule: dict[str, Any]
) -> None:
    here = site({"it": rule})
    pack(here, 0, "x")
    here.hear_until(8_000)
    pack(here, 6_001, "x")
    here.see("closed", 9_000, unit="U1")
    here.hear_until(LATER)
    assert told(here) == [(9_000, ["x"])]


@both_ways
def test_the_second_of_two_that_were_given_up_counts(
    site: Callable[..., Any], rule: dict[str, Any]
) -> None:
    here = site({"it": rule})
    pack(here, 0, "x")
    pack(here, 7_000, "x")
    here.hear_until(LATER)
    objections = len(here.objections)
    pack(here, 13_000, "x")
    assert len(here.objections) == objections + 1
    here.see("closed", 13_001, unit="U1")
    pack(here, 13_001, "x")
    here.hear_until(2 * LATER)
    assert told(here) == [(13_001, ["x"])]


@both_ways
@pytest.mark.parametrize("is_looked_at", [True, False])
def test_a_member_that_is_seen_again_after_the_time_is_in_the_next_whenever_that_is_looked_at(
    site: Callable[..., Any], rule: dict[str, Any], *, is_looked_at: bool
) -> None:
    here = site({"it": rule})
    pack(here, 0, "y")
    if is_looked_at:
        here.hear_until(9_999)
    pack(here, 10_000, "y")
    here.see("closed", 11_000, unit="U1")
    here.hear_until(LATER)
    assert told(here) == [(11_000, ["y"])]
    assert [each.signal for each in here.objections] == [1]


def test_a_closing_of_a_count_that_was_given_up_closes_nothing(site: Callable[..., Any]) -> None:
    here = site({"it": WHOLE})
    pack(here, 0, "x")
    here.hear_until(8_000)
    here.see("closed", 6_000, unit="U1")
    assert here.reasons[1:] == [GIVEN_UP]
    here.see("closed", 6_001, unit="U1")
    here.hear_until(LATER)
    assert [each.attributes["children"] for each in here.milestones] == [[]]


def test_each_says_what_was_given_up(site: Callable[..., Any]) -> None:
    here = site({"it": EACH})
    pack(here, 0, "x")
    here.hear_until(8_000)
    here.see("closed", 6_000, unit="U1")
    assert here.reasons == [
        "rule it: unit:U1: nothing closed it within 6 s",
        "rule it: unit:U1: it belongs to what was given up: nothing closed it within 6 s",
    ]


def test_what_was_given_up_before_a_closing_is_not_told_late_at_it(
    site: Callable[..., Any],
) -> None:
    here = site({"it": EACH})
    pack(here, 0, "x")
    here.hear_until(8_000)
    pack(here, 8_500, "z")
    here.see("closed", 9_000, unit="U1")
    here.hear_until(LATER)
    pack(here, 0, "x")
    pack(here, 6_001, "w")
    assert told(here) == [(9_000, ["z"]), (9_000, ["w"])]
    assert here.reasons[1:] == [
        "rule it: unit:U1: item 'x' came after the closing that followed the one it belongs to"
    ]


def test_what_was_given_up_is_not_too_much_later(site: Callable[..., Any]) -> None:
    here = site({"it": OVER})
    pack(here, 0, "x", quantity=1, requested=2)
    here.hear_until(8_000)
    pack(here, 7_000, "z", quantity=2, requested=2)
    here.hear_until(9_000)
    pack(here, 8_000, "v", quantity=1, requested=2)
    here.hear_until(10_000)
    pack(here, 0, "x", quantity=1, requested=2)
    assert here.reasons[1:] == [GIVEN_UP]
    here.hear_until(LATER)
    assert here.told == [("picked", "unit:U1", 7_000), ("over_picked", "unit:U1", 8_000)]


@both_ways
def test_that_it_was_given_up_is_forgotten_after_its_time(
    site: Callable[..., Any], rule: dict[str, Any]
) -> None:
    here = site({"it": rule})
    pack(here, 0, "x")
    here.hear_until(8_000)
    here.hear_until(6_000 + 30 * DAY - 1)
    assert here.tracks
    here.hear_until(6_000 + 30 * DAY)
    assert here.tracks == {}


def test_a_portal_that_sees_a_member_every_second_makes_no_track_grow(
    site: Callable[..., Any],
) -> None:
    here = site({"it": {**WHOLE, "within_seconds": 600}})
    for second in range(600):
        pack(here, second * 1_000, "x")
    (track,) = here.tracks.values()
    # What happened up to 2 s earlier may yet be told, and end the count as much earlier.
    assert [row[1] for row in track.state["members"]] == [0, 599_000]
    pack(here, -1_500, "y")
    here.see("closed", 599_500, unit="U1")
    here.hear_until(LATER)
    assert told(here) == [(599_500, ["x"])]


@pytest.mark.parametrize("arrival", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_of_what_is_seen_often_the_earliest_of_each_count_is_in_it(
    site: Callable[..., Any], arrival: Sequence[int]
) -> None:
    # The count may end earlier than what is told first lets think.
    at = {1: 500, 2: 5_900, 3: 6_000}
    here = site({"it": WHOLE})
    for number in arrival:
        pack(here, at[number], "x", read_point=f"door-{number}")
    pack(here, -200, "w")
    here.see("closed", 6_200, unit="U1")
    here.hear_until(LATER)
    (milestone,) = here.milestones
    assert milestone.attributes["read_point"] == "door-2"


@both_ways
def test_what_is_closed_at_the_last_moment_is_closed_in_time(
    site: Callable[..., Any], rule: dict[str, Any]
) -> None:
    here = site({"it": rule})
    pack(here, 0, "x")
    here.see("closed", 6_000, unit="U1")
    here.hear_until(LATER)
    assert told(here) == [(6_000, ["x"])]


@both_ways
def test_it_is_the_first_member_whose_time_ends_a_count(
    site: Callable[..., Any], rule: dict[str, Any]
) -> None:
    # All is told before the engine looks: what is seen often may be in the next count.
    here = site({"it": rule})
    pack(here, 0, "w")
    pack(here, 1_000, "x")
    for at in (5_900, 6_500, 30_000):
        pack(here, at, "x")
    here.see("closed", 7_000, unit="U1")
    here.hear_until(LATER)
    assert told(here)[0] == (7_000, ["x"])


@both_ways
def test_nothing_is_given_up_before_what_is_told_late_has_been_heard(
    site: Callable[..., Any], rule: dict[str, Any]
) -> None:
    here = site({"it": rule})
    pack(here, 0, "x")
    here.hear_until(7_999)
    assert here.objections == []
    here.hear_until(8_000)
    assert len(here.objections) == 1
