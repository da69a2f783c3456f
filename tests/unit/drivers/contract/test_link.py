"""What a link says of a connection."""

from drivers.contract import Link


class _Clock:
    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


def test_what_was_heard_stands_while_nothing_more_is_heard() -> None:
    clock = _Clock()
    link = Link("plc", clock)
    clock.now = 1_000
    link.heard(1_000)
    clock.now = 3_600_000
    assert link.heard_until == 1_000


def test_what_was_heard_by_a_fast_clock_does_not_count_once_it_is_set_right() -> None:
    """Else every deadline would be past until the clock is again where it was."""
    clock = _Clock()
    link = Link("plc", clock)
    clock.now = 3_600_000
    link.heard(3_600_000)
    clock.now = 1_000
    assert link.heard_until is None
    link.heard(1_000)
    assert link.heard_until == 1_000


def test_what_was_heard_by_a_fast_clock_does_not_count_when_its_time_comes() -> None:
    """The source may have been away all the while."""
    clock = _Clock()
    link = Link("plc", clock)
    clock.now = 3_600_000
    link.heard(3_600_000)
    clock.now = 1_000
    assert link.heard_until is None
    clock.now = 3_600_001
    assert link.heard_until is None


def test_a_sign_of_life_asked_for_by_a_fast_clock_shows_nothing() -> None:
    clock = _Clock()
    link = Link("plc", clock)
    clock.now = 1_000
    link.heard(3_600_000)  # the answer to what was asked before the clock was set back
    assert link.heard_until is None
