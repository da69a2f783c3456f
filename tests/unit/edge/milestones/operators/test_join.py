import itertools
from collections.abc import Callable
from typing import Any

import pytest

from edge.milestones.operators.join import Join

LOADED = {
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
    assert len(here.tracks) == 1
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
