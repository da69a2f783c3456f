import itertools
from collections.abc import Callable
from typing import Any

import pytest

from edge.milestones.operators import join
from edge.milestones.operators.join import Join

DAY = 86_400_000
LOADED: dict[str, Any] = {
    "operator": "join",
    "milestone": "loaded",
    "about": "unit",
    "of": [{"kind": "door-scan"}, {"kind": "load"}],
    "within_seconds": 10,
    "wait_seconds": 2,
}


@pytest.fixture
def here(site: Callable[..., Any]) -> Any:
    return site({"loaded": LOADED})


@pytest.mark.parametrize("arrival", [(0, 1), (1, 0)])
def test_all_evidence_in_any_order_is_a_fact_at_the_latest_of_it(
    here: Any, arrival: tuple[int, int]
) -> None:
    evidence = [("door-scan", 1_000, "T1", "scanner"), ("load", 11_000, "T2", "eye")]
    for index in arrival:
        kind, at, trailer, seen_by = evidence[index]
        here.see(kind, at, unit="U1", trailer=trailer, **{seen_by: True})
    (milestone,) = here.milestones
    assert (milestone.key, milestone.occurred_at) == ("unit:U1", 11_000)
    # Where both tell a field, the first pattern of the rule wins.
    assert milestone.attributes == {"unit": "U1", "trailer": "T1", "scanner": True, "eye": True}
    assert milestone.evidence == (1, 2)


def test_evidence_too_far_apart_is_no_fact(here: Any) -> None:
    here.see("door-scan", 1_000, unit="U1")
    here.see("load", 11_001, unit="U1")
    assert here.told == []


def test_evidence_of_different_units_is_no_fact(here: Any) -> None:
    here.see("door-scan", 1_000, unit="U1")
    here.see("load", 1_000, unit="U2")
    assert here.told == []


def test_evidence_that_stays_alone_is_forgotten(here: Any) -> None:
    here.see("door-scan", 1_000, unit="U1")
    here.see("door-scan", 3_000, unit="U1")
    here.hear_until(12_999)
    assert [known.due_at for known in here.tracks.values()] == [13_000]
    here.hear_until(13_000)
    here.see("load", 11_000, unit="U1")
    assert here.told == [("loaded", "unit:U1", 11_000)]
    assert here.milestones[0].evidence == (2, 3)


def test_a_lone_scan_long_ago_does_not_hide_a_late_pair(here: Any) -> None:
    here.see("door-scan", 0, unit="U1")
    here.see("door-scan", 30_000, unit="U1")
    here.see("load", 5_000, unit="U1")
    assert here.told == [("loaded", "unit:U1", 5_000)]


def test_a_repeat_of_evidence_is_ignored_before_and_after_the_fact(here: Any) -> None:
    here.see("door-scan", 1_000, unit="U1")
    assert here.see("door-scan", 1_000, unit="U1").tracks == {}
    here.see("load", 2_000, unit="U1")
    for kind, at in [("load", 2_000), ("door-scan", 1_000), ("door-scan", 60_000)]:
        assert here.see(kind, at, unit="U1").tracks == {}
    here.see("load", 61_000, unit="U1")
    assert len(here.told) == 1


def test_a_key_that_is_joined_is_known_until_its_time_is_over(here: Any) -> None:
    here.see("door-scan", 1_000, unit="U1")
    here.see("load", 2_000, unit="U1")
    here.hear_until(2_000 + 30 * DAY - 1)
    assert here.see("load", 2_000, unit="U1").tracks == {}
    here.hear_until(2_000 + 30 * DAY)
    assert here.tracks == {}


def test_of_several_that_fit_the_earliest_count_whichever_pattern_is_the_first(
    site: Callable[..., Any],
) -> None:
    here = site({"loaded": {**LOADED, "of": [{"kind": kind} for kind in "abc"]}})
    for kind, at in (("b", 5_000), ("a", 6_000), ("b", 8_000), ("c", 9_000)):
        here.see(kind, at, unit="U1")
    assert here.milestones[0].evidence == (1, 2, 4)


def test_three_patterns_join_in_every_order(site: Callable[..., Any]) -> None:
    rule = {**LOADED, "of": [{"kind": kind} for kind in "abc"]}
    ids = set()
    for order in itertools.permutations([("a", 4_000), ("b", 0), ("c", 9_000)]):
        here = site({"loaded": rule})
        for kind, at in order:
            here.see(kind, at, unit="U1")
        assert here.told == [("loaded", "unit:U1", 9_000)]
        ids.add(here.milestones[0].id)
    assert len(ids) == 1


def test_one_observation_can_be_evidence_for_two_patterns(site: Callable[..., Any]) -> None:
    both = [{"kind": "scan", "where": {"lane": 3}}, {"kind": "scan", "where": {"good": True}}]
    here = site({"loaded": {**LOADED, "of": both}})
    here.see("scan", 1_000, unit="U1", lane=3.0, good=True)
    assert here.told == [("loaded", "unit:U1", 1_000)]


def test_a_label_of_all_unreadable_barcodes_costs_no_more_the_longer_it_waits(
    here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = []
    complete = Join._complete

    def counted(self: Join, seen: Any) -> Any:
        looked_at.append(len(seen))
        return complete(self, seen)

    monkeypatch.setattr(Join, "_complete", counted)
    for second in range(200):
        here.see("door-scan", second * 1_000, unit="NOREAD")
    assert max(looked_at) == 11
    here.see("load", 199_000, unit="NOREAD")
    (milestone,) = here.milestones
    assert milestone.evidence == (190, 201)  # the earliest that fits


WEIGHED = {**LOADED, "optional": [{"kind": "weight"}]}


@pytest.fixture
def scale(site: Callable[..., Any]) -> Any:
    return site({"loaded": WEIGHED})


def test_a_fact_waits_for_optional_evidence_and_tells_it(scale: Any) -> None:
    scale.see("door-scan", 1_000, unit="U1", seen_by="scanner")
    scale.see("load", 4_000, unit="U1")
    assert scale.told == []
    scale.see("weight", 9_000, unit="U1", kg=12.5, seen_by="scale")
    (milestone,) = scale.milestones
    assert milestone.occurred_at == 4_000, "when it was loaded, not when it was weighed"
    assert milestone.attributes == {"unit": "U1", "kg": 12.5, "seen_by": "scanner"}
    assert milestone.evidence == (1, 2, 3)


def test_without_optional_evidence_the_fact_is_the_same_when_the_time_is_over(
    scale: Any, site: Callable[..., Any]
) -> None:
    for kind, at in (("door-scan", 1_000), ("load", 4_000)):
        scale.see(kind, at, unit="U1")
    scale.hear_until(12_999)  # 10 s from the first, and 2 s for devices that tell late
    assert scale.told == []
    assert [known.due_at for known in scale.tracks.values()] == [13_000]
    scale.hear_until(13_000)
    assert scale.told == [("loaded", "unit:U1", 4_000)]
    scale.see("weight", 5_000, unit="U1", kg=12.5)
    assert len(scale.told) == 1
    plain = site({"loaded": LOADED})
    for kind, at in (("door-scan", 1_000), ("load", 4_000)):
        plain.see(kind, at, unit="U1")
    assert plain.milestones[0].id == scale.milestones[0].id


@pytest.mark.parametrize("early_comes", [0, 2])
def test_optional_evidence_outside_the_window_is_none(scale: Any, early_comes: int) -> None:
    told = [("door-scan", 5_000), ("load", 11_000), ("weight", 15_001)]
    told.insert(early_comes, ("weight", 999))  # 10.001 s before the last that is needed
    for kind, at in told:
        scale.see(kind, at, unit="U1", **({"kg": at} if kind == "weight" else {}))
    scale.hear_until(17_000)
    (milestone,) = scale.milestones
    assert "kg" not in milestone.attributes


def test_optional_evidence_at_the_end_of_the_window_is_told(scale: Any) -> None:
    for kind, at in (("door-scan", 1_000), ("load", 4_000), ("weight", 11_000)):
        scale.see(kind, at, unit="U1", **({"kg": 2} if kind == "weight" else {}))
    assert scale.milestones[0].attributes["kg"] == 2


def test_what_stayed_alone_takes_nothing_along_when_it_is_forgotten(scale: Any) -> None:
    scale.see("weight", 0, unit="U1", kg=1)
    scale.see("door-scan", 15_000, unit="U1")
    scale.see("load", 16_000, unit="U1")
    scale.hear_until(22_500)
    assert scale.told == []
    scale.hear_until(27_000)
    assert scale.told == [("loaded", "unit:U1", 16_000)]


def test_optional_evidence_of_two_patterns_is_waited_for_and_a_repeat_of_one_costs_nothing(
    site: Callable[..., Any],
) -> None:
    here = site({"loaded": {**LOADED, "optional": [{"kind": "weight"}, {"kind": "size"}]}})
    for kind, at in (("door-scan", 1_000), ("load", 1_000), ("weight", 2_000)):
        here.see(kind, at, unit="U1", **{kind: at})
    assert here.see("weight", 3_000, unit="U1", weight=3_000).tracks == {}
    here.see("size", 4_000, unit="U1", size=4_000)
    (milestone,) = here.milestones
    assert (milestone.attributes["weight"], milestone.attributes["size"]) == (2_000, 4_000)


def test_optional_evidence_may_come_a_window_before_what_it_belongs_to(scale: Any) -> None:
    scale.see("weight", 1_000, unit="U1", kg=1)
    scale.hear_until(13_500)  # its own window is over
    scale.see("door-scan", 11_000, unit="U1")
    scale.see("load", 11_000, unit="U1")
    assert scale.milestones[0].attributes["kg"] == 1


def test_of_several_readings_of_optional_evidence_the_earliest_is_told(scale: Any) -> None:
    for kind, at in (("weight", 5_000), ("weight", 3_000), ("door-scan", 4_000), ("load", 4_000)):
        scale.see(kind, at, unit="U1", **({"kg": at} if kind == "weight" else {}))
    assert scale.milestones[0].attributes["kg"] == 3_000


def test_optional_evidence_alone_is_forgotten(scale: Any) -> None:
    scale.see("weight", 1_000, unit="U1", kg=1)
    scale.hear_until(22_999)
    assert len(scale.tracks) == 1
    scale.hear_until(23_000)
    assert len(scale.tracks) == 0
    assert scale.told == []


def test_one_observation_that_is_needed_may_have_optional_company(
    site: Callable[..., Any],
) -> None:
    here = site({"loaded": {**WEIGHED, "of": [{"kind": "load"}]}})
    here.see("load", 1_000, unit="U1")
    here.see("weight", 2_000, unit="U1", kg=3)
    assert here.milestones[0].attributes == {"unit": "U1", "kg": 3}


def test_earlier_evidence_that_comes_late_counts_while_optional_evidence_is_waited_for(
    scale: Any,
) -> None:
    scale.see("door-scan", 9_000, unit="U1")
    scale.see("load", 9_000, unit="U1")
    scale.see("door-scan", 4_000, unit="U1")
    scale.hear_until(16_000)
    (milestone,) = scale.milestones
    assert milestone.evidence == (2, 3)


def test_of_several_readings_the_earliest_that_fit_are_told_in_whatever_order_they_come(
    scale: Any, site: Callable[..., Any]
) -> None:
    told = [("door-scan", 0), ("load", 10_000), ("load", 9_000)]
    other = site({"loaded": WEIGHED})
    for kind, at in told:
        scale.see(kind, at, unit="U1")
    for kind, at in sorted(told):
        other.see(kind, at, unit="U1")
    for here in (scale, other):
        here.hear_until(60_000)
    assert scale.told == other.told == [("loaded", "unit:U1", 9_000)]


def test_where_devices_tell_late_optional_evidence_is_waited_for_as_much_longer(
    scale: Any,
) -> None:
    scale.see("door-scan", 0, unit="U1", lag=8_000)  # stays alone, and wakes the track early
    scale.see("door-scan", 14_000, unit="U1", lag=8_000)
    scale.see("load", 15_000, unit="U1", lag=8_000)
    for horizon in range(16_000, 31_000, 500):
        scale.hear_until(horizon)
    scale.see("weight", 23_500, unit="U1", kg=7, lag=8_000)
    (milestone,) = scale.milestones
    assert milestone.attributes["kg"] == 7


def test_repeats_cost_nothing_while_optional_evidence_is_waited_for(scale: Any) -> None:
    scale.see("weight", 30_000, unit="U1", kg=1)  # of something else
    scale.see("door-scan", 1_000, unit="U1")
    scale.see("load", 2_000, unit="U1")
    for at in range(2_100, 9_000, 100):
        for kind in ("door-scan", "load"):
            assert scale.see(kind, at, unit="U1").tracks == {}
    assert scale.see("weight", 11_001, unit="U1", kg=2).tracks == {}
    scale.hear_until(13_000)
    assert scale.told == [("loaded", "unit:U1", 2_000)]
    assert scale.milestones[0].evidence == (2, 3)


MISROUTED = {
    "operator": "join",
    "milestone": "misrouted",
    "about": "unit",
    "of": [{"kind": "plan"}, {"kind": "divert"}],
    "if": "lane != planned_lane",
    "within_seconds": 600,
}


@pytest.mark.parametrize("plan_first", [True, False])
@pytest.mark.parametrize(("lane", "told"), [(4, True), (7, False)])
def test_what_is_joined_may_have_to_fulfil_a_condition(
    site: Callable[..., Any], lane: int, *, plan_first: bool, told: bool
) -> None:
    here = site({"misrouted": MISROUTED})
    tellings = [("plan", 1_000, {"planned_lane": 7}), ("divert", 9_000, {"lane": lane})]
    for kind, at, fields in tellings if plan_first else reversed(tellings):
        here.see(kind, at, unit="U1", **fields)
    assert here.told == ([("misrouted", "unit:U1", 9_000)] if told else [])
    # The key is joined, whatever came of it.
    here.see("plan", 20_000, unit="U1", planned_lane=1)
    here.see("divert", 21_000, unit="U1", lane=2)
    here.hear_until(1_000_000)
    assert len(here.milestones) == told
    assert here.reasons == []


def test_a_condition_without_a_result_sets_the_evidence_apart(site: Callable[..., Any]) -> None:
    here = site({"misrouted": {**MISROUTED, "if": "lane > planned_lane"}})
    here.see("plan", 1_000, unit="U1")
    here.see("divert", 9_000, unit="U1", lane=4)
    assert here.told == []
    (objection,) = here.objections
    assert objection.signal == 2
    assert objection.reason.startswith("rule misrouted: unit:U1: ")


def test_a_condition_is_asked_of_what_is_optional_too(site: Callable[..., Any]) -> None:
    weighed = {**MISROUTED, "optional": [{"kind": "weight"}], "if": "weight == null || weight > 5"}
    here = site({"misrouted": {**weighed, "within_seconds": 10}})
    for unit, weight in (("U1", 4), ("U2", 6), ("U3", None)):
        here.see("plan", 1_000, unit=unit, planned_lane=7)
        here.see("divert", 2_000, unit=unit, lane=4)
        if weight is not None:
            here.see("weight", 3_000, unit=unit, weight=weight)
    here.hear_until(20_000)
    assert [key for _, key, _ in here.told] == ["unit:U2", "unit:U3"]


def test_while_nothing_can_be_judged_a_label_that_many_share_keeps_its_track_small(
    here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(join, "MOST_SEEN", 3)
    for minute in range(5):
        here.see("door-scan", minute * 60_000, unit="NOREAD")
    assert [reason[:57] for reason in here.reasons] == [
        "rule loaded: unit:NOREAD: 3 pieces of evidence wait for t"
    ] * 2
    here.see("load", 61_000, unit="NOREAD")
    assert here.told == [("loaded", "unit:NOREAD", 61_000)]


def test_three_that_are_near_each_other_only_in_pairs_are_no_fact(site: Callable[..., Any]) -> None:
    here = site({"loaded": {**LOADED, "of": [*LOADED["of"], {"kind": "weight"}]}})
    here.see("door-scan", 1_000, unit="U1")
    here.see("load", 15_000, unit="U1")
    here.see("weight", 8_000, unit="U1")
    assert here.told == []
    here.see("load", 9_000, unit="U1")
    assert here.told == [("loaded", "unit:U1", 9_000)]


@pytest.mark.parametrize("arrival", list(itertools.permutations(range(5))))
def test_of_two_at_the_same_time_the_same_one_counts(
    site: Callable[..., Any], arrival: tuple[int, ...]
) -> None:
    told = [
        ("door-scan", {"door": 0}),
        ("door-scan", {"door": 1}),
        ("load", {}),
        ("size", {"length": 4}),
        ("size", {"length": 5}),
    ]
    waits_for_both = [{"kind": "size"}, {"kind": "weight"}]
    here = site({"loaded": {**LOADED, "optional": waits_for_both}})
    for index in arrival:
        kind, fields = told[index]
        here.see(kind, 1_000, unit="U1", **fields)
    here.hear_until(60_000)
    (milestone,) = here.milestones
    assert milestone.attributes == {"unit": "U1", "door": 0, "length": 4}
