"""A stage that no key reaches is found before anything waits for it."""

from collections.abc import Mapping
from typing import Any

import pytest

from edge.milestones.fitting import apart
from edge.milestones.rules import Lifecycle
from tests.unit.edge.milestones.fitting_rules import ONE, PICKED, RULES, Table

DEPARTED: Mapping[str, Any] = {
    "operator": "gather",
    "milestone": "departed",
    "about": "trailer",
    "of": {"kind": "scan"},
    "distinct": "unit",
    "each": "unit",
    "closed_by": {"kind": "released"},
    "within_seconds": 60,
}
PACKED = {**ONE, "milestone": "packed"}
ON_PALLET = {**ONE, "milestone": "loaded", "about": "pallet", "for_content": True}
STAGES: Table = {
    "picked": PICKED,
    "packed": PACKED,
    "loaded": ON_PALLET,
    "departed": DEPARTED,
    "lost": {**ONE, "milestone": "lost"},
}


def parted(lifecycle: Mapping[str, Any], rules: Table = STAGES) -> list[str]:
    guards = {"outbound": Lifecycle.model_validate(lifecycle)}
    return [str(each) for each in apart(RULES.validate_python(rules), guards)]


@pytest.mark.parametrize(
    ("lifecycle", "words"),
    [
        (
            {"stages": ["picked", "packed", "loaded"], "ends": ["lost"]},
            "picked of order; packed, lost of unit; loaded of pallet or unit",
        ),
        ({"stages": ["packed", "picked"]}, "packed of unit; picked of order"),
        ({"stages": ["packed"], "ends": ["lost", "short"]}, "packed, lost of unit; short of order"),
    ],
)
def test_a_stage_that_no_key_reaches_in_order_is_named(
    lifecycle: Mapping[str, Any], words: str
) -> None:
    (fault,) = parted(lifecycle)
    assert fault == (
        f"lifecycles.outbound: no key reaches all of it in order ({words}); "
        "give each kind of key a lifecycle of its own, or none"
    )


@pytest.mark.parametrize(
    "lifecycle",
    [
        {"stages": ["packed", "loaded", "departed"], "ends": ["lost"]},
        {"stages": ["loaded", "departed"], "ends": ["lost"]},
        {"stages": ["picked"], "ends": ["short"]},
        # What no rule concludes is named by another fault.
        {"stages": ["packed", "received", "departed"], "ends": ["jammed"]},
        {"stages": ["received"], "ends": ["short"]},
    ],
)
def test_stages_that_one_kind_of_key_reaches_fit(lifecycle: Mapping[str, Any]) -> None:
    assert parted(lifecycle) == []


def test_a_stage_is_reached_if_one_of_its_rules_is_about_such_a_key() -> None:
    of_units = {"picked-units": {**ONE, "milestone": "picked"}}
    for rules in ({**STAGES, **of_units}, {**of_units, **STAGES}):
        assert parted({"stages": ["picked", "packed"]}, rules) == []


def test_content_is_told_of_units_however_each_member_is_called() -> None:
    by_carton = {**DEPARTED, "each": "carton"}
    assert parted({"stages": ["packed", "departed"]}, {**STAGES, "departed": by_carton}) != []
    with_content = {**by_carton, "for_content": True}
    assert parted({"stages": ["packed", "departed"]}, {**STAGES, "departed": with_content}) == []
