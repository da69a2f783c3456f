"""Up to when sources have been heard, and how long what they told is held while they are away."""

from edge.hearing import heard_by

OWNERS = {
    "source:floor": frozenset({"floor"}),
    "source:plc": frozenset({"plc"}),
    "received": frozenset({"floor"}),
    "inbound": frozenset({"floor", "plc"}),
}
START = 1_000_000


def test_an_owner_has_heard_what_the_last_of_its_sources_has_handed_in() -> None:
    heard = heard_by(OWNERS, {"floor": 7, "plc": 5}, now=START, started_at=START)
    assert heard == {"source:floor": 7, "source:plc": 5, "received": 7, "inbound": 5}


def test_who_listens_to_a_source_that_was_never_heard_is_left_out() -> None:
    heard = heard_by(OWNERS, {"floor": 7, "plc": None}, now=START, started_at=START)
    assert heard == {"source:floor": 7, "received": 7}


def test_what_a_source_told_before_it_went_is_held_for_a_minute_only() -> None:
    until = {"floor": START, "plc": None}
    at_first = heard_by(OWNERS, until, now=START + 59_999, started_at=START)
    assert at_first == {"source:floor": START, "received": START}
    later = heard_by(OWNERS, until, now=START + 61_000, started_at=START)
    assert later == {"source:floor": START + 1_000, "source:plc": START + 1_000, "received": START}


def test_what_is_held_is_released_before_rules_and_lifecycles_are_judged() -> None:
    heard = heard_by(OWNERS, {"floor": 7, "plc": 5}, now=START + 61_000, started_at=START)
    assert list(heard) == list(OWNERS)
