from collections.abc import Callable
from typing import Any

import pytest

STORED = {
    "operator": "transition",
    "milestone": "stored",
    "about": "unit",
    "of": {"kind": "task", "where": {"type": "drop"}},
    "level": "status",
    "level_of": ["device", "action"],
    "to": ["FINISHED"],
}


@pytest.fixture
def here(site: Callable[..., Any]) -> Any:
    return site({"stored": STORED})


def see(here: Any, at: int, status: str | None, **changed: str | None) -> Any:
    fields = {"type": "drop", "device": "amr-1", "action": "a1", "unit": "U1", "order": "T1"}
    return here.see("task", at, **{**fields, "status": status, **changed})


def test_reaching_the_value_is_a_fact(here: Any) -> None:
    see(here, 1, "WAITING")
    see(here, 2, "RUNNING")
    assert here.told == []
    see(here, 3, "FINISHED")
    (milestone,) = here.milestones
    assert (milestone.name, milestone.key, milestone.occurred_at) == ("stored", "unit:U1", 3)
    assert milestone.attributes["device"] == "amr-1"


def test_the_value_as_the_first_thing_ever_seen_is_a_fact(here: Any) -> None:
    see(here, 3, "FINISHED")
    assert here.told == [("stored", "unit:U1", 3)]


@pytest.mark.parametrize("status", ["RUNNING", "FINISHED"])
def test_a_repeated_state_writes_nothing(here: Any, status: str) -> None:
    see(here, 3, status)
    decision = see(here, 4, status)
    assert (decision.tracks, decision.milestones, decision.mentions) == ({}, [], set())


def test_a_level_is_remembered_as_long_as_it_is_repeated(site: Callable[..., Any]) -> None:
    here = site({"stored": {**STORED, "remember_days": 1}})
    hour = 3_600_000
    for hours in range(60):
        see(here, hours * hour, "FINISHED")
        here.hear_until(hours * hour)
    assert here.told == [("stored", "unit:U1", 0)]
    here.hear_until(84 * hour)
    assert here.tracks == {}


def test_each_change_of_the_level_is_mentioned(here: Any) -> None:
    for at, status in enumerate(["WAITING", "WAITING", "RUNNING", "RUNNING", "FINISHED"], 1):
        see(here, at, status)
    assert {signal for _, signal in here.mentions} == {1, 3, 5}


def test_an_older_state_does_not_set_the_level_back(here: Any) -> None:
    see(here, 3, "FINISHED")
    assert see(here, 2, "RUNNING").tracks == {}
    see(here, 4, "FINISHED")
    assert here.told == [("stored", "unit:U1", 3)]


def test_a_value_that_was_reached_is_a_fact_although_it_is_told_late(here: Any) -> None:
    see(here, 5, "ARCHIVED")
    see(here, 3, "FINISHED")
    assert here.told == [("stored", "unit:U1", 3)]
    assert see(here, 6, "ARCHIVED").tracks == {}


def test_a_level_makes_one_fact_however_often_it_returns(here: Any) -> None:
    for at, status in enumerate(["FINISHED", "RUNNING", "FINISHED"], 1):
        see(here, at, status)
    assert here.told == [("stored", "unit:U1", 1)]


def test_every_level_is_judged_by_itself(here: Any) -> None:
    see(here, 1, "FINISHED", action="a1", unit="U1")
    see(here, 1, "FINISHED", action="a2", unit="U2")
    see(here, 1, "FINISHED", device="amr-2", unit="U3")
    assert [key for _, key, _ in here.told] == ["unit:U1", "unit:U2", "unit:U3"]


def test_a_fact_without_a_unit_is_objected_to_once(here: Any) -> None:
    see(here, 1, "RUNNING", unit=None)
    assert here.reasons == []
    see(here, 2, "FINISHED", unit=None)
    see(here, 3, "FINISHED", unit=None)
    assert here.reasons == ["rule stored: field 'unit' of 'task' is missing"]
    see(here, 4, "FINISHED")
    assert here.told == [("stored", "unit:U1", 4)]


@pytest.mark.parametrize("field", ["status", "device", "action"])
def test_a_level_that_cannot_be_told_apart_is_objected_to(here: Any, field: str) -> None:
    fields = {"type": "drop", "status": "FINISHED", "device": "amr-1", "action": "a1", "unit": "U1"}
    here.see("task", 1, **{**fields, field: None})
    assert here.reasons == [f"rule stored: field {field!r} of 'task' is missing"]


def test_a_level_is_forgotten_after_its_time(here: Any) -> None:
    see(here, 1_000, "RUNNING")
    here.hear_until(1_000 + 30 * 86_400_000 - 1)
    assert here.tracks
    here.hear_until(1_000 + 30 * 86_400_000)
    assert here.tracks == {}


def test_of_two_values_of_one_moment_the_one_that_is_told_last_is_the_level(here: Any) -> None:
    see(here, 1, "WAITING")
    see(here, 1, "RUNNING")
    assert see(here, 2, "RUNNING").tracks == {}
