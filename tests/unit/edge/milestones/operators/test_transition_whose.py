"""A spell is a fact of whom its readings name, whichever of them does."""

from collections.abc import Callable

import pytest

from tests.unit.edge.milestones.operators.photo_eye import DAY, Eye


@pytest.mark.parametrize("field", ["blocked", "line"])
def test_a_level_that_cannot_be_told_is_objected_to(watch: Callable[..., Eye], field: str) -> None:
    eye = watch(level_of=["line"])
    eye.is_blocked(1, **{"blocked": True, "line": "L1", field: None})
    assert eye.here.reasons == [f"rule jammed: field {field!r} of 'eye' is missing"]


@pytest.mark.parametrize("in_order", [True, False])
def test_a_value_that_is_nobodys_is_objected_to_once_and_told_when_a_repeat_says_whose(
    watch: Callable[..., Eye],
    in_order: bool,  # noqa: FBT001 - a parameter
) -> None:
    eye = watch(about="unit", in_order=in_order)
    for at in (1, 2, 3):
        eye.is_blocked(at, blocked=True)
    assert eye.here.reasons == ["rule jammed: field 'unit' of 'eye' is missing"]
    assert eye.here.objections[0].signal == 1
    eye.hear_until(30)
    eye.is_blocked(31, blocked=True, unit="U1")
    eye.is_blocked(32, blocked=True, unit="U2")
    eye.hear_until(40)
    assert eye.here.told == [("jammed", "unit:U1", 11_000)]
    eye.is_blocked(50, blocked=False)
    eye.hear_until(100)
    assert len(eye.told) == 1


def test_a_level_is_remembered_as_long_as_it_is_told(watch: Callable[..., Eye]) -> None:
    eye = watch(recurs=False)
    eye.is_blocked(0, blocked=True)
    for day in range(1, 100):
        eye.is_blocked(day * DAY / 1000, blocked=True)
        eye.hear_until(day * DAY / 1000)
    assert eye.told == [("jammed", 10)]
    eye.hear_until(130 * DAY / 1000)
    assert eye.here.tracks == {}


def test_whose_it_is_may_be_known_before_it_has_held_for_long_enough(
    watch: Callable[..., Eye],
) -> None:
    eye = watch(about="unit")
    eye.is_blocked(0, blocked=True, unit="U1")
    eye.is_blocked(11, blocked=False)
    eye.is_blocked(12, blocked=True)
    eye.is_blocked(13, blocked=True, unit="U2")
    eye.hear_until(16)
    eye.hear_until(30)
    assert eye.here.told == [("jammed", "unit:U1", 10_000), ("jammed", "unit:U2", 22_000)]


def test_out_of_order_the_earliest_that_says_whose_it_is_counts(watch: Callable[..., Eye]) -> None:
    eye = watch(about="unit", in_order=False)
    eye.is_blocked(0, blocked=True)
    eye.is_blocked(20, blocked=True, unit="U2")
    eye.hear_until(20.5)
    eye.is_blocked(19, blocked=True, unit="U1")
    eye.hear_until(30)
    assert eye.here.told == [("jammed", "unit:U1", 10_000)]


def test_each_time_that_nobody_s_value_is_reached_is_objected_to(watch: Callable[..., Eye]) -> None:
    eye = watch(about="unit")
    for at, blocked in enumerate([True, False, True]):
        eye.is_blocked(at, blocked=blocked)
    assert [each.signal for each in eye.here.objections] == [1, 3]


def test_whose_it_is_does_not_say_since_when(watch: Callable[..., Eye]) -> None:
    eye = watch(about="unit")
    eye.is_blocked(1, blocked=True)
    eye.is_blocked(4, blocked=True, unit="U1")
    eye.hear_until(30)
    (jam,) = eye.here.milestones
    assert (jam.occurred_at, jam.attributes["since"]) == (11_000, 1_000)


@pytest.mark.parametrize("units", [(None, "U1"), ("U1", None)])
def test_out_of_order_who_says_whose_it_is_counts_before_who_does_not(
    watch: Callable[..., Eye], units: tuple[str | None, str | None]
) -> None:
    eye = watch(about="unit", in_order=False)
    for unit in units:
        eye.is_blocked(1, blocked=True, unit=unit)
    eye.hear_until(30)
    assert eye.here.told == [("jammed", "unit:U1", 11_000)]
