"""What is picked beyond what is requested: in the order in which it happened, each once."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.milestones.identity import milestone_id
from edge.milestones.model import Mark, Name

PICKED = {
    "operator": "gather",
    "milestone": "picked",
    "over": "over_picked",
    "about": "order",
    "by": ["line"],
    "of": {"kind": "pick"},
    "distinct": "pick",
    "quantity": "pieces",
    "until": "wanted",
    "closed_by": {"kind": "line-closed"},
    "within_seconds": 600,
    "wait_seconds": 5,
}
LINE = {"order": "SO-1", "line": 1}
LATER = 1_000_000


@pytest.fixture
def picking(site: Callable[..., Any]) -> Any:
    return site({"picked": PICKED})


def pick(here: Any, at: int, number: str, pieces: float, **more: Any) -> Any:
    return here.see("pick", at, **{**LINE, "pick": number, "wanted": 3, "pieces": pieces, **more})


def hear_until(here: Any, horizon: int) -> None:
    """Judge deadlines as long as there are any: a conclusion may set the next one."""
    while any(known.due_at <= horizon for known in here.tracks.values()):
        here.hear_until(horizon)


def told(here: Any) -> list[tuple[Name, int, float]]:
    return [(each.name, each.occurred_at, each.attributes["quantity"]) for each in here.milestones]


@pytest.fixture
def complete(picking: Any) -> Any:
    """A line that was picked as requested at 10 s."""
    pick(picking, 10_000, "P1", 3)
    hear_until(picking, 15_000)
    return picking


def test_the_last_by_time_takes_it_beyond_whatever_its_name(picking: Any) -> None:
    pick(picking, 1_000, "P9", 2)
    pick(picking, 2_000, "P1", 2)
    hear_until(picking, LATER)
    picked, over = picking.milestones
    assert (picked.occurred_at, over.occurred_at) == (2_000, 2_000)
    assert over.attributes == {**LINE, "pick": "P1", "quantity": 4, "requested": 3}
    assert over.id == milestone_id(
        2_000, "dc-north", "picked", Name.OVER_PICKED, "order:SO-1", occurrence=["1", "P1"]
    )


def test_the_first_by_time_complete_it_whatever_their_names(picking: Any) -> None:
    for at, number in ((1_000, "P3"), (2_000, "P2"), (3_000, "P1")):
        pick(picking, at, number, 2)
    hear_until(picking, LATER)
    assert told(picking) == [
        ("picked", 2_000, 4),
        ("over_picked", 2_000, 4),
        ("over_picked", 3_000, 6),
    ]


def test_what_is_missing_by_a_clock_that_is_ahead_completes_it_and_no_more(
    site: Callable[..., Any],
) -> None:
    here = site({"picked": {**PICKED, "total": "total"}})
    pick(here, 1_000, "P1", 1)
    here.see("line-closed", 2_000, **LINE, wanted=3, total=3)
    pick(here, 2_500, "P2", 2)
    pick(here, 3_000, "P3", 1)
    hear_until(here, LATER)
    assert told(here) == [("picked", 2_500, 3), ("over_picked", 3_000, 4)]


def test_requested_is_the_most_that_those_say_who_complete_it(picking: Any) -> None:
    pick(picking, 1_000, "P1", 1, wanted=3)
    pick(picking, 2_000, "P2", 1, wanted=2)
    pick(picking, 3_000, "P3", 1, wanted=2)
    hear_until(picking, LATER)
    assert told(picking) == [("picked", 3_000, 3)]
    assert picking.milestones[0].attributes["requested"] == 3


def test_what_was_too_much_is_told_once_however_often_it_is_read(complete: Any) -> None:
    pick(complete, 11_000, "P2", 1)
    assert pick(complete, 11_000, "P2", 1).tracks == {}
    hear_until(complete, LATER)
    pick(complete, 11_000, "P2", 1)
    hear_until(complete, LATER)
    assert told(complete) == [("picked", 10_000, 3), ("over_picked", 11_000, 4)]


def test_what_was_too_much_before_what_has_been_told_is_late(complete: Any) -> None:
    pick(complete, 10_000, "P2", 1)
    pick(complete, 14_000, "P3", 1)
    hear_until(complete, 30_000)
    pick(complete, 12_000, "P4", 1)
    hear_until(complete, LATER)
    assert [(each.occurred_at, each.mark) for each in complete.milestones[1:]] == [
        (10_000, Mark.IN_ORDER),
        (14_000, Mark.IN_ORDER),
        (12_000, Mark.LATE),
    ]


def test_what_still_waits_holds_up_what_happened_later(complete: Any) -> None:
    pick(complete, 15_500, "P2", 1)
    # It was told so late that others before it may still come.
    pick(complete, 16_000, "P9", 1, lag=9_000)
    pick(complete, 17_000, "P3", 1)
    complete.hear_until(29_999)
    assert told(complete)[1:] == [("over_picked", 15_500, 4)]
    assert [known.due_at for known in complete.tracks.values()] == [30_000]
    complete.hear_until(30_000)
    assert told(complete)[2:] == [("over_picked", 16_000, 5), ("over_picked", 17_000, 6)]


def test_what_waits_to_be_too_much_is_evidence_that_is_needed(complete: Any) -> None:
    pick(complete, 11_000, "P2", 1)
    ((track, known),) = complete.tracks.items()
    assert list(complete.engine.open_evidence(track, known.state)) == [2]


def test_a_closing_that_says_nothing_of_the_quantity_is_not_waited_for(picking: Any) -> None:
    pick(picking, 1_000, "P1", 3)
    picking.see("line-closed", 4_000, **LINE)
    hear_until(picking, 6_000)
    assert told(picking) == [("picked", 1_000, 3)]


def test_a_closing_that_was_told_late_is_waited_for_as_much_longer(picking: Any) -> None:
    pick(picking, 1_000, "P1", 3, wanted=None)
    picking.see("line-closed", 4_000, lag=3_000, **LINE, wanted=3)
    hear_until(picking, 11_999)
    assert picking.told == []
    hear_until(picking, 12_000)
    assert told(picking) == [("picked", 1_000, 3)]


def test_what_the_rule_no_longer_asks_for_is_objected_to_by_its_key(
    site: Callable[..., Any], complete: Any
) -> None:
    pick(complete, 11_000, "P2", 1)
    without = site({"picked": {key: each for key, each in PICKED.items() if key != "over"}})
    without.tracks = complete.tracks
    hear_until(without, LATER)
    assert without.reasons == ["rule picked: order:SO-1: pick 'P2' came after it was picked with 3"]
