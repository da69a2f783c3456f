"""Times as an operator reads them."""

import time
from collections.abc import Iterator

import pytest

from edge.wording import clock_time, date_and_time, in_words, time_beside, zone


@pytest.fixture
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_berlin")
def test_times_are_of_the_machine_s_own_zone_to_the_millisecond() -> None:
    assert date_and_time(1_772_352_000_007) == "2026-03-01 09:00:00.007"
    assert clock_time(1_772_352_000_220) == "09:00:00.220"
    assert date_and_time(1_782_892_800_000) == "2026-07-01 10:00:00.000"  # in summer


@pytest.mark.parametrize(
    ("milliseconds", "words"),
    [
        (-5000, "0 s"),
        (0, "0 s"),
        (999, "0 s"),
        (1000, "1 s"),
        (59_999, "59 s"),
        (60_000, "1 min"),
        (252_000, "4 min 12 s"),
        (3_600_000, "1 h"),
        (3_605_000, "1 h"),
        (3_660_000, "1 h 1 min"),
        (86_400_000, "1 d"),
        (86_400_000 + 3_599_000, "1 d"),
        (10 * 86_400_000 + 7_200_000, "10 d 2 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(milliseconds: int, words: str) -> None:
    assert in_words(milliseconds) == words


@pytest.mark.usefixtures("_berlin")
def test_a_time_beside_one_of_another_day_of_the_zone_has_its_date() -> None:
    before_midnight = 1_772_405_999_000  # 23:59:59 in Berlin, 22:59:59 UTC
    assert time_beside(before_midnight - 1000, before_midnight) == "23:59:58.000"
    assert time_beside(before_midnight + 1000, before_midnight) == "2026-03-02 00:00:00.000"
    assert zone(before_midnight) == "CET"
