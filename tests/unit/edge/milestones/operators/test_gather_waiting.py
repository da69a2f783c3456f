"""What waits to be counted, with rules and devices that tell late, and versions that finish."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.milestones.operators.counting import Seen
from tests.unit.edge.milestones.operators.cartons import EACH, OVER, WHOLE
from tests.unit.edge.milestones.test_finishing import Site as ChangedSite

LATER = 1_000_000
SLOW: dict[str, Any] = {
    "operator": "gather",
    "milestone": "loaded",
    "about": "unit",
    "by": ["item", "nth"],
    "of": {"kind": "slow"},
    "distinct": "item",
    "closed_by": {"kind": "slow-closed"},
    "within_seconds": 600,
    "wait_seconds": 60,
}
FAST = {
    "operator": "one",
    "milestone": "loaded",
    "about": "unit",
    "of": {"kind": "fast"},
    "occurrence": ["nth"],
}

both_ways = pytest.mark.parametrize("rule", [WHOLE, EACH])


def loaded_slowly(here: Any, at: int, item: str) -> None:
    """Let it be concluded a minute later."""
    for kind in ("slow", "slow-closed"):
        here.see(kind, at, unit="U", item=item, nth=at)


def loaded(here: Any, at: int, item: str) -> None:
    here.see("fast", at, unit="U", item=item, nth=at)


def hear_until(here: Any, horizon: int) -> None:
    """Judge deadlines as long as there are any."""
    while here.tracks.is_any_due(horizon):
        here.listen_until(horizon)


def test_what_is_seen_again_is_kept_while_a_rule_may_tell_what_was_first(
    site: Callable[..., Any],
) -> None:
    count = {**WHOLE, "of": {"milestone": "loaded"}, "within_seconds": 20}
    here = site({"slow": SLOW, "fast": FAST, "it": count})
    loaded_slowly(here, 0, "W")
    loaded(here, 10_000, "X")
    loaded(here, 25_000, "X")
    here.see("closed", 27_000, unit="U")
    hear_until(here, LATER)
    packed = [each for each in here.milestones if each.name == "packed"]
    assert [each.attributes["children"] for each in packed] == [["X"]]


def test_what_is_seen_again_is_kept_while_a_rule_may_tell_of_a_closing_in_between(
    site: Callable[..., Any],
) -> None:
    each = {**EACH, "closed_by": {"milestone": "loaded"}, "within_seconds": 600}
    here = site({"slow": SLOW, "it": each})
    for at in (1_000, 20_000, 30_000):
        here.see("pack", at, unit="U", item="X")
    loaded_slowly(here, 10_000, "W")
    loaded_slowly(here, 25_000, "W")
    hear_until(here, LATER)
    packed = [each for each in here.told if each[0] == "packed"]
    assert packed == [("packed", "item:X", 10_000), ("packed", "item:X", 25_000)]


@pytest.mark.parametrize("is_looked_at", [True, False])
def test_what_is_too_much_is_told_in_its_order_however_late_each_was_told(
    site: Callable[..., Any], *, is_looked_at: bool
) -> None:
    here = site({"it": OVER})
    here.see("pack", 1_000, unit="U", item="A", quantity=3, requested=3)
    here.hear_until(3_000)
    here.see("pack", 4_000, unit="U", item="C", quantity=1, requested=3, lag=500)
    here.see("pack", 3_500, unit="U", item="B", quantity=1, requested=3, lag=2_000)
    if is_looked_at:
        here.hear_until(6_600)
    here.hear_until(LATER)
    assert [(each.occurred_at, each.attributes["quantity"]) for each in here.milestones] == [
        (1_000, 3),
        (3_500, 4),
        (4_000, 5),
    ]


@both_ways
def test_what_is_seen_often_costs_little_more_than_what_is_seen_once(
    site: Callable[..., Any], rule: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = 0

    def at(seen: Seen) -> int:
        nonlocal looked_at
        looked_at += 1
        return seen.member.at

    monkeypatch.setattr(Seen, "at", property(at))
    here = site({"it": {**rule, "wait_seconds": 1_000}})
    for second in range(100):
        here.see("pack", second * 1_000, unit="U", item="X")
    (track,) = here.tracks.values()
    assert len(track.state["members"]) == 100
    # Each of 100 tellings looks at each of those before it a few times.
    assert looked_at < 100 * 100 * 10


def expire(here: ChangedSite, horizon: int) -> None:
    while here.tracks.is_any_due(horizon):
        here.expire(horizon)


@both_ways
def test_what_a_finishing_version_has_given_up_begins_nothing_with_the_next(
    rule: dict[str, Any],
) -> None:
    here = ChangedSite({"it": rule}, {"pack": "floor", "closed": "floor"})
    here.see("pack", 0, unit="U", item="X")
    here.expire(8_000)
    here.see("pack", 7_500, unit="U", item="Z")
    here.change({"it": {**rule, "wait_seconds": 3}})
    given_up = len(here.objections)
    here.see("pack", 0, unit="U", item="X")
    assert [owner.startswith("former:") for owner, _ in here.tracks] == [True]
    assert len(here.objections) == given_up + 1
    here.see("closed", 9_000, unit="U")
    expire(here, LATER)
    here.see("pack", 7_500, unit="U", item="Z")
    here.see("closed", 9_000, unit="U")
    expire(here, LATER)
    assert [at for _, _, at in here.facts()] == [9_000]


def test_what_a_finishing_version_has_told_to_be_too_much_is_known_to_the_next() -> None:
    here = ChangedSite({"it": OVER}, {"pack": "floor", "closed": "floor"})
    here.see("pack", 0, unit="U", item="A", quantity=3, requested=3)
    here.see("pack", 1_000, unit="U", item="B", quantity=1, requested=3)
    here.change({"it": {**OVER, "wait_seconds": 3}})
    expire(here, LATER)
    here.see("pack", 1_000, unit="U", item="B", quantity=1, requested=3)
    expire(here, LATER)
    assert here.facts() == [("picked", "unit:U", 0), ("over_picked", "unit:U", 1_000)]


@both_ways
def test_what_is_both_member_and_closing_is_both_to_a_finishing_version(
    rule: dict[str, Any],
) -> None:
    last = {"kind": "pack", "where": {"is_last": True}}
    of_one = {**rule, "closed_by": last}
    here = ChangedSite({"it": of_one}, {"pack": "floor"})
    here.see("pack", 0, unit="U", item="X")
    here.change({"it": {**of_one, "wait_seconds": 3}})
    here.see("pack", 1_000, unit="U", item="X", is_last=True)
    expire(here, LATER)
    assert [at for _, _, at in here.facts()] == [1_000]
