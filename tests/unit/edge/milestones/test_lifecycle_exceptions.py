"""What a lifecycle tells by itself: illegal, unknown."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from edge.milestones import epcis
from edge.milestones.fields import blocked
from edge.milestones.model import Mark, Severity
from edge.milestones.rules import Lifecycle
from edge.milestones.site import Site

STAGES = ["received", "stored", "picked"]
LATER = 1_000_000


def one(name: str) -> dict[str, Any]:
    return {
        "operator": "one",
        "milestone": name,
        "about": "unit",
        "of": {"kind": name},
        "occurrence": ["again"],
    }


LOST = {
    "operator": "absence",
    "milestone": "lost",
    "about": "unit",
    "after": {"kind": "infeed"},
    "expect": {"kind": "divert"},
    "within_seconds": 6,
    "wait_seconds": 2,
}
LIFECYCLE = {
    "stages": STAGES,
    "ends": ["lost"],
    "carry": ["order"],
    "wait_seconds": 5,
    "exceptions": ["illegal", "unknown"],
}


@pytest.fixture
def here(site: Callable[..., Any]) -> Any:
    return site({**{name: one(name) for name in STAGES}, "lost": LOST}, {"inbound": LIFECYCLE})


def told_of(here: Any, name: str) -> list[Any]:
    return [each for each in here.milestones if each.name == name]


def test_a_stage_that_is_told_again_is_illegal_and_says_what_was_there(here: Any) -> None:
    here.see("received", 1_000, unit="U1", order="SO-1")
    here.see("received", 2_000, unit="U1", order="SO-2", again="yes")
    received, illegal = here.milestones
    assert here.told[1] == ("illegal", "unit:U1", 2_000)
    assert illegal.attributes == {
        "unit": "U1",
        "order": "SO-2",
        "again": "yes",
        "stage": "received",
        "already": received.id,
    }
    assert (illegal.rule, illegal.evidence, illegal.mark) == ("inbound", (2,), Mark.IN_ORDER)
    assert (illegal.severity, blocked(illegal)) == (Severity.WARNING, "unit:U1")
    assert here.reasons == []
    # What is right about the unit goes on.
    here.see("stored", 3_000, unit="U1")
    assert here.milestones[-1].attributes["order"] == "SO-1"


def test_each_that_is_illegal_is_told_once(here: Any) -> None:
    for again in (None, "a", "b", "a", "b", None):
        here.see("received", 1_000, unit="U1", again=again)
    assert [name for name, _, _ in here.told] == ["received", "illegal", "illegal"]
    assert len({each.id for each in here.milestones}) == 3


def test_without_being_asked_what_is_illegal_goes_to_quarantine(site: Callable[..., Any]) -> None:
    here = site(
        {"received": one("received"), "stored": one("stored")},
        {"inbound": {"stages": ["received", "stored"]}},
    )
    here.see("received", 1_000, unit="U1")
    here.see("received", 2_000, unit="U1", again="yes")
    here.see("stored", 1_000, unit="U2")
    here.hear_until(LATER)
    assert [name for name, _, _ in here.told] == ["received", "stored"]
    (reason,) = here.reasons
    assert reason.startswith("illegal: unit:U1 cannot be received again")


def lose(here: Any, at: int) -> None:
    """Let the unit be lost at a time."""
    here.see("infeed", at - 6_000, unit="U1")
    here.hear_until(at + 2_000)


def test_what_is_illegal_is_retracted_with_what_it_rested_on(here: Any) -> None:
    here.see("received", 1_000, unit="U1")
    lose(here, 10_000)
    lose(here, 20_000)
    assert [name for name, _, _ in here.told] == ["received", "lost", "illegal"]
    (original,) = told_of(here, "illegal")
    here.see("divert", 15_000, unit="U1")
    retraction = here.milestones[-1]
    assert here.told[3:] == [("-illegal", "unit:U1", 20_000)]
    assert retraction.retracts == original.id != retraction.id
    assert retraction.attributes == original.attributes
    assert retraction.severity is original.severity


def lost_twice(here: Any) -> None:
    """Tell of a unit that it is lost at 8 s, and at 26 s, which cannot be."""
    here.see("received", 1_000, unit="U1")
    here.see("infeed", 2_000, unit="U1")
    here.listen_until(15_000)
    here.see("infeed", 20_000, unit="U1")
    here.listen_until(40_000)


def test_what_was_illegal_is_told_when_what_stood_in_its_way_is_retracted(here: Any) -> None:
    lost_twice(here)
    here.see("divert", 5_000, unit="U1")
    assert here.told == [
        ("received", "unit:U1", 1_000),
        ("lost", "unit:U1", 8_000),
        ("illegal", "unit:U1", 26_000),
        ("-lost", "unit:U1", 8_000),
        ("-illegal", "unit:U1", 26_000),
        ("lost", "unit:U1", 26_000),
    ]
    assert here.milestones[4].retracts == here.milestones[2].id
    assert here.milestones[4].evidence == (2, 3, 4)


def test_what_was_illegal_and_has_been_retracted_is_not_told(here: Any) -> None:
    lost_twice(here)
    here.see("divert", 21_000, unit="U1")
    here.see("divert", 5_000, unit="U1")
    assert here.told[3:] == [
        ("-illegal", "unit:U1", 26_000),
        ("-lost", "unit:U1", 8_000),
    ]


def test_of_what_was_illegal_the_earliest_takes_the_place_and_the_others_wait_for_it(
    here: Any,
) -> None:
    lost_twice(here)
    here.see("infeed", 50_000, unit="U1")
    here.listen_until(70_000)
    here.see("divert", 5_000, unit="U1")
    assert here.told[-1] == ("lost", "unit:U1", 26_000)
    here.see("divert", 21_000, unit="U1")
    assert here.told[-3:] == [
        ("-lost", "unit:U1", 26_000),
        ("-illegal", "unit:U1", 56_000),
        ("lost", "unit:U1", 56_000),
    ]


def test_a_unit_that_was_never_received_is_unknown(here: Any) -> None:
    here.see("stored", 3_000, unit="U1", read_point="shelf")
    here.hear_until(7_999)
    assert here.told == []
    here.hear_until(8_000)
    stored, unknown = here.milestones
    assert here.told == [("stored", "unit:U1", 3_000), ("unknown", "unit:U1", 3_000)]
    assert stored.mark is Mark.OUT_OF_ORDER
    assert unknown.attributes == {"unit": "U1", "read_point": "shelf", "stage": "stored"}
    assert (unknown.rule, unknown.evidence, unknown.mark) == ("inbound", (1,), Mark.IN_ORDER)
    assert unknown.severity is Severity.WARNING
    # Once.
    here.see("picked", 20_000, unit="U1")
    here.hear_until(LATER)
    assert len(told_of(here, "unknown")) == 1


def test_a_unit_that_misses_a_stage_in_between_is_known(here: Any) -> None:
    here.see("received", 1_000, unit="U1")
    here.see("picked", 3_000, unit="U1")
    here.hear_until(LATER)
    assert here.milestones[-1].mark is Mark.OUT_OF_ORDER
    assert told_of(here, "unknown") == []


def test_of_what_waits_the_earliest_stage_says_that_a_unit_is_unknown(here: Any) -> None:
    here.see("picked", 4_000, unit="U1")
    here.see("stored", 3_000, unit="U1")
    here.hear_until(LATER)
    assert [name for name, _, _ in here.told] == ["stored", "unknown", "picked"]


def test_an_end_of_what_was_never_received_makes_it_unknown_too(here: Any) -> None:
    lose(here, 10_000)
    here.hear_until(LATER)
    assert [name for name, _, _ in here.told] == ["lost", "unknown"]
    here.see("stored", 2_000_000, unit="U1")
    here.hear_until(3_000_000)
    assert [name for name, _, _ in here.told] == ["lost", "unknown", "stored"]


@pytest.mark.parametrize("received", [1_000, 3_000])
def test_what_had_been_received_by_then_was_not_unknown(here: Any, received: int) -> None:
    here.see("stored", 3_000, unit="U1")
    here.hear_until(8_000)
    (unknown,) = told_of(here, "unknown")
    here.see("received", received, unit="U1")
    assert here.told[2:] == [("received", "unit:U1", received), ("-unknown", "unit:U1", 3_000)]
    retraction = here.milestones[-1]
    assert retraction.retracts == unknown.id != retraction.id
    assert retraction.attributes == unknown.attributes
    assert (retraction.evidence, retraction.mark) == ((1, 2), Mark.LATE)
    here.hear_until(LATER)
    assert len(here.milestones) == 4


def test_what_is_received_only_afterwards_was_unknown(here: Any) -> None:
    here.see("stored", 3_000, unit="U1")
    here.hear_until(8_000)
    here.see("received", 9_000, unit="U1")
    assert [name for name, _, _ in here.told] == ["stored", "unknown", "received"]


def test_they_can_be_told(here: Any) -> None:
    here.see("received", 1_000, unit="U1")
    here.see("received", 2_000, unit="U1", again="yes")
    here.see("stored", 1_000, unit="U2")
    here.hear_until(LATER)
    for name in ("illegal", "unknown"):
        (milestone,) = told_of(here, name)
        event = orjson.loads(epcis.encode(milestone, Site("https://dc.example")))
        assert event["milepost:milestone"] == name
        assert event["milepost:stage"] == milestone.attributes["stage"]


def test_a_lifecycle_that_cannot_tell_an_exception_is_refused() -> None:
    with pytest.raises(ValidationError, match="a lifecycle tells illegal and unknown"):
        Lifecycle.model_validate({**LIFECYCLE, "exceptions": ["lost"]})
    with pytest.raises(ValidationError, match="'unknown' is named twice"):
        Lifecycle.model_validate({**LIFECYCLE, "ends": ["unknown"]})


def test_what_is_illegal_stays_told_when_its_rule_has_forgotten_it(
    site: Callable[..., Any],
) -> None:
    forgetful = {**one("received"), "remember_days": 0.0001}
    here = site(
        {"received": forgetful}, {"inbound": {**LIFECYCLE, "stages": ["received"], "ends": []}}
    )
    for _ in range(2):
        here.see("received", 1_000, unit="U1")
        here.see("received", 2_000, unit="U1", again="yes")
        here.hear_until(20_000)
        assert here.told == [("received", "unit:U1", 1_000), ("illegal", "unit:U1", 2_000)]
