"""Whose deadlines wait for which sources."""

from typing import Any

from pydantic import TypeAdapter

from edge.milestones.model import Name
from edge.milestones.owners import Owners
from edge.milestones.rules import Lifecycle, Rule

RULES: TypeAdapter[dict[str, Rule]] = TypeAdapter(dict[str, Rule])


def one(concludes: str, **settings: Any) -> dict[str, Any]:
    of = {"kind": concludes}
    return {"operator": "one", "milestone": concludes, "about": "unit", "of": of, **settings}


def test_a_lifecycle_waits_for_the_sources_of_its_own_stages_and_of_what_is_inside_alone() -> None:
    packed = {
        "operator": "gather",
        "of": {"kind": "packed"},
        "milestone": "packed",
        "about": "unit",
        "distinct": "child",
        "children": "child",
        "children_are": "units",
        "until": "count",
        "within_seconds": 60,
    }
    rules = RULES.validate_python(
        {
            "packed": packed,
            "received": one("received"),
            "loaded": one("loaded", for_content=True),
        }
    )
    sources = {kind: frozenset({kind}) for kind in rules}
    lifecycles = {
        "inbound": Lifecycle(stages=(Name.RECEIVED,)),
        "outbound": Lifecycle(stages=(Name.LOADED,)),
    }
    owners = Owners(rules, lifecycles, sources, (), ())
    assert owners.sources["inbound"] == {"received"}
    assert owners.sources["outbound"] == {"loaded", "packed"}
