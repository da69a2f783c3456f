"""Which signals a track may yet lead to a milestone: pruning keeps those."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.milestones.model import TrackId

SCAN = {"kind": "scan"}
CLOSED = {"kind": "closed"}
UNIT: dict[str, Any] = {"milestone": "packed", "about": "unit"}
RULES: dict[str, dict[str, Any]] = {
    "one": {**UNIT, "operator": "one", "of": SCAN},
    "transition": {
        **UNIT,
        "operator": "transition",
        "of": SCAN,
        "level": "item",
        "level_of": ["unit"],
        "to": ["a"],
    },
    "join": {**UNIT, "operator": "join", "of": [SCAN, CLOSED], "within_seconds": 9},
    "absence": {
        **UNIT,
        "operator": "absence",
        "after": SCAN,
        "expect": {"kind": "seen"},
        "within_seconds": 9,
    },
    "gather": {
        **UNIT,
        "operator": "gather",
        "of": SCAN,
        "distinct": "item",
        "closed_by": CLOSED,
        "total": "count",
        "within_seconds": 9,
    },
    "each": {
        **UNIT,
        "operator": "gather",
        "of": SCAN,
        "distinct": "item",
        "each": "item",
        "closed_by": CLOSED,
        "total": "count",
        "within_seconds": 9,
    },
    "summarise": {
        "operator": "summarise",
        "about": "unit",
        "of": SCAN,
        "state": "item",
        "every_seconds": 60,
    },
}


def _open(site: Any) -> list[tuple[int, ...]]:
    return [site.engine.open_evidence(track, known.state) for track, known in site.tracks.items()]


@pytest.mark.parametrize(
    ("operator", "signals"),
    [
        ("one", ()),
        ("transition", ()),
        ("join", (1, 2)),
        ("absence", (1, 2)),
        ("gather", (1, 2)),
        ("each", (1, 2)),
        ("summarise", ()),
    ],
)
def test_open_is_what_waits(
    site: Callable[..., Any], operator: str, signals: tuple[int, ...]
) -> None:
    here = site({"it": RULES[operator]})
    for at, item in enumerate("ab"):
        here.see("scan", 1_000 + at, unit="U1", item=item)
    assert {each for found in _open(here) for each in found} == set(signals)


@pytest.mark.parametrize("operator", ["gather", "each"])
def test_a_closing_waits_too_and_nothing_is_open_when_it_is_concluded(
    site: Callable[..., Any], operator: str
) -> None:
    here = site({"it": RULES[operator]})
    here.see("scan", 1_000, unit="U1", item="a")
    here.see("closed", 2_000, unit="U1", count=2)
    assert _open(here) == [(1, 2)]
    here.see("scan", 1_500, unit="U1", item="b")
    assert here.milestones
    assert _open(here) == [()]


def test_of_what_no_rule_knows_nothing_is_open(site: Callable[..., Any]) -> None:
    here = site({"it": RULES["one"]})
    here.see("scan", 1_000, unit="U1")
    (state,) = [known.state for known in here.tracks.values()]
    assert here.engine.open_evidence(TrackId("gone", "unit:U1"), state) == ()
    assert here.engine.open_evidence(TrackId("it", "unit:U1"), {"shape": "join"}) == ()
