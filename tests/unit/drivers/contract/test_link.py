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


def test_it_is_down_since_it_was_lost_whatever_the_reason_becomes() -> None:
    clock = _Clock()
    link = Link("plc", clock)
    link.up()
    clock.now = 1_000
    link.down("the PLC hung up")
    clock.now = 2_000
    link.down("the PLC is away")
    assert (link.changed_at, link.reason) == (1_000, "the PLC is away")


def test_what_was_not_needed_yet_is_down_since_it_first_failed() -> None:
    """Else an ERP that fails in the morning was down all through a quiet night."""
    clock = _Clock()
    link = Link("erp", clock, reason="")
    clock.now = 3_600_000
    link.down("refusing connections")
    clock.now = 3_601_000
    link.down("refusing connections")
    assert link.changed_at == 3_600_000


def test_each_change_is_told_once() -> None:
    told = list[tuple[bool, str]]()
    link = Link("plc", _Clock(), on_change=lambda it: told.append((it.is_up, it.reason)))
    for reason in ("away", "away", "hung up", "hung up"):
        link.down(reason)
    link.up()
    link.up()
    link.down("hung up")
    assert told == [(False, "away"), (False, "hung up"), (True, ""), (False, "hung up")]
