"""A field that nothing tells is found before anything waits for it."""

from collections.abc import Mapping
from typing import Any

import pytest

from edge.milestones.fitting import offered, unknown_fields
from edge.milestones.rules import Lifecycle
from tests.unit.edge.milestones.fitting_rules import FIELDS, ONE, RULES

ONCE = {**ONE, "occurrence": ["rma"]}
TRANSITION = {
    "operator": "transition",
    "milestone": "stored",
    "about": "unit",
    "of": {"kind": "task", "where": {"type": "drop"}},
    "level": "status",
    "level_of": ["device"],
    "to": ["FINISHED"],
}
JOIN = {
    "operator": "join",
    "milestone": "loaded",
    "about": "unit",
    "of": [{"kind": "scan"}, {"kind": "task", "where": {"type": "drop"}}],
    "within_seconds": 1,
}
GATHER = {
    "operator": "gather",
    "milestone": "picked",
    "about": "order",
    "by": ["line"],
    "of": {"kind": "pick"},
    "distinct": "pick",
    "quantity": "quantity",
    "until": "requested",
    "closed_by": {"kind": "line-closed"},
    "total": "picked",
    "children": "item",
    "within_seconds": 600,
}
EACH = {key: GATHER[key] for key in GATHER.keys() - {"until", "children"}} | {"each": "unit"}
ABSENCE = {
    "operator": "absence",
    "milestone": "lost",
    "about": "unit",
    "after": {"kind": "scan"},
    "expect": {"kind": "task"},
    "within_seconds": 1,
}
AMPERES = {
    "operator": "summarise",
    "about": "device",
    "of": {"kind": "motor"},
    "value": "amps",
    "measures": "ElectricCurrent",
    "uom": "AMP",
    "every_seconds": 60,
}
MODES = {
    **{key: AMPERES[key] for key in ("operator", "about", "of", "every_seconds")},
    "state": "mode",
}
NUMBERS = {"measures", "uom", "sum", "min", "max", "mean"}
ON_PALLET = {
    "operator": "one",
    "milestone": "loaded",
    "about": "pallet",
    "of": {"kind": "load"},
    "for_content": True,
}
UNTIL_SCANNED = {
    "operator": "gather",
    "milestone": "picked",
    "about": "unit",
    "of": {"kind": "pick"},
    "distinct": "pick",
    "closed_by": {"kind": "scan"},
    "within_seconds": 600,
}
WHERE = {"where": {"no": 1}}


def unknown(rule: Mapping[str, Any]) -> list[str]:
    rules = RULES.validate_python({"r": rule})
    return [str(each) for each in unknown_fields(rules, {}, FIELDS)]


@pytest.mark.parametrize("rule", [ONCE, TRANSITION, JOIN, GATHER, EACH, ABSENCE, AMPERES, MODES])
def test_fields_that_some_observation_of_the_kind_can_have_are_no_fault(
    rule: Mapping[str, Any],
) -> None:
    assert unknown(rule) == []


@pytest.mark.parametrize(
    ("rule", "wrong", "places"),
    [
        (ONCE, {"of": {"kind": "scan", **WHERE}}, {"of.where.no": "'scan'"}),
        (ONCE, {"occurrence": ["rma", "no"]}, {"occurrence": "'scan'"}),
        (TRANSITION, {"of": {"kind": "task", **WHERE}}, {"of.where.no": "'task'"}),
        (TRANSITION, {"level": "no"}, {"level": "'task'"}),
        (TRANSITION, {"level_of": ["device", "no"]}, {"level_of": "'task'"}),
        (JOIN, {"about": "rma"}, {"about": "'task'"}),
        (JOIN, {"of": [{"kind": "task"}, {"kind": "scan", **WHERE}]}, {"of.1.where.no": "'scan'"}),
        (JOIN, {"optional": [{"kind": "pick", **WHERE}]}, {"optional.0.where.no": "'pick'"}),
        (JOIN, {"if": "no == 1"}, {"if": "'scan' or 'task'"}),
        (GATHER, {"of": {"kind": "pick", **WHERE}}, {"of.where.no": "'pick'"}),
        (GATHER, {"by": ["item"]}, {"by": "'line-closed'"}),
        (GATHER, {"distinct": "picked"}, {"distinct": "'pick'"}),
        (GATHER, {"quantity": "requested"}, {"quantity": "'pick'"}),
        (GATHER, {"until": "no"}, {"until": "'pick' or 'line-closed'"}),
        (GATHER, {"total": "quantity"}, {"total": "'line-closed'"}),
        (GATHER, {"children": "no"}, {"children": "'pick'"}),
        (EACH, {"each": "picked"}, {"each": "'pick'"}),
        (
            GATHER,
            {"closed_by": {"kind": "line-closed", **WHERE}},
            {"closed_by.where.no": "'line-closed'"},
        ),
        (ABSENCE, {"after": {"kind": "scan", **WHERE}}, {"after.where.no": "'scan'"}),
        (ABSENCE, {"expect": {"kind": "task", **WHERE}}, {"expect.where.no": "'task'"}),
        (AMPERES, {"of": {"kind": "motor", **WHERE}}, {"of.where.no": "'motor'"}),
        (AMPERES, {"value": "no"}, {"value": "'motor'"}),
        (MODES, {"state": "no"}, {"state": "'motor'"}),
    ],
)
def test_a_field_that_no_observation_of_the_kind_can_have_is_named_with_its_place(
    rule: Mapping[str, Any], wrong: Mapping[str, Any], places: Mapping[str, str]
) -> None:
    faults = unknown({**rule, **wrong})
    assert len(faults) == len(places)
    for fault, (place, kind) in zip(faults, places.items(), strict=True):
        assert fault.startswith(f"rules.r.{place}: no observation {kind} has a field ")


@pytest.mark.parametrize("rule", [ONCE, TRANSITION, JOIN, GATHER, EACH, ABSENCE])
def test_what_a_rule_is_about_must_be_a_field_of_all_that_it_listens_to(
    rule: Mapping[str, Any],
) -> None:
    kinds = {
        fault.partition("no observation ")[2].partition(" has")[0]
        for fault in unknown({**rule, "about": "no"})
    }
    listens_to = (rule.get(setting, ()) for setting in ("of", "after", "expect", "closed_by"))
    patterns = [p for each in listens_to for p in ([each] if isinstance(each, dict) else each)]
    assert kinds == {repr(pattern["kind"]) for pattern in patterns}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (ONE, {"unit", "read_point", "rma"}),
        ({**ON_PALLET, "for_content": False}, {"pallet", "door"}),
        # Of what is on the pallet, its unit is told, and the pallet as its parent.
        (ON_PALLET, {"pallet", "door", "unit", "parent"}),
        (TRANSITION, {"unit", "device", "status", "type"}),
        ({**TRANSITION, "for_seconds": 5}, {"unit", "device", "status", "type", "since"}),
        (GATHER, {"order", "line", "item", "unit", "picked", "quantity", "requested"}),
        (UNTIL_SCANNED, {"order", "line", "item", "unit", "read_point", "rma", "quantity"}),
        (EACH, FIELDS["pick"] | FIELDS["line-closed"]),
        (AMPERES, {"device", "mode", "since", "count"} | NUMBERS),
        (MODES, {"device", "amps", "since", "count", "unknown_seconds"}),
    ],
)
def test_of_a_milestone_can_be_read_what_its_rule_tells_of_it(
    rule: Mapping[str, Any], told: set[str]
) -> None:
    assert RULES.validate_python({"r": rule})["r"].tells(FIELDS) == told


def test_the_fields_there_are_are_told_and_which_was_meant() -> None:
    (fault,) = unknown({**ONE, "of": {"kind": "scan", "where": {"readpoint": "dock-*"}}})
    assert fault == (
        "rules.r.of.where.readpoint: no observation 'scan' has a field 'readpoint'; "
        "fields are read_point, rma, unit. Did you mean 'read_point'?"
    )


def test_of_many_names_some_are_offered_and_the_one_that_was_meant() -> None:
    names = [f"pick-{number:02}" for number in range(60)]
    said = offered("kinds", "pcik-59", names)
    assert said.startswith("kinds are pick-00, pick-01, ")
    assert said.endswith(", pick-19 and 40 more. Did you mean 'pick-59'?")
    assert offered("kinds", "scan", names[:20]).endswith(", pick-19")
    assert offered("kinds", "scan", []) == "kinds are none"


def test_of_a_kind_that_no_observation_gives_only_that_is_told() -> None:
    assert unknown({**ONE, "of": {"kind": "scna"}}) == []
    assert unknown({**GATHER, "closed_by": {"kind": "closed"}}) == []


def carried(*fields: str) -> list[str]:
    lifecycles = {"l": Lifecycle.model_validate({"stages": ["picked"], "carry": fields})}
    rules = RULES.validate_python({"picked": GATHER, "received": ONE})
    return [str(each) for each in unknown_fields(rules, lifecycles, FIELDS)]


def test_a_lifecycle_carries_what_its_observations_have_and_what_a_gather_adds() -> None:
    assert carried("order", "picked", "quantity", "requested", "children") == []
    (fault,) = carried("order", "read_point")
    assert fault.startswith(
        "lifecycles.l.carry: no observation 'pick' or 'line-closed' has a field 'read_point'"
    )


def test_what_an_exception_blocks_is_a_field_of_it_or_one_that_its_lifecycle_carries() -> None:
    damaged = {**ONE, "milestone": "damaged", "blocks": "order"}
    lifecycles = {"l": Lifecycle.model_validate({"stages": ["received"], "ends": ["damaged"]})}
    carrying = {"l": lifecycles["l"].model_copy(update={"carry": ("order",)})}
    rules = RULES.validate_python({"picked": GATHER, "received": ONE, "damaged": damaged})
    (fault,) = unknown_fields(rules, lifecycles, FIELDS)
    assert str(fault).startswith("rules.damaged.blocks: no observation 'scan' has a field 'order'")
    # A field that the lifecycle wants to carry, and nothing tells, is a fault of the lifecycle.
    (fault,) = unknown_fields(rules, carrying, FIELDS)
    assert fault.place == ("lifecycles", "l", "carry")
    assert unknown({**damaged, "blocks": "rma"}) == []
    elsewhere = {"l": Lifecycle.model_validate({"stages": ["picked"], "carry": ["order"]})}
    (fault,) = unknown_fields(rules, elsewhere, FIELDS)
    assert fault.place == ("rules", "damaged", "blocks")


def test_of_rules_that_go_round_in_a_circle_no_field_is_said() -> None:
    circle = {
        "a": {**ONE, "of": {"milestone": "stored"}},
        "b": {**ONE, "milestone": "stored", "of": {"milestone": "received"}, "occurrence": ["x"]},
    }
    assert list(unknown_fields(RULES.validate_python(circle), {}, FIELDS)) == []


def test_the_fields_of_a_condition_of_a_join_are_those_of_what_it_joins() -> None:
    rules = RULES.validate_python({"loaded": {**JOIN, "if": "nobody_tells_it == 1"}})
    assert "nobody_tells_it" in "".join(str(each) for each in unknown_fields(rules, {}, FIELDS))
