"""What ids are made of: were it other after an upgrade, a replay would tell its facts once more."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.milestones.fields import joined
from edge.milestones.identity import milestone_id
from edge.milestones.model import TrackId

SCAN = {"kind": "scan"}
CLOSED = {"kind": "closed"}
UNIT: dict[str, Any] = {"milestone": "packed", "about": "unit", "of": SCAN}
LEVEL: dict[str, Any] = {
    **UNIT,
    "operator": "transition",
    "level": "item",
    "level_of": ["device", "lane"],
    "to": ["a"],
}
GATHER: dict[str, Any] = {
    **UNIT,
    "operator": "gather",
    "distinct": "item",
    "by": ["lane"],
    "until": "count",
    "within_seconds": 9,
}
EACH = {"each": "item", "until": None, "closed_by": CLOSED}
SEEN = {"unit": "U1", "item": "a", "device": "D", "lane": 3.0, "count": 1}


@pytest.mark.parametrize(
    ("rule", "fact", "occurrence"),
    [
        ({**UNIT, "operator": "one"}, (1_000, "packed", "unit:U1"), []),
        (
            {**UNIT, "operator": "one", "occurrence": ["lane", "tote"]},
            (1_000, "packed", "unit:U1"),
            ["3", None],
        ),
        (LEVEL, (1_000, "packed", "unit:U1"), ["D", "3"]),
        ({**LEVEL, "for_seconds": 2}, (3_000, "packed", "unit:U1"), ["D", "3"]),
        (
            {**UNIT, "operator": "join", "of": [SCAN, CLOSED], "within_seconds": 9},
            (2_000, "packed", "unit:U1"),
            [],
        ),
        (GATHER, (1_000, "packed", "unit:U1"), ["3"]),
        ({**GATHER, **EACH}, (2_000, "packed", "item:a"), ["unit:U1", "3"]),
        (
            {**UNIT, "operator": "summarise", "state": "item", "every_seconds": 60}
            | {"milestone": "measured"},
            (60_000, "measured", "unit:U1"),
            ["0"],
        ),
    ],
)
def test_the_id_of_a_fact(
    site: Callable[..., Any],
    rule: dict[str, Any],
    fact: tuple[int, str, str],
    occurrence: list[str | None],
) -> None:
    here = site({"it": rule})
    here.see("scan", 1_000, **SEEN)
    here.see("closed", 2_000, **SEEN)
    here.hear_until(100_000)
    assert [each.id for each in here.milestones] == [
        milestone_id(fact[0], "dc-north", "it", *fact[1:], occurrence=occurrence)
    ]


def test_the_id_of_what_is_too_much_names_the_member(site: Callable[..., Any]) -> None:
    here = site({"it": {**GATHER, "over": "over_picked"}})
    for item in "ab":
        here.see("scan", 1_000, **{**SEEN, "item": item})
    here.hear_until(100_000)
    here.hear_until(100_000)
    assert [each.id for each in here.milestones] == [
        milestone_id(1_000, "dc-north", "it", "packed", "unit:U1", occurrence=["3"]),
        milestone_id(1_000, "dc-north", "it", "over_picked", "unit:U1", occurrence=["3", "b"]),
    ]


def test_the_id_of_a_retraction(site: Callable[..., Any]) -> None:
    lost = {"operator": "absence", "milestone": "lost", "about": "unit", "after": SCAN}
    here = site({"it": {**lost, "expect": {"kind": "exit"}, "within_seconds": 9}})
    here.see("scan", 1_000, unit="U1")
    here.hear_until(100_000)
    here.see("exit", 2_000, unit="U1")
    assert [each.id for each in here.milestones] == [
        milestone_id(10_000, "dc-north", "it", "lost", "unit:U1", retraction=retracts)
        for retracts in (False, True)
    ]


def test_the_id_of_a_correction(site: Callable[..., Any]) -> None:
    rule = {"operator": "summarise", "about": "unit", "of": SCAN, "every_seconds": 60}
    here = site({"it": {**rule, "value": "count", "measures": "Count", "uom": "C62"}})
    here.see("scan", 61_000, **SEEN)
    here.hear_until(200_000)
    here.see("scan", 62_000, **SEEN)
    here.hear_until(10_000_000)
    fact = (120_000, "dc-north", "it", "measured", "unit:U1")
    assert [each.id for each in here.milestones] == [
        milestone_id(*fact, occurrence=["60000"]),
        milestone_id(*fact, occurrence=["60000"], retraction=True),
        milestone_id(*fact, occurrence=["60000", "corrected"]),
    ]


@pytest.mark.parametrize("more", [{}, {"for_seconds": 2}])
def test_the_key_of_a_level_s_track(site: Callable[..., Any], more: dict[str, Any]) -> None:
    here = site({"it": {**LEVEL, **more}})
    here.see("scan", 1_000, **SEEN)
    assert list(here.tracks) == [TrackId("it", joined("level", ["D", "3"]))]
    assert joined("level", ["D", "3"]) == 'level ["D","3"]'
