"""What waits to be put in order comes out as it was told, and no sooner than its time is over."""

from collections.abc import Callable
from typing import Any

from edge.milestones.model import Observation, TimeFrom
from edge.milestones.reordering import Hold
from edge.milestones.step import Step
from tests.known_tracks import KnownTracks

RECEIVED = {"operator": "one", "milestone": "received", "about": "unit", "of": {"kind": "scan"}}
BOUND = 2_000


def test_what_was_held_is_judged_as_it_was_told() -> None:
    tracks = KnownTracks()
    told = Observation(
        7, "floor", "scan", 10_000, {"unit": "U1", "n": 2.5}, 500, time_from=TimeFrom.PROTOCOL
    )
    step = Step(tracks, (), {})
    hold = Hold("floor", BOUND, step)
    hold.take(told)
    hold.keep()
    tracks.commit(step.decision)
    later = Hold("floor", BOUND, Step(tracks, (), {}))
    later.take(Observation(8, "floor", "scan", 20_000, {"unit": "U2"}))
    assert list(later.release()) == [told]


def test_of_two_at_one_moment_the_same_is_judged_first_whichever_comes_first(
    site: Callable[..., Any],
) -> None:
    first = []
    for read_points in (("dock-in-1", "dock-in-2"), ("dock-in-2", "dock-in-1")):
        here = site({"received": RECEIVED}, reorder=BOUND)
        for read_point in read_points:
            here.see("scan", 10_000, unit="U1", read_point=read_point)
        here.listen_until(20_000)
        first.append(here.milestones[0].attributes["read_point"])
    assert first[0] == first[1]


def test_what_happened_a_millisecond_later_is_waited_for_as_much_longer(
    site: Callable[..., Any],
) -> None:
    dock = site({"received": RECEIVED}, reorder=BOUND)
    dock.see("scan", 10_000, unit="U1")
    dock.see("scan", 10_001, unit="U2")
    dock.listen_until(12_000)
    assert dock.told == [("received", "unit:U1", 10_000)]
    dock.listen_until(12_001)
    assert dock.told[1:] == [("received", "unit:U2", 10_001)]


def test_all_has_been_judged_up_to_the_millisecond_before_what_waits(
    site: Callable[..., Any],
) -> None:
    dock = site({"received": RECEIVED}, reorder=BOUND)
    dock.see("scan", 10_000, unit="U1")
    dock.see("scan", 10_500, unit="U2")
    assert dock.engine.horizon("received", 12_000, dock.tracks) == 9_999


def test_what_was_expected_may_come_within_the_bound_though_something_later_waits_already(
    site: Callable[..., Any],
) -> None:
    lost = {
        "operator": "absence",
        "milestone": "lost",
        "about": "unit",
        "after": {"kind": "infeed"},
        "expect": {"kind": "divert"},
        "within_seconds": 6,
        "wait_seconds": 0,
    }
    here = site({"lost": lost}, reorder=BOUND)
    here.see("infeed", 10_000, unit="U1")
    here.see("infeed", 17_000, unit="U2")
    here.listen_until(17_500)
    here.see("divert", 15_900, unit="U1", lag=1_700)
    here.listen_until(22_000)
    assert here.told == []
