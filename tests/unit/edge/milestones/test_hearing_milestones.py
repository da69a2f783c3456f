"""What is known of a milestone that other rules listen to."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter

from edge.milestones.fitting import unknown_fields
from edge.milestones.model import Milestone, Name
from edge.milestones.rules import Rule

RULES: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Rule])
FIELDS = {"scan": frozenset({"unit", "item"}), "drop": frozenset({"unit", "place"})}


def one(concludes: str, **of: Any) -> dict[str, Any]:
    return {"operator": "one", "milestone": concludes, "about": "unit", "of": of}


UNCLEAR = one("stored", kind="not-decoded")
DROPPED = one("stored", kind="drop")


@pytest.mark.parametrize(
    "rules",
    [
        {"a": UNCLEAR, "b": DROPPED, "c": one("packed", milestone="stored", where={"item": 1})},
        {  # by way of another rule
            "a": UNCLEAR,
            "b": DROPPED,
            "c": one("packed", milestone="stored"),
            "d": one("loaded", milestone="packed", where={"item": 1}),
        },
        {  # which rests on the one of these that is unclear
            "a": UNCLEAR,
            "b": DROPPED,
            "c": one("packed", milestone="stored", rule="a"),
            "d": one("packed", kind="drop"),
            "e": one("loaded", milestone="packed", where={"item": 1}),
        },
        {  # beside others of which nothing is known
            "a": UNCLEAR,
            "b": DROPPED,
            "c": one("packed", milestone="stored", where={"item": 1}),
            "d": one("loaded", kind="not-decoded-either"),
        },
    ],
)
def test_no_field_is_said_to_be_missing_where_anything_unknown_may_have_it(
    rules: Mapping[str, Any],
) -> None:
    assert list(unknown_fields(RULES.validate_python(rules), {}, FIELDS)) == []


def test_a_milestone_is_heard_of_by_its_key_also_if_that_is_a_uri(
    site: Callable[..., Any],
) -> None:
    here = site(
        {"received": one("received", kind="scan"), "stored": one("stored", milestone="received")}
    )
    key = "unit:urn:epc:id:sscc:340.17"
    elsewhere = Milestone("id", Name.RECEIVED, "received", key, 1_000, {"place": "A7"}, (1,))
    _, stored = here.engine.tell([elsewhere], here.tracks).milestones
    assert (stored.name, stored.key) == ("stored", key)
    assert stored.attributes == {"unit": "urn:epc:id:sscc:340.17", "place": "A7"}
