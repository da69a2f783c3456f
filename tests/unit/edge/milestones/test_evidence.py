"""What is concluded waits for what it rests on, by how late that was told, and for nothing else."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from edge.milestones.evidence import MAX_LAG, evidence, lag_of, last_signal, signals_of

WAITS: dict[str, Any] = {"about": "unit", "within_seconds": 6, "wait_seconds": 2}
SEEN, WEIGHED, SENT = {"kind": "seen"}, {"kind": "weighed"}, {"kind": "sent"}
JOIN = {**WAITS, "operator": "join", "milestone": "packed", "of": [SEEN], "optional": [WEIGHED]}
ABSENCE = {**WAITS, "operator": "absence", "milestone": "lost", "after": SEEN, "expect": SENT}
HELD = {
    "operator": "transition",
    "milestone": "stored",
    "about": "unit",
    "of": SEEN,
    "level": "state",
    "level_of": ["unit"],
    "to": ["stored"],
    "for_seconds": 6,
    "wait_seconds": 2,
    "recurs": True,
}
EACH = {
    **WAITS,
    "operator": "gather",
    "milestone": "loaded",
    "of": SEEN,
    "distinct": "item",
    "each": "item",
    "closed_by": {"kind": "closed"},
}
STORED: Mapping[str, Any] = {"state": "stored", "item": "I1"}
LONG_AGO, NOW = 1_000, 100_000


def test_evidence_is_no_later_than_a_minute_and_never_early() -> None:
    told = [evidence(-5, [1]), evidence(7, [9, 3]), evidence(10**9, [4])]
    assert [lag_of([each]) for each in told] == [0, 7, MAX_LAG]
    assert lag_of(told) == MAX_LAG
    assert lag_of([]) == 0
    assert [last_signal(each) for each in told] == [1, 3, 4]
    assert signals_of([*told, evidence(0, [3, 1])]) == (1, 3, 4, 9)


@pytest.mark.parametrize(
    ("rule", "stale", "then"),
    [
        (JOIN, "weighed", [("seen", 0)]),
        (ABSENCE, "sent", [("seen", 0)]),
        (HELD, "seen", [("seen", 0)]),
        (EACH, "seen", [("seen", 0), ("closed", 6_000)]),
    ],
    ids=["join", "absence", "transition", "gather"],
)
@pytest.mark.parametrize("is_told_first", [False, True])
def test_what_is_told_again_long_after_puts_off_nothing_that_does_not_rest_on_it(
    site: Callable[..., Any],
    rule: Mapping[str, Any],
    stale: str,
    then: list[tuple[str, int]],
    *,
    is_told_first: bool,
) -> None:
    here = site({"it": rule})
    here.see(stale, LONG_AGO, unit="U1", state="moved", item="I0")
    here.hear_until(NOW - 1)
    again = {"unit": "U1", "state": "moved", "item": "I0"}
    if is_told_first:
        here.see(stale, LONG_AGO, lag=NOW - LONG_AGO, **again)
    for kind, after in then:
        here.see(kind, NOW + after, unit="U1", **STORED)
    if not is_told_first:
        here.see(stale, LONG_AGO, lag=NOW - LONG_AGO, **again)
    known = len(here.milestones)
    here.hear_until(NOW + 7_999)
    assert len(here.milestones) == known
    here.hear_until(NOW + 8_000)
    assert len(here.milestones) == known + 1


def test_what_listens_to_a_milestone_waits_as_long_as_its_evidence_was_late(
    site: Callable[..., Any],
) -> None:
    here = site(
        {
            "packed": {"operator": "one", "milestone": "packed", "about": "unit", "of": SEEN},
            "lost": {**ABSENCE, "after": {"milestone": "packed"}},
        }
    )
    here.see("seen", NOW, lag=5_000, unit="U1")
    here.hear_until(NOW + 12_999)
    assert [name for name, _, _ in here.told] == ["packed"]
    here.hear_until(NOW + 13_000)
    assert [name for name, _, _ in here.told] == ["packed", "lost"]
