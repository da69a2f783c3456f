"""What is told late or out of order makes the same facts of spells, or takes them back."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.edge.milestones.operators.photo_eye import Eye


def test_what_broke_it_counts_if_it_is_told_within_the_wait(watch: Callable[..., Eye]) -> None:
    eye = watch()
    eye.is_blocked(0, blocked=True)
    eye.hear_until(11.999)
    eye.is_blocked(9, blocked=False)
    eye.hear_until(100)
    assert eye.told == []


def test_what_broke_it_and_is_told_later_retracts_the_fact(watch: Callable[..., Eye]) -> None:
    eye = watch()
    eye.is_blocked(0, blocked=True, lane=3)
    eye.hear_until(12)
    eye.is_blocked(9, blocked=False)
    jam, retraction = eye.here.milestones
    assert retraction.retracts == jam.id
    assert retraction.mark == "late"
    assert (retraction.occurred_at, retraction.attributes) == (jam.occurred_at, jam.attributes)
    assert retraction.evidence == (1, 2)
    assert eye.is_blocked(9, blocked=False).milestones == []
    eye.is_blocked(30, blocked=True)
    eye.hear_until(100)
    assert eye.told == [("jammed", 10), ("-jammed", 10), ("jammed", 40)]


def test_what_ended_it_later_retracts_nothing(watch: Callable[..., Eye]) -> None:
    eye = watch()
    eye.is_blocked(0, blocked=True)
    eye.hear_until(50)
    eye.is_blocked(10, blocked=False)
    assert eye.told == [("jammed", 10)]


def test_a_retraction_is_of_what_was_told_although_the_rule_has_changed(
    watch: Callable[..., Eye],
) -> None:
    eye, changed = watch(), watch(for_seconds=30)
    eye.is_blocked(0, blocked=True)
    eye.hear_until(12)
    changed.here.tracks = eye.here.tracks
    changed.is_blocked(9, blocked=False)
    (retraction,) = changed.here.milestones
    assert retraction.retracts == eye.here.milestones[0].id


def test_the_value_told_too_late_is_objected_to(watch: Callable[..., Eye]) -> None:
    eye = watch()
    eye.is_blocked(0, blocked=False)
    eye.is_blocked(20, blocked=True)
    eye.hear_until(50)
    eye.is_blocked(5, blocked=True)
    assert eye.here.reasons == [
        (
            "rule jammed: 'blocked' is told after what happened then was judged; "
            "`wait_seconds` is how late it may be told"
        )
    ]
    eye.is_blocked(30, blocked=True)
    assert len(eye.here.reasons) == 1, "a repeat is none"


@pytest.mark.parametrize(("at", "is_late"), [(10, True), (10.001, False)])
def test_what_happened_at_the_last_moment_that_is_judged_is_late(
    watch: Callable[..., Eye], at: float, *, is_late: bool
) -> None:
    eye = watch()
    eye.is_blocked(0, blocked=True)
    eye.is_blocked(10, blocked=False)
    eye.hear_until(12)  # it waits 2 s for devices that tell late
    eye.is_blocked(at, blocked=True)
    assert len(eye.here.reasons) == is_late


def test_out_of_order_a_late_repeat_of_what_is_judged_writes_nothing(
    watch: Callable[..., Eye],
) -> None:
    eye = watch(in_order=False)
    eye.is_blocked(0, blocked=True)
    eye.hear_until(50)
    assert eye.is_blocked(20, blocked=True).tracks == {}
    assert eye.here.reasons == []


def test_out_of_order_what_repeats_hide_is_found(watch: Callable[..., Eye]) -> None:
    eye = watch(in_order=False)
    for at in (0, 1.5, 2):
        eye.is_blocked(at, blocked=True)
    eye.is_blocked(1, blocked=False)
    eye.hear_until(100)
    assert eye.told == [("jammed", 11.5)]


@pytest.mark.parametrize("lanes", [(1, 2), (2, 1)])
def test_out_of_order_what_is_told_for_one_moment_counts_the_same_in_any_order(
    watch: Callable[..., Eye], lanes: tuple[int, int]
) -> None:
    eye = watch(in_order=False)
    for lane in lanes:
        eye.is_blocked(1, blocked=True, lane=lane)
    eye.is_blocked(1, blocked=False)
    eye.hear_until(100)
    assert [each.attributes["lane"] for each in eye.here.milestones] == [1]


def test_more_than_can_be_kept_counts_as_told_in_its_order(watch: Callable[..., Eye]) -> None:
    eye = watch(for_seconds=0.5)
    for at in range(1000):
        eye.is_blocked(at, blocked=at % 2 == 0)
    assert len(eye.told) > 400
    assert {each.mark for each in eye.here.milestones} == {"in_order"}
    eye.hear_until(2000)
    assert eye.told == [("jammed", at + 0.5) for at in range(0, 1000, 2)]


def test_what_is_among_the_last_sixteen_is_not_late(watch: Callable[..., Eye]) -> None:
    eye = watch()
    for at in range(17):
        eye.is_blocked(at, blocked=at % 2 == 0)
    eye.is_blocked(15.2, blocked=True)
    assert eye.here.reasons == []


@pytest.mark.parametrize(
    ("in_order", "values", "told"),
    [
        (True, [(5, True), (5, False)], []),
        (True, [(0, True), (5, False), (5, True)], [("jammed", 15)]),
        (False, [(5, False), (5, True)], [("jammed", 15)]),
        (False, [(5, True), (5, False)], [("jammed", 15)]),
    ],
)
def test_of_two_values_of_one_moment_the_last_counts_or_out_of_order_the_one_that_is_reached(
    watch: Callable[..., Eye], *, in_order: bool, values: Any, told: Any
) -> None:
    eye = watch(in_order=in_order)
    eye.is_blocked(-1, blocked=False)
    for at, blocked in values:
        eye.is_blocked(at, blocked=blocked)
    eye.hear_until(100)
    assert eye.told == told


@pytest.mark.parametrize(("ended", "lanes"), [(9, []), (20, [1])])
def test_out_of_order_what_replaces_a_value_leaves_what_was_before_and_after_it(
    watch: Callable[..., Eye], ended: float, lanes: list[int]
) -> None:
    eye = watch(in_order=False)
    eye.is_blocked(0, blocked=False)
    eye.is_blocked(ended, blocked=False)
    for lane in (2, 1):
        eye.is_blocked(1, blocked=True, lane=lane)
    eye.hear_until(100)
    assert [each.attributes["lane"] for each in eye.here.milestones] == lanes


def test_out_of_order_repeats_are_kept_until_they_are_judged(watch: Callable[..., Eye]) -> None:
    eye = watch(in_order=False)
    for at in range(50):
        eye.is_blocked(at, blocked=True, lane=3)
    eye.hear_until(100)
    (known,) = eye.here.tracks.values()
    assert len(known.state["samples"]) == 1


def test_of_many_times_one_that_was_broken_is_retracted_as_long_as_it_is_known(
    watch: Callable[..., Eye],
) -> None:
    eye = watch()
    for at in range(0, 1000, 50):
        eye.is_blocked(at, blocked=True)
        eye.is_blocked(at + 20, blocked=False)
        eye.hear_until(at + 30)
    told = len(eye.told)
    eye.is_blocked(955, blocked=False)
    eye.is_blocked(605, blocked=False)  # the oldest of the sixteen changes that are kept
    eye.is_blocked(555, blocked=False)
    assert eye.told[told:] == [("-jammed", 960), ("-jammed", 610)]
