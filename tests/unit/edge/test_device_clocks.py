"""What is told of devices' clocks, and only what is sure."""

from collections.abc import Sequence

import pytest
import structlog

from edge.ingest.device_clocks import FORGOTTEN, WINDOW, DeviceClocks, Offset
from edge.milestones.model import Observation, TimeFrom

START = 1_772_352_000_000


class Heard:
    def __init__(self) -> None:
        self.clocks = DeviceClocks({"floor": 30_000})
        self.now = START

    def tell(
        self,
        lag: int,
        *,
        subject: str = "scanner-1",
        after: int = 0,
        time_from: TimeFrom | None = None,
    ) -> None:
        self.now += after
        seen = Observation(1, "floor", "scan", self.now - lag, {}, lag, time_from=time_from)
        self.clocks.hear("floor", subject, [seen], self.now)

    @property
    def offsets(self) -> Sequence[Offset | None]:
        found = self.clocks.of("floor", self.now)
        return (found.slowest, found.fastest)


@pytest.fixture
def heard() -> Heard:
    return Heard()


def test_what_is_received_before_it_happened_shows_at_once_how_far_a_clock_is_ahead(
    heard: Heard,
) -> None:
    heard.tell(-41_000)
    heard.tell(-42_000)
    heard.tell(-40_000)
    assert heard.offsets == (None, Offset("scanner-1", 42_000))


def test_a_clock_is_behind_if_nothing_came_sooner_for_a_whole_window(heard: Heard) -> None:
    heard.tell(45_000)
    heard.tell(50_000, after=WINDOW - 1)
    assert not any(heard.offsets)
    heard.tell(60_000, after=1)
    assert heard.offsets == (Offset("scanner-1", -45_000), None)
    heard.tell(300)
    assert heard.offsets == (Offset("scanner-1", -300), None)


def test_what_was_kept_while_a_device_was_away_is_no_clock_that_is_behind(heard: Heard) -> None:
    heard.tell(200)
    for kept in range(300_000, 100_000, -1_000):
        heard.tell(kept, after=1)
    heard.tell(100, after=WINDOW)
    assert heard.offsets == (Offset("scanner-1", -100), None)


def test_an_estimate_follows_a_clock_that_is_set(heard: Heard) -> None:
    heard.tell(-42_000)
    heard.tell(150, after=WINDOW)
    heard.tell(150, after=WINDOW)
    assert heard.offsets == (Offset("scanner-1", -150), None)


def test_of_many_clocks_those_are_told_that_are_furthest_off(heard: Heard) -> None:
    for subject, lag in [("a", -1_000), ("b", -9_000), ("c", 7_000), ("d", 8_000), ("e", 0)]:
        heard.tell(lag, subject=subject)
    heard.now += WINDOW
    for subject, lag in [("a", -1_000), ("b", -9_000), ("c", 7_000), ("d", 8_000), ("e", 0)]:
        heard.tell(lag, subject=subject)
    assert heard.offsets == (Offset("d", -8_000), Offset("b", 9_000))


def test_a_clock_that_was_never_set_is_named_until_it_is_set(heard: Heard) -> None:
    heard.tell(0, time_from=TimeFrom.ARRIVAL)
    assert heard.clocks.of("floor", heard.now).never_set == ["scanner-1"]
    assert heard.clocks.of("plc", heard.now).never_set == []
    heard.tell(100)
    assert heard.clocks.of("floor", heard.now).never_set == []


def test_of_a_clock_that_was_not_heard_of_for_an_hour_nothing_is_told(heard: Heard) -> None:
    heard.tell(-42_000)
    heard.now += FORGOTTEN + 1
    assert heard.offsets == (None, None)


def test_the_log_says_when_a_clock_goes_off_and_when_it_is_right_again(heard: Heard) -> None:
    with structlog.testing.capture_logs() as logged:
        for _ in range(3):
            heard.tell(-42_000)
        heard.tell(-1_000, after=WINDOW)
        heard.tell(-1_000, after=WINDOW)
        heard.tell(0, time_from=TimeFrom.ARRIVAL)
        heard.tell(0, time_from=TimeFrom.ARRIVAL)
    about = {"source": "floor", "subject": "scanner-1"}
    assert logged == [
        {"event": "clock_off", "log_level": "warning", "ahead_seconds": 42.0, **about},
        {"event": "clock_right_again", "log_level": "info", "ahead_seconds": 1.0, **about},
        {"event": "clock_never_set", "log_level": "warning", **about},
    ]


def test_no_more_clocks_are_known_than_memory_has_room_for(heard: Heard) -> None:
    for number in range(5_000):
        heard.tell(-number, subject=str(number))
    assert heard.offsets[1] == Offset("4999", 4_999)
    assert len(heard.clocks._clocks) <= 4_096
