from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from edge.config import load
from edge.milestones.decode import sources_of
from edge.milestones.engine import RulesEngine
from edge.milestones.model import Observation, Track, TrackId
from edge.milestones.operators.operator import former_owner
from edge.milestones.rules import Rule
from tests.known_tracks import KnownTracks

RECEIVED = {
    "operator": "one",
    "milestone": "received",
    "about": "unit",
    "of": {"kind": "scan", "where": {"read_point": "dock-in-*"}},
}
LOST = {
    "operator": "absence",
    "milestone": "lost",
    "about": "unit",
    "after": {"kind": "infeed"},
    "expect": {"kind": "divert"},
    "within_seconds": 6,
}
EXAMPLE = Path(__file__).parents[4] / "systemd" / "milepost.toml"


def test_an_observation_that_concerns_no_rule_changes_nothing(site: Callable[..., Any]) -> None:
    here = site({"received": RECEIVED})
    for kind, read_point in [("motor", "dock-in-1"), ("scan", "dock-out-1")]:
        decision = here.see(kind, 1, unit="U1", read_point=read_point)
        assert (decision.tracks, decision.milestones, decision.mentions) == ({}, [], set())


def test_each_rule_hears_what_another_does_not_mean(site: Callable[..., Any]) -> None:
    loaded = {**RECEIVED, "milestone": "loaded", "of": {"kind": "scan"}}
    here = site({"received": RECEIVED, "loaded": loaded})
    here.see("scan", 1, unit="U1", read_point="dock-out-1")
    assert here.told == [("loaded", "unit:U1", 1)]


def test_a_step_sees_what_it_decided_itself(site: Callable[..., Any]) -> None:
    here = site({"received": RECEIVED})
    scan = {"unit": "U1", "read_point": "dock-in-1"}
    repeated = [Observation(n, "floor", "scan", 5, scan) for n in (1, 2)]
    decision = here.engine.collapse(repeated, KnownTracks())
    assert [each.key for each in decision.milestones] == ["unit:U1"]


def test_a_missing_key_is_objected_to_by_rule_and_field(site: Callable[..., Any]) -> None:
    here = site({"received": RECEIVED})
    here.see("scan", 1, unit=None, read_point="dock-in-1")
    here.see("scan", 2, unit="", read_point="dock-in-1")
    assert here.told == []
    assert [each.signal for each in here.objections] == [1, 2]
    assert set(here.reasons) == {"rule received: field 'unit' of 'scan' is missing"}


def test_signals_are_found_by_unit_order_and_trailer(site: Callable[..., Any]) -> None:
    here = site({"received": RECEIVED})
    here.see("scan", 1, unit="U1", order=7, trailer=None, item="I", read_point="dock-in-1")
    here.see("scan", 1, unit="U1", order=7, trailer="", item="I", read_point="dock-in-1")
    here.see("scan", 1, unit=None, order="SO-8", read_point="dock-in-1")
    assert here.mentions == {
        ("unit:U1", 1),
        ("order:7", 1),
        ("unit:U1", 2),
        ("order:7", 2),
        ("order:SO-8", 3),
    }


def test_a_deadline_that_has_moved_is_left_alone(site: Callable[..., Any]) -> None:
    here = site({"lost": LOST})
    here.see("infeed", 1_000, unit="U1")
    track = TrackId("lost", "unit:U1")
    before = here.tracks[track].due_at
    assert before is not None
    assert here.engine.expire([track], here.tracks, before - 1).tracks == {}
    assert here.engine.expire([TrackId("lost", "unit:U2")], here.tracks, before).tracks == {}


def test_what_a_rule_concludes_at_a_horizon_releases_what_is_held_until_then(
    site: Callable[..., Any],
) -> None:
    packed = {
        "operator": "gather",
        "milestone": "packed",
        "about": "unit",
        "of": {"kind": "pack"},
        "distinct": "item",
        "closed_by": {"kind": "carton-closed"},
        "total": "count",
        "within_seconds": 60,
    }
    loaded = {"operator": "one", "milestone": "loaded", "about": "unit", "of": {"kind": "load"}}
    here = site({"packed": packed, "loaded": loaded}, {"a": {"stages": ["packed", "loaded"]}})
    here.see("carton-closed", 1_000, unit="U1", count=1)
    here.see("load", 1_500, unit="U1")
    here.hear_until(20_000)
    assert [(each.name, each.mark) for each in here.milestones] == [
        ("packed", "late"),
        ("loaded", "in_order"),
    ]


def test_the_deadlines_of_a_rule_that_is_gone_are_removed_beside_those_that_are_judged(
    site: Callable[..., Any],
) -> None:
    here = site({"lost": LOST})
    gone = TrackId("late", "unit:U1")
    here.tracks[gone] = Track({"shape": "join"}, 5)
    here.see("infeed", 1_000, unit="U1")
    here.hear_until(9_000)
    assert here.told == [("lost", "unit:U1", 7_000)]
    assert gone not in here.tracks


def test_of_an_owner_that_listens_to_nothing_all_is_judged_that_was_heard(
    site: Callable[..., Any],
) -> None:
    here = site({"received": RECEIVED}, reorder=2_000)
    assert here.engine.horizon("received", 9_000, here.tracks) == 7_000
    assert here.engine.horizon("one that is gone", 9_000, here.tracks) == 9_000


def test_a_rule_with_a_new_operator_starts_afresh(site: Callable[..., Any]) -> None:
    here = site({"lost": LOST})
    here.tracks[TrackId("lost", "unit:U1")] = Track({"shape": "join", "seen": []}, 5)
    here.see("infeed", 1_000, unit="U1")
    here.hear_until(9_000)
    assert here.told == [("lost", "unit:U1", 7_000)]


def test_owners_listen_to_the_sources_of_their_rules() -> None:
    configuration = load(EXAMPLE)
    engine = RulesEngine(
        configuration.site.name,
        configuration.rules,
        configuration.lifecycles,
        sources_of(configuration.observations),
    )
    assert engine.owners() == {
        "source:floor": {"floor"},
        "source:plc": {"plc"},
        "goods-in-scanned": {"floor"},
        "returns-scanned": {"floor"},
        "vehicles-dropped": {"floor"},
        "vehicles-failed": {"floor"},
        "sorter-lost": {"plc"},
        "sorter-misrouted": {"plc"},
        "picking-picked": {"floor"},
        "packing-packed": {"floor"},
        "dock-loaded": {"plc"},
        "dock-departed": {"plc"},
        "motor-current": {"plc"},
        "inbound": {"floor", "plc"},
        "outbound": {"floor", "plc"},
    }


def test_parts_that_do_not_fit_together_are_refused_at_once(site: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"names 'stored', which no rule concludes"):
        site({"received": RECEIVED}, {"inbound": {"stages": ["received", "stored"]}})


@pytest.mark.parametrize(("lag", "waits"), [(0, 0), (10_000, 10_000), (10**9, 60_000)])
def test_a_device_that_tells_late_is_waited_for_as_much_longer(
    site: Callable[..., Any], lag: int, waits: int
) -> None:
    engine = site({"lost": {**LOST, "wait_seconds": 2}}).engine
    at = 1_772_352_000_000
    tracks = KnownTracks()
    tracks.commit(
        engine.collapse([Observation(1, "floor", "infeed", at, {"unit": "U1"}, lag)], tracks)
    )
    overdue = at + 8_000 + waits
    assert not engine.expire(list(tracks), tracks, overdue - 1).milestones
    (lost,) = engine.expire(list(tracks), tracks, overdue).milestones
    assert lost.occurred_at == at + 6_000


def test_what_was_told_late_keeps_a_held_milestone_as_much_longer(site: Callable[..., Any]) -> None:
    here = site(
        {"received": RECEIVED, "lost": {**LOST, "wait_seconds": 2}},
        {"inbound": {"stages": ["received", "lost"], "wait_seconds": 5}},
    )
    at = 1_772_352_000_000
    late = Observation(1, "floor", "infeed", at, {"unit": "U1"}, 10_000)
    tracks = KnownTracks()
    tracks.commit(here.engine.collapse([late], tracks))
    tracks.commit(here.engine.expire(list(tracks), tracks, at + 18_000))
    (held,) = [track for track in tracks if track.owner == "inbound"]
    # Overdue at 6 s, held for 5 s, by a clock that is 10 s behind.
    assert tracks[held].due_at == at + 21_000


def test_a_condition_without_a_result_is_objected_to_by_its_rule_alone(
    site: Callable[..., Any],
) -> None:
    heavy = {**RECEIVED, "of": {"kind": "scan", "if": "weight > 10.0"}}
    here = site({"heavy": heavy, "received": RECEIVED})
    here.see("scan", 1, unit="U1", read_point="dock-in-1")
    assert here.told == [("received", "unit:U1", 1)]
    (reason,) = here.reasons
    assert reason.startswith("rule heavy: 'weight > 10.0' has no result for weight = null: an")
    here.see("scan", 2, unit="U2", read_point="dock-out-1", weight=9)
    here.see("scan", 3, unit="U2", read_point="dock-out-1", weight=11)
    assert here.told[1:] == [("received", "unit:U2", 3)]
    assert len(here.reasons) == 1


def test_what_the_rule_in_force_knows_is_not_replaced_by_what_a_former_one_has_finished() -> None:
    was, is_now = (
        TypeAdapter[Rule](Rule).validate_python(
            {
                "operator": "join",
                "milestone": "loaded",
                "about": "unit",
                "of": [{"kind": "scan"}, {"kind": "load"}],
                "within_seconds": seconds,
            }
        )
        for seconds in (10, 20)
    )
    sources = {"scan": frozenset({"floor"}), "load": frozenset({"floor"})}
    here = RulesEngine("dc", {"loaded": is_now}, {}, sources, former={"loaded": [was]})
    begun = RulesEngine("dc", {"loaded": is_now}, {}, sources)
    seen = Observation(1, "floor", "scan", 1_000, {"unit": "U1"})
    tracks = KnownTracks()
    tracks.commit(begun.collapse([seen], tracks))
    in_force = TrackId("loaded", "unit:U1")
    known = tracks[in_force]
    former = TrackId(former_owner("loaded", was), "unit:U1")
    tracks[former] = known
    loaded = Observation(2, "floor", "load", 2_000, {"unit": "U1"})
    tracks.commit(here.collapse([loaded], tracks))
    assert tracks == {in_force: known}
