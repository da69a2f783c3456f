"""What was in what, when it is told late, again, or at the very end of what is remembered."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.milestones.identity import milestone_id
from edge.milestones.model import Milestone, Name

DAYS = 30 * 86_400_000
"""How long a packing counts."""
PACKED: dict[str, Any] = {
    "operator": "gather",
    "milestone": "packed",
    "about": "unit",
    "of": {"kind": "put"},
    "distinct": "child",
    "children": "child",
    "children_are": "units",
    "until": "count",
    "by": ["event"],
    "within_seconds": 60,
}
TAKEN = {**PACKED, "milestone": "unpacked", "of": {"kind": "take"}}
OPENED = {"operator": "one", "milestone": "unpacked", "about": "unit", "of": {"kind": "open"}}
LOADED = {
    "operator": "one",
    "milestone": "loaded",
    "about": "unit",
    "of": {"kind": "load"},
    "occurrence": ["event"],
    "for_content": True,
}


class Floor:
    """Where units are packed, taken out and loaded; each word is an event of its own."""

    def __init__(self, site: Callable[..., Any]) -> None:
        self.site = site({"packed": PACKED, "taken": TAKEN, "opened": OPENED, "loaded": LOADED})
        self._events = 0

    def put(self, at: int, parent: str, *children: str, kind: str = "put") -> None:
        self._events += 1
        for child in children:
            told = {"child": child, "count": len(children), "event": self._events}
            self.site.see(kind, at, unit=parent, **told)

    def take(self, at: int, parent: str, *children: str) -> None:
        self.put(at, parent, *children, kind="take")

    def open(self, at: int, parent: str) -> None:
        self.site.see("open", at, unit=parent)

    def load(self, at: int, unit: str) -> list[str]:
        """Return the units of which something was told then, those around it first."""
        before = len(self.site.milestones)
        self._events += 1
        self.site.see("load", at, unit=unit, event=self._events)
        return [each.key.removeprefix("unit:") for each in self.site.milestones[before:]]

    def tell(self, milestone: Milestone) -> list[Milestone]:
        """Return what follows from what was concluded elsewhere, without it."""
        decision = self.site.engine.tell([milestone], self.site.tracks)
        self.site.tracks.commit(decision)
        found: list[Milestone] = decision.milestones[1:]
        return found

    def of_content(self) -> list[Milestone]:
        """Return what has been told of units as they were inside others."""
        return [each for each in self.site.milestones if each.told_through]

    def told_of(self, unit: str) -> list[Milestone]:
        return [each for each in self.site.milestones if each.key == f"unit:{unit}"]


FACT = Milestone("a" * 32, Name.LOADED, "loaded", "unit:P1", 5_000, {"unit": "P1"}, (90, 91, 92))
FALSE = Milestone(
    "b" * 32, Name.LOADED, "loaded", "unit:P1", 5_000, {}, (90, 91, 92, 93, 94), retracts=FACT.id
)


@pytest.fixture
def floor(site: Callable[..., Any]) -> Floor:
    return Floor(site)


def test_a_fact_and_its_retraction_have_the_same_ids_after_every_upgrade(floor: Floor) -> None:
    floor.put(500, "P1", "C1")
    (told,) = floor.tell(FACT)
    (undone,) = floor.tell(FALSE)
    who = (5_000, "dc-north", "loaded", "loaded", "unit:C1")
    assert told.id == milestone_id(*who, occurrence=[FACT.id, "500"])
    assert undone.id == milestone_id(*who, occurrence=[told.id], retraction=True)
    assert (undone.retracts, undone.mark) == (told.id, "late")


def test_what_is_told_of_content_rests_on_what_completed_the_fact_and_refuted_it(
    floor: Floor,
) -> None:
    floor.put(500, "P1", "C1")
    (told,) = floor.tell(FACT)
    (undone,) = floor.tell(FALSE)
    assert told.evidence == (1, 92)
    assert undone.evidence == (1, 92, 94)


def test_what_was_retracted_is_not_told_of_what_is_found_to_have_been_inside(floor: Floor) -> None:
    other = Milestone("c" * 32, Name.LOADED, "loaded", "unit:P1", 6_000, {}, (95,))
    floor.tell(FACT)
    floor.tell(FALSE)  # nothing else is known of the unit
    floor.tell(FACT)
    floor.tell(other)
    floor.tell(FALSE)
    floor.put(500, "P1", "C1")
    assert [each.occurred_at for each in floor.told_of("C1")] == [6_000]


def test_a_fact_is_told_and_retracted_as_deep_whether_it_is_told_first_or_last(
    site: Callable[..., Any],
) -> None:
    ids: list[set[str]] = []
    for first in (False, True):
        floor = Floor(site)
        if first:
            floor.tell(FACT)
        for level in range(10):
            floor.put(1_000, f"U{level + 1}", f"U{level}")
        floor.put(1_000, "P1", "U10")
        told = floor.of_content() if first else floor.tell(FACT)
        assert {each.key for each in told} == {f"unit:U{level}" for level in range(1, 11)}
        assert {each.retracts for each in floor.tell(FALSE)} == {each.id for each in told}
        ids.append({each.id for each in told})
    assert ids[0] == ids[1]


def test_what_is_said_of_a_unit_that_is_in_another_is_told_of_what_is_found_in_it(
    floor: Floor,
) -> None:
    floor.put(100, "T1", "P1")
    floor.tell(FACT)
    floor.put(500, "P1", "C1")
    (told,) = floor.of_content()
    assert told.told_through == FACT.id
    assert told.attributes == {"unit": "C1", "parent": "P1"}


def test_what_is_found_to_have_been_put_back_is_told_of_again_as_another_fact(floor: Floor) -> None:
    floor.put(1_000, "P1", "C1")
    floor.load(7_000, "P1")
    floor.open(3_000, "P1")
    floor.put(5_000, "P1", "C1")
    told, undone, again = floor.told_of("C1")
    assert (undone.retracts, again.retracts) == (told.id, None)
    assert len({told.id, undone.id, again.id}) == 3


@pytest.mark.parametrize("is_taken_first", [True, False])
def test_at_one_moment_a_unit_is_taken_out_before_it_is_put_elsewhere(
    floor: Floor, *, is_taken_first: bool
) -> None:
    floor.put(1_000, "P1", "C1")
    if is_taken_first:
        floor.take(2_000, "P1", "C1")
    floor.put(2_000, "P2", "C1")
    if not is_taken_first:
        floor.take(2_000, "P1", "C1")
    assert floor.load(3_000, "P2") == ["P2", "C1"]


def test_what_is_taken_out_of_where_it_is_not_stays_where_it_is(floor: Floor) -> None:
    floor.put(1_000, "P1", "C1")
    floor.put(2_000, "P2", "C1")
    floor.take(3_000, "P1", "C1")
    assert floor.load(4_000, "P2") == ["P2", "C1"]


def test_one_that_cannot_be_inside_keeps_none_of_the_others_out(floor: Floor) -> None:
    floor.put(1_000, "P1", "A1", "P1", "Z1")
    assert floor.load(2_000, "P1") == ["P1", "A1", "Z1"]


def test_no_unit_comes_to_be_in_itself_by_any_of_the_ways_on_which_the_other_goes(
    floor: Floor,
) -> None:
    floor.put(1_000, "A", "B")
    floor.put(5_000, "C", "B")
    floor.put(2_000, "B", "A")
    assert floor.site.reasons == [
        "rule packed: unit:A cannot be packed into unit:B, which is in it"
    ]


def test_a_parent_is_told_as_it_is_called_whatever_is_in_its_name(floor: Floor) -> None:
    floor.put(1_000, "urn:epc:id:sscc:1", "C1")
    floor.load(2_000, "urn:epc:id:sscc:1")
    assert floor.told_of("C1")[0].attributes["parent"] == "urn:epc:id:sscc:1"


def test_what_loads_units_brings_them_what_was_said_of_where_they_are(
    site: Callable[..., Any],
) -> None:
    departed = {**LOADED, "milestone": "departed", "of": {"kind": "depart"}}
    here = site({"loaded": {**PACKED, "milestone": "loaded", "for_content": True}, "d": departed})
    here.see("depart", 3_000, unit="T1", event=1)
    here.see("put", 1_000, unit="T1", child="C1", count=1, event=2)
    assert sorted(name for name, key, _ in here.told if key == "unit:C1") == ["departed", "loaded"]


def test_a_packing_counts_to_its_last_millisecond_though_another_one_comes_then(
    floor: Floor,
) -> None:
    floor.load(1_000, "P1")
    floor.put(1_000, "P1", "C1", "C2")
    assert len(floor.told_of("C1")) == 1
    floor.put(1_000 + DAYS, "P1", "C3")
    assert floor.load(1_000 + DAYS, "P1") == ["P1", "C1", "C2", "C3"]
    # What was said at first is known yet, and where a unit was that is elsewhere since.
    floor.put(500, "P1", "C4")
    assert len(floor.told_of("C4")) == 1
    floor.put(1_000 + DAYS, "P2", "C2")
    assert floor.load(2_000, "P1") == ["P1", "C1", "C2"]


def test_a_packing_that_is_told_late_does_not_make_a_later_one_count_for_less_long(
    floor: Floor,
) -> None:
    floor.put(5_000, "P1", "C1")
    floor.put(1_000, "P1", "C1")
    floor.put(2_000 + DAYS, "P1", "C2")
    assert floor.load(2_000 + DAYS, "P1") == ["P1", "C1", "C2"]


def test_of_what_was_taken_out_longer_ago_than_is_remembered_nothing_is_retracted(
    floor: Floor,
) -> None:
    floor.put(1_000, "P1", "C1")
    floor.open(1_500, "P1")
    floor.load(1_000 + DAYS, "P1")
    floor.load(2_000 + DAYS, "P1")
    floor.put(5_000, "P2", "C1")
    assert floor.told_of("C1") == []
