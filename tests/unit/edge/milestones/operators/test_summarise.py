from collections.abc import Callable
from typing import Any

import pytest

from edge.milestones.model import Observation
from edge.milestones.operators import summarise
from edge.milestones.operators.windows import SLICE_LIMIT, SLICES

CURRENT = {
    "operator": "summarise",
    "about": "device",
    "of": {"kind": "current"},
    "value": "amps",
    "measures": "ElectricCurrent",
    "uom": "AMP",
    "every_seconds": 60,
    "wait_seconds": 5,
    "correct_seconds": 600,
    "remember_days": 1,
}
STATE = {
    "operator": "summarise",
    "about": "machine",
    "of": {"kind": "packml"},
    "state": "state",
    "holds_seconds": 150,
    "every_seconds": 60,
    "wait_seconds": 5,
    "correct_seconds": 600,
}
SECOND, MINUTE = 1_000, 60_000
TOLD = MINUTE + 5 * SECOND
"""When the first window is told."""
FINAL = TOLD + 600 * SECOND


@pytest.fixture
def here(site: Callable[..., Any]) -> Any:
    return site({"current": CURRENT, "states": STATE})


def measure(here: Any, at: float, amps: object, **fields: object) -> None:
    here.see("current", round(at * SECOND), device="m1", amps=amps, **fields)


@pytest.mark.parametrize("amps", [0.1, -0.1, 1e12, 0.7])
def test_a_mean_is_never_more_than_the_most_nor_less_than_the_least(here: Any, amps: float) -> None:
    for at in range(3):
        measure(here, at, amps)
    here.hear_until(TOLD)
    told = here.milestones[0].attributes
    assert told["min"] == told["mean"] == told["max"] == amps


def state(here: Any, at: float, name: object, machine: str = "f1") -> None:
    here.see("packml", round(at * SECOND), machine=machine, state=name)


def seconds(here: Any) -> list[tuple[int, dict[str, float], float]]:
    """Return of each milestone when it ended, the states' seconds, and those unknown."""
    return [
        (
            each.occurred_at // SECOND,
            each.attributes["seconds"],
            each.attributes["unknown_seconds"],
        )
        for each in here.milestones
    ]


def test_a_window_is_told_when_its_wait_is_over(here: Any) -> None:
    for at, amps in ((1, 3), (2, 4.5), (59.999, -1.5), (60, 100)):
        measure(here, at, amps, read_point="infeed", reading=at)
    here.hear_until(TOLD - 1)
    assert here.told == []
    here.hear_until(TOLD)
    (told,) = here.milestones
    assert (told.name, told.key, told.occurred_at) == ("measured", "device:m1", MINUTE)
    assert told.attributes == {
        "device": "m1",
        "read_point": "infeed",
        "since": 0,
        "count": 3,
        "measures": "ElectricCurrent",
        "uom": "AMP",
        "sum": 6,
        "min": -1.5,
        "max": 4.5,
        "mean": 2,
    }
    assert (told.evidence, told.mark) == ((1, 2, 3), "in_order")
    here.hear_until(FINAL)
    here.hear_until(2 * FINAL)
    assert [each.attributes["count"] for each in here.milestones] == [3, 1]


def test_windows_are_aligned_to_the_epoch_also_before_it(here: Any) -> None:
    measure(here, -1, 1)
    measure(here, 86_400 + 61, 1)
    here.hear_until(10**9)
    assert [each.occurred_at for each in here.milestones] == [0, (86_400 + 120) * SECOND]
    assert [each.attributes["since"] for each in here.milestones] == [
        -MINUTE,
        (86_400 + 60) * SECOND,
    ]


def test_a_sample_told_again_counts_once(here: Any) -> None:
    for amps in (3, 3.0, 4, 3):
        measure(here, 1, amps)
    here.hear_until(TOLD)
    measure(here, 1, 4)
    here.hear_until(FINAL)
    (told,) = here.milestones
    assert (told.attributes["count"], told.attributes["sum"]) == (2, 7)


def test_a_time_without_samples_is_not_told(here: Any) -> None:
    measure(here, 1, 3)
    measure(here, 301, 3)
    here.hear_until(10**9)
    assert [each.occurred_at for each in here.milestones] == [MINUTE, 6 * MINUTE]


def test_keys_are_summarised_each_by_itself(here: Any) -> None:
    for device in ("m1", "m2"):
        here.see("current", 1, device=device, amps=1)
    here.hear_until(TOLD)
    assert here.told == [("measured", f"device:{name}", MINUTE) for name in ("m1", "m2")]


def test_a_field_that_is_not_the_same_in_all_samples_is_not_told(here: Any) -> None:
    for at, shift, lane in ((1, 1, "a"), (30, True, "a"), (59, 1, "a")):
        measure(here, at, 1, shift=shift, lane=lane)
    here.hear_until(TOLD)
    (told,) = here.milestones
    assert told.attributes["lane"] == "a"
    assert "shift" not in told.attributes


@pytest.mark.parametrize("amps", [None, "3", True, 10**13, -(10**13)])
def test_what_is_no_number_is_objected_to(here: Any, amps: object) -> None:
    measure(here, 1, amps)
    (reason,) = here.reasons
    assert "field 'amps' of 'current'" in reason
    assert here.tracks == {}


def test_late_samples_correct_what_was_told_once_when_the_time_for_it_is_over(here: Any) -> None:
    measure(here, 1, 3)
    here.hear_until(TOLD)
    measure(here, 2, 5)
    measure(here, 3, 7)
    here.hear_until(FINAL - 1)
    assert len(here.told) == 1
    here.hear_until(FINAL)
    told, retraction, corrected = here.milestones
    assert here.told[1:] == [
        ("-measured", "device:m1", MINUTE),
        ("measured", "device:m1", MINUTE),
    ]
    assert retraction.retracts == told.id
    assert retraction.attributes == told.attributes
    assert retraction.corrected_by == (corrected.id,)
    assert (corrected.attributes["count"], corrected.attributes["mean"]) == (3, 5)
    assert len({told.id, retraction.id, corrected.id}) == 3
    assert {retraction.mark, corrected.mark} == {"late"}
    assert retraction.evidence == corrected.evidence == (1, 2, 3)


def test_what_was_told_too_late_goes_to_quarantine(here: Any) -> None:
    measure(here, 1, 3)
    here.hear_until(FINAL)
    measure(here, 2, 3)
    (reason,) = here.reasons
    assert reason == (
        "rule current: device:m1: came after the 600 s in which what was told "
        "of its window could be corrected"
    )
    here.hear_until(2 * FINAL)
    assert len(here.told) == 1


def test_a_window_of_which_all_is_late_is_told_once_marked_late(here: Any) -> None:
    measure(here, 121, 3)
    here.hear_until(2 * MINUTE + TOLD)
    measure(here, 61, 3)
    here.hear_until(10**9)
    marks = [(each.occurred_at, each.mark, each.retracts) for each in here.milestones]
    assert marks == [(3 * MINUTE, "in_order", None), (2 * MINUTE, "late", None)]


def test_nothing_is_kept_of_a_key_that_says_nothing_any_more(here: Any) -> None:
    measure(here, 1, 3)
    here.hear_until(FINAL)
    assert len(here.tracks) == 1
    here.hear_until(MINUTE + 86_400_000 - 1)
    assert len(here.tracks) == 1
    here.hear_until(MINUTE + 86_400_000)
    assert here.tracks == {}


def test_devices_that_tell_late_are_waited_for(here: Any) -> None:
    here.see("current", 1_000, lag=30_000, device="m1", amps=1)
    here.hear_until(TOLD + 30_000 - 1)
    assert here.told == []
    here.hear_until(TOLD + 30_000)
    assert len(here.told) == 1


def test_the_next_window_is_waited_for_as_long(here: Any) -> None:
    for at in (1_000, 61_000):
        here.see("current", at, lag=60_000, device="m1", amps=1)
    here.hear_until(TOLD + 60_000)
    assert [each.occurred_at for each in here.milestones] == [MINUTE]


def test_what_is_waited_for_is_not_forgotten_before(site: Callable[..., Any]) -> None:
    here = site({"amps": {**CURRENT, "correct_seconds": 0, "remember_days": 1e-6}})
    here.see("current", 1_000, device="m1", amps=1)
    here.see("current", 61_000, lag=60_000, device="m1", amps=1)
    for horizon in range(TOLD - 1_000, TOLD + 61_000, 500):
        here.hear_until(horizon)
    assert [each.attributes["count"] for each in here.milestones] == [1]


def test_a_later_sample_that_was_told_later_after_it_happened_prolongs_the_wait(here: Any) -> None:
    here.see("current", 1_000, lag=10, device="m1", amps=1)
    here.see("current", 2_000, lag=30_000, device="m1", amps=1)
    here.hear_until(TOLD + 30_000 - 1)
    assert here.told == []


def test_a_sample_rewrites_a_small_part_of_what_is_known(here: Any) -> None:
    for tick in range(590):
        measure(here, tick / 10, tick)
    decision = here.engine.collapse(
        [Observation(9_999, "floor", "current", 59_050, {"device": "m1", "amps": 1})], here.tracks
    )
    ((_, written),) = decision.tracks.items()
    assert len(written.state["readings"]) <= 600 / SLICES


def test_a_flood_of_samples_goes_to_quarantine_the_latest_of_each_slice(here: Any) -> None:
    for at in reversed(range(SLICE_LIMIT + 2)):
        here.see("current", at, device="m1", amps=1)
    here.see("current", 59_000, device="m1", amps=1)
    here.hear_until(TOLD)
    (told,) = here.milestones
    assert told.attributes["count"] == SLICE_LIMIT + 1
    assert [each.signal for each in here.objections] == [1, 2]
    assert "more than 500 samples in one 20th of a window of 60 s" in here.reasons[0]


def test_each_state_counts_until_the_next_is_told(here: Any) -> None:
    for at, name in ((10, "IDLE"), (25, "EXECUTE"), (40, "EXECUTE"), (50.5, "IDLE")):
        state(here, at, name)
    here.hear_until(TOLD)
    (told,) = here.milestones
    assert told.attributes == {
        "machine": "f1",
        "since": 0,
        "count": 4,
        "seconds": {"EXECUTE": 25.5, "IDLE": 24.5},
        "unknown_seconds": 10,
    }


def test_a_state_lasts_into_the_next_windows_and_not_for_ever(here: Any) -> None:
    state(here, 10, "IDLE")
    here.hear_until(10**9)
    assert seconds(here) == [
        (60, {"IDLE": 50}, 10),
        (120, {"IDLE": 60}, 0),
        (180, {"IDLE": 40}, 20),
    ]
    assert {each.evidence for each in here.milestones} == {(1,)}
    assert {each.attributes["machine"] for each in here.milestones} == {"f1"}


@pytest.mark.parametrize("step", [1_000, 47_000, 10**9])
def test_it_does_not_matter_how_often_deadlines_are_looked_at(here: Any, step: int) -> None:
    for at, name in ((10, "IDLE"), (70, "EXECUTE"), (130, "IDLE")):
        state(here, at, name)
    for horizon in range(0, 1_000_000, step):
        here.hear_until(horizon)
    here.hear_until(10**9)
    assert seconds(here) == [
        (60, {"IDLE": 50}, 10),
        (120, {"EXECUTE": 50, "IDLE": 10}, 0),
        (180, {"EXECUTE": 10, "IDLE": 50}, 0),
        (240, {"IDLE": 60}, 0),
        (300, {"IDLE": 40}, 20),
    ]


def test_a_state_told_late_corrects_the_windows_that_it_lasts_into(here: Any) -> None:
    state(here, 10, "IDLE")
    here.hear_until(3 * MINUTE)
    state(here, 50, "HELD")
    here.hear_until(10**9)
    assert seconds(here) == [
        (60, {"IDLE": 50}, 10),
        (120, {"IDLE": 60}, 0),
        (180, {"HELD": 60}, 0),  # known in time for this one
        (240, {"HELD": 20}, 40),
        (60, {"IDLE": 50}, 10),
        (60, {"HELD": 10, "IDLE": 40}, 10),
        (120, {"IDLE": 60}, 0),
        (120, {"HELD": 60}, 0),
    ]
    assert [each.retracts is not None for each in here.milestones[4:]] == [True, False] * 2


def test_a_state_told_late_that_lasts_beyond_what_was_told_has_its_next_window_in_time(
    here: Any,
) -> None:
    state(here, 10, "IDLE")
    here.hear_until(200 * SECOND)
    assert len(here.told) == 3
    state(here, 50, "HELD")
    here.hear_until(245 * SECOND)
    assert seconds(here)[3:] == [(240, {"HELD": 20}, 40)]


def test_of_two_states_at_one_moment_the_same_one_counts_in_whatever_order(here: Any) -> None:
    for machine, names in (("f1", "AB"), ("f2", "BA")):
        for name in names:
            state(here, 0, name, machine)
    here.hear_until(TOLD)
    assert [each.attributes["seconds"] for each in here.milestones] == [{"B": 60}] * 2


def test_windows_of_another_length_begin_anew(site: Callable[..., Any]) -> None:
    before = site({"current": CURRENT})
    measure(before, 1, 3)
    before.hear_until(TOLD)
    after = site({"current": CURRENT | {"every_seconds": 90}})
    after.tracks = before.tracks
    measure(after, 61, 3)
    after.hear_until(95_000)
    assert [each.attributes["count"] for each in after.milestones] == [1]
    after.hear_until(10**10)
    assert after.tracks == {}


def test_a_slice_that_was_left_alone_is_forgotten(here: Any) -> None:
    measure(here, 1, 3)
    (head,) = [track for track, known in here.tracks.items() if "sampled" in known.state]
    del here.tracks[head]
    here.hear_until(10**9)
    assert (here.tracks, here.told) == ({}, [])


def test_another_rule_hears_what_a_window_comes_to_but_not_the_seconds_by_state(
    site: Callable[..., Any],
) -> None:
    hot = {
        "operator": "one",
        "milestone": "jammed",
        "about": "machine",
        "of": {"milestone": "measured", "where": {"unknown_seconds": 50}},
        "occurrence": ["since"],
    }
    here = site({"states": STATE, "hot": hot})
    state(here, 50, "HELD")
    here.hear_until(MINUTE + TOLD)
    heard = [each for each in here.milestones if each.name == "jammed"]
    assert [(each.occurred_at, each.evidence) for each in heard] == [(MINUTE, (1,))]
    assert heard[0].attributes == {
        "machine": "f1",
        "since": 0,
        "count": 1,
        "unknown_seconds": 50,
    }


def test_a_sample_that_is_a_milestone_has_all_of_its_evidence(site: Callable[..., Any]) -> None:
    once = {"operator": "join", "milestone": "damaged", "about": "device", "within_seconds": 10}
    once["of"] = [{"kind": "left"}, {"kind": "right"}]
    here = site({"once": once, "sum": CURRENT | {"of": {"milestone": "damaged"}}})
    here.see("left", 1_000, device="m1", amps=1)
    here.see("right", 2_000, device="m1")
    here.hear_until(10**7)
    assert here.milestones[-1].evidence == (1, 2)


def test_more_windows_than_can_be_open_are_refused(
    here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summarise, "MOST_OPEN", 2)
    for minute in range(3):
        measure(here, minute * 60, 1.5)
    (reason,) = here.reasons
    assert "device:m1: 2 windows of 60 s have samples and are not final" in reason
