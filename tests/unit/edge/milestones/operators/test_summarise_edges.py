"""What is told of a window at its very edges: of time, of what is known, and of how late it is."""

from collections.abc import Callable
from typing import Any

import pytest

CURRENT: dict[str, Any] = {
    "operator": "summarise",
    "about": "device",
    "of": {"kind": "current"},
    "value": "amps",
    "measures": "ElectricCurrent",
    "uom": "AMP",
    "every_seconds": 60,
    "wait_seconds": 5,
    "correct_seconds": 600,
}
STATE: dict[str, Any] = {
    "operator": "summarise",
    "about": "machine",
    "of": {"kind": "packml"},
    "state": "state",
    "holds_seconds": 150,
    "every_seconds": 60,
    "wait_seconds": 5,
    "correct_seconds": 600,
}
MINUTE = 60_000
TOLD = MINUTE + 5_000
"""When the first window is told."""
FINAL = TOLD + 600_000


@pytest.fixture
def here(site: Callable[..., Any]) -> Any:
    return site({"current": CURRENT, "states": STATE})


def measure(here: Any, at: int, amps: float, **fields: Any) -> Any:
    return here.see("current", at, device="m1", amps=amps, **fields)


def state(here: Any, at: int, name: str, **fields: Any) -> None:
    here.see("packml", at, machine="f1", state=name, **fields)


def test_a_sample_writes_its_slice_alone_also_when_windows_before_have_been_told(here: Any) -> None:
    for at in (1_000, 61_000):
        measure(here, at, 3)
    here.hear_until(TOLD)
    assert len(measure(here, 61_001, 3).tracks) == 1


def test_what_happened_when_the_window_before_it_became_final_is_taken(here: Any) -> None:
    measure(here, 1_000, 3)
    here.hear_until(FINAL)
    measure(here, MINUTE, 4)
    assert here.objections == []
    here.hear_until(2 * FINAL)
    assert [each.attributes["sum"] for each in here.milestones] == [3, 4]


def test_a_window_of_which_all_is_late_is_told_as_it_is(here: Any) -> None:
    measure(here, 121_000, 3)
    here.hear_until(2 * MINUTE + TOLD)
    measure(here, 61_000, 4, lane="a")
    here.hear_until(10**9)
    late = here.milestones[-1]
    assert (late.occurred_at, late.mark) == (2 * MINUTE, "late")
    told = {name: late.attributes[name] for name in ("device", "lane", "since", "count", "sum")}
    assert told == {"device": "m1", "lane": "a", "since": MINUTE, "count": 1, "sum": 4}


def test_a_key_is_let_be_until_the_devices_that_tell_late_can_have_told(here: Any) -> None:
    measure(here, 1_000, 3, lag=30_000)
    assert here.hear_until(TOLD + 30_000 - 1).tracks == {}
    here.hear_until(TOLD + 30_000)
    assert len(here.told) == 1


def test_a_state_that_lasts_until_the_very_end_of_a_window_has_no_part_in_the_next(
    here: Any,
) -> None:
    state(here, 30_000, "IDLE", shift=1)  # counts until 180 s
    here.hear_until(4 * MINUTE + TOLD)
    assert [each.occurred_at for each in here.milestones] == [MINUTE, 2 * MINUTE, 3 * MINUTE]


def test_what_comes_after_a_state_is_over_does_not_rest_on_it(here: Any) -> None:
    state(here, 30_000, "IDLE")  # counts until 180 s
    state(here, 200_000, "HELD")
    here.hear_until(3 * MINUTE + TOLD)
    assert here.milestones[-1].evidence == (2,)
    assert here.milestones[-1].attributes["seconds"] == {"HELD": 40}


def test_a_window_has_the_fields_of_its_samples_and_else_of_what_lasts_into_it(here: Any) -> None:
    state(here, 30_000, "IDLE", shift=1)
    state(here, 90_000, "HELD", shift=2)
    here.hear_until(2 * MINUTE + TOLD)
    assert [each.attributes["shift"] for each in here.milestones] == [1, 2, 2]
