from collections.abc import Callable
from typing import Any

import pytest

JAMMED = {
    "operator": "transition",
    "milestone": "jammed",
    "about": "eye",
    "of": {"kind": "eye"},
    "level": "blocked",
    "level_of": ["eye"],
    "to": [True],
    "for_seconds": 10,
    "recurs": True,
}
DAY = 86_400_000


class Eye:
    """A photo-eye at a site with one rule."""

    def __init__(self, here: Any) -> None:
        self.here = here

    def is_blocked(self, at: float, blocked: object, **fields: object) -> Any:
        told = {"eye": "E1", "blocked": blocked, **fields}
        return self.here.see("eye", round(at * 1000), **told)

    def hear_until(self, at: float) -> Any:
        return self.here.hear_until(round(at * 1000))

    @property
    def told(self) -> list[tuple[str, float]]:
        return [(name, at / 1000) for name, _, at in self.here.told]


@pytest.fixture
def watch(site: Callable[..., Any]) -> Callable[..., Eye]:
    """Return what makes a site with a photo-eye, by changed settings."""

    def make(**changed: object) -> Eye:
        rule = {**JAMMED, **changed}
        return Eye(site({"jammed": {k: v for k, v in rule.items() if v is not None}}))

    return make


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
