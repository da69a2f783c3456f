"""A gateway's clock that is set wrong makes nothing overdue."""

from edge.steady_clock import BEYOND_DOUBT, SILENCE, SteadyClock

START = 1_772_352_000_000
HOUR = 3_600_000


class Box:
    """A gateway's clocks."""

    def __init__(self) -> None:
        self.wall = START
        self.seconds = 77.0
        self.clock = SteadyClock(lambda: self.wall, lambda: self.seconds)

    def goes_on(self, seconds: float) -> None:
        self.wall += round(seconds * 1000)
        self.seconds += seconds


def test_it_is_the_wall_clock_while_that_only_goes_on() -> None:
    box = Box()
    assert box.clock() == START
    box.goes_on(12.5)
    assert box.clock() == START + 12_500


def test_it_does_not_follow_the_wall_clock_forward_on_its_word_alone() -> None:
    box = Box()
    box.wall += HOUR
    box.goes_on(10)
    assert box.clock() == START + 10_000
    box.wall -= HOUR
    assert box.clock() == START + 10_000


def test_it_follows_the_wall_clock_back() -> None:
    box = Box()
    box.wall -= HOUR
    assert box.clock() == START - HOUR


def test_it_follows_the_wall_clock_forward_when_a_device_confirms_it() -> None:
    box = Box()
    box.wall += HOUR
    box.clock.confirm(START + HOUR // 2)
    assert box.clock() == START + HOUR // 2
    box.clock.confirm(START + HOUR)
    box.goes_on(1)
    assert box.clock() == box.wall


def test_a_device_that_is_fast_does_not_make_it_later_than_the_wall_clock() -> None:
    box = Box()
    box.clock.confirm(START + 50 * HOUR)
    box.goes_on(1)
    assert box.clock() == box.wall


def test_a_device_that_is_slow_or_tells_of_the_past_changes_nothing() -> None:
    box = Box()
    box.wall += HOUR
    box.clock.confirm(START - HOUR)
    assert box.clock() == START


def test_a_clock_that_was_never_set_is_followed_when_it_is() -> None:
    box = Box()
    box.wall += BEYOND_DOUBT + 1
    assert box.clock() == box.wall
    box.goes_on(5)
    assert box.clock() == box.wall


def test_where_no_device_says_anything_the_wall_clock_is_followed_after_a_while() -> None:
    box = Box()
    box.wall += HOUR
    box.goes_on(SILENCE / 1000)
    assert box.clock() == box.wall - HOUR
    box.clock.confirm(START)
    box.goes_on(1)
    assert box.clock() == box.wall - HOUR
    box.goes_on(SILENCE / 1000)
    assert box.clock() == box.wall
