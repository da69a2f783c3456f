"""What a source tells out of order is judged in order; what comes later still is marked."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter

from edge.milestones.engine import RulesEngine
from edge.milestones.model import Mark, Observation
from edge.milestones.operators.one import One
from edge.milestones.reordering import RELEASE_LIMIT
from edge.milestones.rules import Rule
from tests.known_tracks import KnownTracks

RECEIVED = {"operator": "one", "milestone": "received", "about": "unit", "of": {"kind": "scan"}}
LOADED = {
    "operator": "join",
    "milestone": "loaded",
    "about": "unit",
    "of": [{"kind": "door-scan"}, {"kind": "load"}],
    "within_seconds": 10,
}
LOST = {
    "operator": "absence",
    "milestone": "lost",
    "about": "unit",
    "after": {"kind": "infeed"},
    "expect": {"kind": "divert"},
    "within_seconds": 6,
    "wait_seconds": 0,
}
BOUND = 2_000


@pytest.fixture
def dock(site: Callable[..., Any]) -> Any:
    return site({"received": RECEIVED}, reorder=BOUND)


def test_of_two_readings_the_one_that_happened_first_is_the_fact(dock: Any) -> None:
    dock.see("scan", 10_000, unit="U1", read_point="dock-in-2")
    dock.see("scan", 9_000, unit="U1", read_point="dock-in-1", lag=1_500)
    assert dock.told == []
    dock.see("scan", 12_001, unit="U2")
    (received,) = dock.milestones
    assert (received.occurred_at, received.attributes["read_point"]) == (9_000, "dock-in-1")
    assert received.mark is Mark.IN_ORDER


def test_what_happened_as_long_ago_as_the_bound_allows_still_waits_for_others(dock: Any) -> None:
    dock.see("scan", 10_000, unit="U1")
    dock.see("scan", 12_000, unit="U2")
    assert dock.told == []
    dock.see("scan", 12_001, unit="U3")
    assert dock.told == [("received", "unit:U1", 10_000)]


def test_what_comes_when_the_watermark_has_passed_it_is_judged_at_once_and_marked(
    dock: Any,
) -> None:
    dock.see("scan", 20_000, unit="U1")
    dock.see("scan", 18_000, unit="U2", lag=2_000)
    dock.see("scan", 17_999, unit="U3", lag=2_001)
    assert [(each.key, each.mark) for each in dock.milestones] == [("unit:U3", Mark.LATE)]
    dock.listen_until(30_000)
    assert [(each.key, each.mark) for each in dock.milestones[1:]] == [
        ("unit:U2", Mark.IN_ORDER),
        ("unit:U1", Mark.IN_ORDER),
    ]


def test_what_no_rule_hears_of_keeps_nothing_back_that_is_told_with_it(dock: Any) -> None:
    told = [
        Observation(number, "floor", kind, 10_000 + number, {"unit": f"U{number}"})
        for number, kind in enumerate(["scan", "motor", "scan"])
    ]
    dock.judge(told)
    dock.listen_until(20_000)
    assert [key for _, key, _ in dock.told] == ["unit:U0", "unit:U2"]


def test_what_the_watermark_passes_is_judged_before_what_comes_late_in_the_same_batch(
    dock: Any,
) -> None:
    times = {"U1": 10_000, "U2": 20_000, "U3": 9_000}
    dock.judge(
        Observation(number, "floor", "scan", at, {"unit": unit})
        for number, (unit, at) in enumerate(times.items())
    )
    assert [(each.key, each.mark) for each in dock.milestones] == [
        ("unit:U1", Mark.IN_ORDER),
        ("unit:U3", Mark.LATE),
    ]


def test_sources_that_tell_by_turns_in_one_batch_lose_nothing_that_is_held() -> None:
    rules = TypeAdapter(dict[str, Rule]).validate_python({"received": RECEIVED})
    sources = ("dock", "gate")
    engine = RulesEngine(
        "dc", rules, {}, {"scan": frozenset(sources)}, dict.fromkeys(sources, BOUND)
    )
    tracks = KnownTracks()
    told = [
        Observation(number, sources[number % 2], "scan", 10_000 + number, {"unit": f"U{number}"})
        for number in range(4)
    ]
    tracks.commit(engine.collapse(told, tracks))
    received = []
    for owner in engine.owners():
        decision = engine.expire(tracks.due(owner, 20_000), tracks, 20_000)
        tracks.commit(decision)
        received += [each.key for each in decision.milestones]
    assert sorted(received) == [f"unit:U{number}" for number in range(4)]


def test_evidence_that_came_late_marks_what_is_concluded_from_it_later(
    site: Callable[..., Any],
) -> None:
    here = site({"loaded": LOADED}, reorder=BOUND)
    here.see("load", 20_000, unit="U2")
    here.see("door-scan", 15_000, unit="U1", lag=5_000)
    here.see("load", 19_000, unit="U1", lag=1_000)
    here.see("door-scan", 20_000, unit="U2")
    here.listen_until(30_000)
    assert {each.key: each.mark for each in here.milestones} == {
        "unit:U1": Mark.LATE,
        "unit:U2": Mark.IN_ORDER,
    }


def test_a_silent_source_releases_what_is_held_when_its_bound_is_over(dock: Any) -> None:
    dock.see("scan", 10_000, unit="U1", lag=500)
    dock.listen_until(12_499)
    assert dock.told == []
    dock.listen_until(12_500)
    assert dock.told == [("received", "unit:U1", 10_000)]
    dock.see("scan", 9_999, unit="U2", lag=3_000)
    assert dock.milestones[-1].mark is Mark.LATE


def test_a_clock_that_is_fast_makes_late_nothing_that_others_tell(dock: Any) -> None:
    dock.see("scan", 60_000, unit="U1", lag=-50_000)  # received at 10 s
    dock.see("scan", 9_000, unit="U2", lag=1_500)
    dock.listen_until(14_000)
    assert [(each.key, each.mark) for each in dock.milestones] == [
        ("unit:U2", Mark.IN_ORDER),
        ("unit:U1", Mark.IN_ORDER),
    ]


def test_clocks_that_are_behind_are_put_in_order_all_the_same(dock: Any) -> None:
    dock.see("scan", 10_000, unit="U1", read_point="dock-in-2", lag=40_000)
    dock.listen_until(50_500)
    dock.see("scan", 9_500, unit="U1", read_point="dock-in-1", lag=41_500)
    dock.listen_until(60_000)
    assert dock.told == [("received", "unit:U1", 9_500)]


def test_nothing_is_lost_while_what_was_expected_is_held(site: Callable[..., Any]) -> None:
    here = site({"lost": LOST}, reorder=BOUND)
    here.see("infeed", 10_000, unit="U1")
    here.listen_until(15_000)
    here.see("divert", 16_000, unit="U1", lag=2_000)  # held until 20 s
    for heard in range(18_000, 21_000, 250):
        here.listen_until(heard)
    assert here.told == []


def test_what_should_have_been_told_is_waited_for_as_long_as_the_bound_allows(
    site: Callable[..., Any],
) -> None:
    here = site({"lost": LOST}, reorder=BOUND)
    here.see("infeed", 10_000, unit="U1")
    for heard in range(12_000, 18_000, 250):
        here.listen_until(heard)
    assert here.told == []
    here.listen_until(18_000)
    assert here.told == [("lost", "unit:U1", 16_000)]


def test_a_deadline_that_was_over_when_something_happened_is_judged_before_it(
    site: Callable[..., Any],
) -> None:
    here = site({"lost": LOST}, reorder=BOUND)
    here.see("infeed", 10_000, unit="U1")
    here.see("infeed", 30_000, unit="U1")
    here.see("infeed", 60_000, unit="U1")
    assert here.told == [("lost", "unit:U1", 16_000)]


def test_what_concerns_no_rule_is_not_held(site: Callable[..., Any]) -> None:
    dock_in = {"kind": "scan", "where": {"read_point": "dock-in-*"}}
    here = site({"received": {**RECEIVED, "of": dock_in}}, reorder=BOUND)
    here.see("motor", 10_000, unit="U1")
    here.see("scan", 10_000, unit="U1", read_point="packing")
    assert here.tracks == {}


def test_what_the_engine_fails_on_holds_nothing_up(
    dock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = One.judge

    def fail(self: One, observation: Observation, step: Any) -> Any:
        if observation.fields["unit"] == "U1":
            raise ZeroDivisionError("a fault of the engine")
        return judge(self, observation, step)

    monkeypatch.setattr(One, "judge", fail)
    # Sites that are alike share an engine: this one is like no other.
    dock.engine = type(dock)({"received": RECEIVED}, reorder=BOUND + 1).engine
    dock.see("scan", 10_000, unit="U1")
    dock.see("scan", 11_000, unit="U2")
    dock.listen_until(20_000)
    assert dock.told == [("received", "unit:U2", 11_000)]
    assert [each.signal for each in dock.objections] == [1]
    assert "a fault of the engine" in dock.reasons[0]


def test_a_step_releases_no_more_than_is_good_for_a_transaction(dock: Any) -> None:
    many = RELEASE_LIMIT + 300
    for number in range(many):
        dock.see("scan", 10_000, unit=f"U{number}")
    decision = dock.see("scan", 20_000, unit="last")
    assert len(decision.milestones) == RELEASE_LIMIT + 1
    dock.see("scan", 20_000, unit="another")
    dock.listen_until(20_000)
    assert len(dock.told) == many


def test_a_source_that_needs_no_order_any_more_releases_what_is_held(
    dock: Any, site: Callable[..., Any]
) -> None:
    dock.see("scan", 10_000, unit="U1")
    dock.engine = site({"received": RECEIVED}).engine
    dock.listen_until(12_000)
    assert dock.told == [("received", "unit:U1", 10_000)]


def test_who_listens_to_a_milestone_hears_that_its_evidence_came_late(
    site: Callable[..., Any],
) -> None:
    departed = {**RECEIVED, "milestone": "departed", "of": {"milestone": "loaded"}}
    here = site({"loaded": LOADED, "departed": departed}, reorder=BOUND)
    here.see("load", 20_000, unit="U2")
    here.see("load", 15_000, unit="U1", lag=5_000)
    here.see("door-scan", 16_000, unit="U1", lag=4_000)
    assert [(each.name, each.mark) for each in here.milestones] == [
        ("loaded", Mark.LATE),
        ("departed", Mark.LATE),
    ]


def test_a_wrong_clock_of_ours_at_reception_holds_nothing_for_longer_than_a_minute(
    dock: Any,
) -> None:
    dock.see("scan", 10_000, unit="U1", lag=3_600_000)
    dock.listen_until(71_999)
    assert dock.told == []
    dock.listen_until(72_000)
    assert dock.told == [("received", "unit:U1", 10_000)]


def test_what_is_told_late_within_the_bound_is_not_waited_for_twice(
    site: Callable[..., Any],
) -> None:
    here = site({"lost": LOST}, reorder=BOUND)
    here.see("infeed", 10_000, unit="U1", lag=1_500)
    here.listen_until(13_500)
    here.listen_until(18_000)
    assert here.told == [("lost", "unit:U1", 16_000)]


def test_what_comes_twice_in_one_batch_is_judged_once(dock: Any) -> None:
    seen = Observation(1, "floor", "scan", 10_000, {"unit": "U1"})
    later = Observation(2, "floor", "scan", 20_000, {"unit": "U2"})
    dock.judge([seen, seen, later])
    assert dock.told == [("received", "unit:U1", 10_000)]


def test_what_cannot_be_matched_is_held_until_it_is_objected_to(site: Callable[..., Any]) -> None:
    here = site({"it": {**RECEIVED, "of": {"kind": "scan", "if": "n > 1"}}}, reorder=BOUND)
    here.see("scan", 10_000, unit="U1", n="many")
    here.listen_until(20_000)
    (reason,) = here.reasons
    assert "n = 'many'" in reason


def test_what_is_held_is_not_given_up_before_its_time(dock: Any) -> None:
    dock.see("scan", 10_000, unit="U1")
    held = list(dock.tracks)
    decision = dock.engine.expire(held, dock.tracks, 10_000)
    assert (decision.milestones, decision.tracks) == ([], {})


def test_what_one_batch_brings_and_passes_is_judged_at_once_in_order(dock: Any) -> None:
    readings = [("dock-in-2", 10_000), ("dock-in-1", 9_000), ("dock-in-3", 20_000)]
    dock.judge(
        [
            Observation(signal, "floor", "scan", at, {"unit": "U1", "read_point": read_point})
            for signal, (read_point, at) in enumerate(readings, 1)
        ]
    )
    (received,) = dock.milestones
    assert (received.occurred_at, received.attributes["read_point"]) == (9_000, "dock-in-1")
