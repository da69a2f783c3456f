"""A value is a fact when it has held for long enough, as often as the rule says."""

from collections.abc import Callable

import pytest

from tests.unit.edge.milestones.operators.photo_eye import DAY, Eye


def test_a_value_that_holds_is_a_fact_although_nothing_more_is_told(
    watch: Callable[..., Eye],
) -> None:
    eye = watch()
    eye.is_blocked(1, blocked=False)
    eye.is_blocked(2, blocked=True, lane=3)
    eye.hear_until(13.999)
    assert eye.told == []
    eye.hear_until(14)
    (jam,) = eye.here.milestones
    assert (jam.name, jam.key, jam.occurred_at, jam.mark) == (
        "jammed",
        "eye:E1",
        12_000,
        "in_order",
    )
    assert jam.attributes["since"] == 2_000
    assert jam.attributes["lane"] == 3
    assert jam.evidence == (2,)


def test_a_deadline_waits_for_devices_that_are_behind(watch: Callable[..., Eye]) -> None:
    eye = watch()
    eye.is_blocked(2, blocked=True, lag=5_000)
    eye.hear_until(18.999)
    assert eye.told == []
    eye.hear_until(19)
    assert eye.told == [("jammed", 12)]
    eye.is_blocked(13, blocked=False, lag=5_000)
    eye.is_blocked(14.5, blocked=True, lag=5_000)
    assert eye.here.reasons == [], "it is not late by its own clock"


def test_a_flicker_is_none(watch: Callable[..., Eye]) -> None:
    eye = watch()
    for at in range(0, 100, 10):
        eye.is_blocked(at, blocked=True)
        eye.is_blocked(at + 9.999, blocked=False)
        eye.hear_until(at + 10)
    eye.hear_until(1000)
    assert eye.told == []


def test_what_holds_exactly_as_long_is_a_fact(watch: Callable[..., Eye]) -> None:
    eye = watch()
    eye.is_blocked(0, blocked=True)
    eye.is_blocked(10, blocked=False)
    eye.hear_until(100)
    assert eye.told == [("jammed", 10)]


def test_it_is_a_fact_each_time(watch: Callable[..., Eye]) -> None:
    eye = watch()
    for at in (0, 50, 100):
        eye.is_blocked(at, blocked=True)
        eye.is_blocked(at + 20, blocked=False)
    eye.hear_until(200)
    assert eye.told == [("jammed", 10), ("jammed", 60), ("jammed", 110)]
    assert len({each.id for each in eye.here.milestones}) == 3


def test_unless_it_recurs_it_is_one_fact(watch: Callable[..., Eye]) -> None:
    eye = watch(recurs=False)
    for at in range(0, 2000, 50):
        eye.is_blocked(at, blocked=True)
        eye.is_blocked(at + 20, blocked=False)
        eye.hear_until(at + 30)
    assert eye.told == [("jammed", 10)]
    assert eye.is_blocked(2000, blocked=True).tracks == {}, "it is over and known to be"


def test_without_a_time_to_hold_it_is_a_fact_when_it_is_reached(
    watch: Callable[..., Eye],
) -> None:
    eye = watch(for_seconds=None)
    eye.is_blocked(1, blocked=True)
    eye.is_blocked(1.5, blocked=False)
    eye.is_blocked(4, blocked=True)
    eye.hear_until(6)
    assert eye.told == [("jammed", 1), ("jammed", 4)]
    assert "since" not in eye.here.milestones[0].attributes


def test_unless_it_recurs_it_is_the_earliest_fact_of_those_concluded_at_once(
    watch: Callable[..., Eye],
) -> None:
    eye = watch(recurs=False)
    for at in (50, 0):
        eye.is_blocked(at, blocked=True)
        eye.is_blocked(at + 20, blocked=False)
    eye.hear_until(200)
    assert eye.told == [("jammed", 10)]


def test_what_is_so_old_that_it_is_forgotten_is_ignored(watch: Callable[..., Eye]) -> None:
    eye = watch()
    for at in range(0, 2000, 50):
        eye.is_blocked(at, blocked=True)
        eye.is_blocked(at + 20, blocked=False)
        eye.hear_until(at + 30)
    assert eye.is_blocked(0, blocked=True).tracks == {}
    assert eye.is_blocked(5, blocked=False).milestones == []
    assert eye.here.reasons == []


@pytest.mark.parametrize("blocked", [True, False])
def test_a_repeat_writes_nothing(watch: Callable[..., Eye], blocked: bool) -> None:  # noqa: FBT001
    eye = watch()
    eye.is_blocked(0, blocked=blocked)
    for at in (0, 0.02, 1, 20, 3600):
        decision = eye.is_blocked(at, blocked=blocked)
        assert (decision.tracks, decision.milestones, decision.mentions) == ({}, [], set())


@pytest.mark.parametrize(
    ("thresholds", "values", "expected"),
    [
        ({"above": 80, "until_below": 70}, [80, 81, 75, 80.5, 70, 69.9, 80, 90], [2, 8]),
        ({"above": 80, "until_below": 70}, [81, 70, 81, 70.5, 81], [1]),
        ({"above": 80}, [80, 81, 80, 79, 81], [2, 5]),
        ({"below": -5, "until_above": 5}, [0, -6, 4, -6, 6, -5, -5.1], [2, 7]),
    ],
)
def test_between_the_thresholds_nothing_changes(
    watch: Callable[..., Eye],
    thresholds: dict[str, float],
    values: list[float],
    expected: list[float],
) -> None:
    eye = watch(to=None, for_seconds=None, **thresholds)
    for at, value in enumerate(values, 1):
        eye.is_blocked(at, blocked=value)
    eye.hear_until(100)
    assert [at for _, at in eye.told] == expected


@pytest.mark.parametrize("value", ["81", True])
def test_what_is_no_number_is_objected_to(watch: Callable[..., Eye], value: object) -> None:
    eye = watch(to=None, above=80)
    eye.is_blocked(1, blocked=value)
    assert eye.here.reasons == [
        f"rule jammed: field 'blocked' of 'eye' must be a number, not {value!r}"
    ]


def test_what_may_yet_be_a_fact_is_open_evidence(watch: Callable[..., Eye]) -> None:
    eye = watch()

    def open_evidence() -> tuple[int, ...]:
        ((track, known),) = eye.here.tracks.items()
        found: tuple[int, ...] = eye.here.engine.open_evidence(track, known.state)
        return found

    eye.is_blocked(0, blocked=False)
    assert open_evidence() == ()
    eye.is_blocked(1, blocked=True)
    assert open_evidence() == (2,)
    eye.hear_until(20)
    assert open_evidence() == ()


def test_flickers_do_not_use_up_the_one_fact(watch: Callable[..., Eye]) -> None:
    eye = watch(recurs=False)
    for at in range(0, 1000, 50):
        eye.is_blocked(at, blocked=True)
        eye.is_blocked(at + 1, blocked=False)
        eye.hear_until(at + 30)
    eye.is_blocked(1000, blocked=True)
    eye.hear_until(1100)
    assert eye.told == [("jammed", 1010)]


def test_a_level_is_looked_at_when_it_may_be_a_fact_and_forgotten_after_its_time(
    watch: Callable[..., Eye],
) -> None:
    eye = watch()

    def due_at() -> list[int | None]:
        return [known.due_at for known in eye.here.tracks.values()]

    eye.is_blocked(0, blocked=True)
    assert due_at() == [12_000]
    eye.is_blocked(DAY / 1000, blocked=False)
    eye.hear_until(DAY / 1000 + 2)
    assert due_at() == [31 * DAY]
    eye.hear_until(31 * DAY / 1000)
    assert eye.here.tracks == {}
