"""What a sample adds to a summary: told once, told again, or told for a millisecond."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from edge.milestones.operators.samples import durations

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
MINUTE = 60_000
TOLD = MINUTE + 5_000
"""When the first window is told."""


@pytest.fixture
def here(site: Callable[..., Any]) -> Any:
    return site({"current": CURRENT})


def measure(here: Any, at: int, amps: float, **fields: Any) -> Any:
    return here.see("current", at, device="m1", amps=amps, **fields)


def test_a_sample_that_is_told_again_writes_nothing(here: Any) -> None:
    measure(here, 1_000, 3, lane="a")
    measure(here, 2_000, 4, lane="a")
    assert measure(here, 1_000, 3, lane="a").tracks == {}
    here.hear_until(TOLD)
    assert measure(here, 1_000, 3, lane="a").tracks == {}


def test_a_sample_that_is_told_again_much_later_is_not_waited_for_anew(here: Any) -> None:
    measure(here, 1_000, 3)
    measure(here, 1_000, 3, lag=30_000)
    here.hear_until(TOLD)
    assert [each.attributes["count"] for each in here.milestones] == [1]


@pytest.mark.parametrize("lanes", ["ab", "ba"])
def test_a_sample_that_is_told_again_with_another_field_does_not_tell_it(
    here: Any, lanes: str
) -> None:
    for lane in lanes:
        measure(here, 1_000, 3, lane=lane, shift=1)
    here.hear_until(TOLD)
    (told,) = here.milestones
    assert (told.attributes["count"], told.attributes["sum"]) == (1, 3)
    assert told.attributes["shift"] == 1
    assert "lane" not in told.attributes


def test_a_whole_number_is_told_without_decimals(here: Any) -> None:
    for at, amps in enumerate((1.5, 2.5)):
        measure(here, at, amps)
    here.hear_until(TOLD)
    told = here.milestones[0].attributes
    written = orjson.dumps([told[name] for name in ("sum", "min", "mean")])
    assert written == b"[4,1.5,2]"


def test_a_state_that_lasts_a_millisecond_counts() -> None:
    told = [(10, "IDLE"), (11, "HELD"), (11, "EXECUTE")]
    assert durations(told, 0, 60, 1_000) == {"EXECUTE": 49, "IDLE": 1}
