"""What a link says of a connection."""

from drivers.contract import Link


def test_what_was_heard_by_a_fast_clock_does_not_count_once_it_is_set_right() -> None:
    """Else every deadline would be past until the clock is again where it was."""
    link = Link("plc", lambda: 1)
    link.heard(3_600_000)
    link.heard(1_000)  # set back by an hour
    assert link.heard_until == 1_000
