"""What does not fit together is found before it runs, and said with its place."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter

from edge.milestones.fitting import apart, misfits, offered, unknown_fields
from edge.milestones.rules import Lifecycle, Rule

RULES: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Rule])
ONE = {"operator": "one", "milestone": "received", "about": "unit", "of": {"kind": "scan"}}
KINDS = {"scan": frozenset({"floor"})}

Table = Mapping[str, Mapping[str, Any]]


def found(rules: Table, lifecycles: Table) -> list[str]:
    guards = {name: Lifecycle.model_validate(each) for name, each in lifecycles.items()}
    return [str(each) for each in misfits(RULES.validate_python(rules), guards, KINDS)]


def test_what_fits_together_has_no_faults() -> None:
    assert found({"received": ONE}, {"inbound": {"stages": ["received"]}}) == []


def test_a_kind_that_no_observation_gives_is_named() -> None:
    (fault,) = found({"received": {**ONE, "of": {"kind": "scna"}}}, {})
    assert fault == (
        "rules.received: listens to 'scna', which no observation gives; kinds are scan. "
        "Did you mean 'scan'?"
    )


def test_a_stage_that_no_rule_concludes_is_named() -> None:
    assert found({"received": ONE}, {"inbound": {"stages": ["received", "stored"]}}) == [
        "lifecycles.inbound: names 'stored', which no rule concludes"
    ]


def test_a_milestone_in_two_lifecycles_is_named() -> None:
    assert found({"a": ONE}, {"b": {"stages": ["received"]}, "c": {"stages": ["received"]}}) == [
        "lifecycles.c: names 'received', as lifecycles.b does; a milestone belongs to one lifecycle"
    ]


def test_a_lifecycle_named_like_a_rule_is_refused() -> None:
    assert found({"inbound": ONE}, {"inbound": {"stages": ["received"]}}) == [
        "lifecycles.inbound: has the name of rules.inbound; rename one"
    ]


FIELDS = {
    "scan": frozenset({"unit", "read_point", "rma"}),
    "task": frozenset({"unit", "device", "status", "type"}),
    "pick": frozenset({"order", "line", "pick", "item", "quantity", "unit"}),
    "line-closed": frozenset({"order", "line", "picked", "requested", "unit"}),
}
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
WHERE = {"where": {"no": 1}}


def unknown(rule: Mapping[str, Any]) -> list[str]:
    rules = RULES.validate_python({"r": rule})
    return [str(each) for each in unknown_fields(rules, {}, FIELDS)]


@pytest.mark.parametrize("rule", [ONCE, TRANSITION, JOIN, GATHER, EACH, ABSENCE])
def test_fields_that_some_observation_of_the_kind_can_have_are_no_fault(
    rule: Mapping[str, Any],
) -> None:
    assert unknown(rule) == []


@pytest.mark.parametrize(
    ("rule", "wrong", "places"),
    [
        (ONCE, {"of": {"kind": "scan", **WHERE}}, {"of.where.no": "'scan'"}),
        (ONCE, {"occurrence": ["rma", "no"]}, {"occurrence": "'scan'"}),
        (TRANSITION, {"level": "no"}, {"level": "'task'"}),
        (TRANSITION, {"level_of": ["device", "no"]}, {"level_of": "'task'"}),
        (JOIN, {"about": "rma"}, {"about": "'task'"}),
        (JOIN, {"of": [{"kind": "task"}, {"kind": "scan", **WHERE}]}, {"of.1.where.no": "'scan'"}),
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


def test_of_rules_that_go_round_in_a_circle_no_field_is_said() -> None:
    circle = {
        "a": {**ONE, "of": {"milestone": "stored"}},
        "b": {**ONE, "milestone": "stored", "of": {"milestone": "received"}, "occurrence": ["x"]},
    }
    assert list(unknown_fields(RULES.validate_python(circle), {}, FIELDS)) == []


def test_the_fields_of_a_condition_of_a_join_are_those_of_what_it_joins() -> None:
    rules = RULES.validate_python({"loaded": {**JOIN, "if": "nobody_tells_it == 1"}})
    assert "nobody_tells_it" in "".join(str(each) for each in unknown_fields(rules, {}, FIELDS))


PICKED: Mapping[str, Any] = {
    "operator": "gather",
    "milestone": "picked",
    "partial": "short",
    "about": "order",
    "of": {"kind": "pick"},
    "distinct": "pick",
    "until": "quantity",
    "within_seconds": 60,
}
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
    of_units = {**STAGES, "picked-units": {**ONE, "milestone": "picked"}}
    assert parted({"stages": ["picked", "packed"]}, of_units) == []


def test_content_is_told_of_units_however_each_member_is_called() -> None:
    by_carton = {**DEPARTED, "each": "carton"}
    assert parted({"stages": ["packed", "departed"]}, {**STAGES, "departed": by_carton}) != []
    with_content = {**by_carton, "for_content": True}
    assert parted({"stages": ["packed", "departed"]}, {**STAGES, "departed": with_content}) == []


def test_of_what_others_may_do_nothing_is_said_where_these_are_not_all() -> None:
    lost = {
        "operator": "absence",
        "milestone": "lost",
        "about": "unit",
        "after": {"milestone": "packed", "if": "nobody == 1"},
        "expect": {"kind": "scan"},
        "within_seconds": 60,
        "blocks": "carried",
    }
    packing = {**PICKED, "children": "pick", "children_are": "units", "partial": "lost"}
    jammed = {**ONE, "milestone": "jammed", "blocks": "carried"}
    rules = RULES.validate_python({"lost": lost, "packing": packing, "jammed": jammed})
    guards = {
        "inbound": Lifecycle.model_validate({"stages": ["received", "lost"], "carry": ["nobody"]})
    }
    kinds = {**KINDS, "pick": frozenset({"floor"})}
    assert list(misfits(rules, guards, kinds, are_all=False)) == []
    assert [each.place for each in misfits(rules, guards, kinds)] == [
        ("rules", "lost"),
        ("rules", "packing", "children_are"),
        ("lifecycles", "inbound"),
    ]
    fields = {**FIELDS, "milestone/packed": frozenset({"unit"})}
    assert list(unknown_fields(rules, guards, FIELDS, are_all=False)) == []
    assert [each.place for each in unknown_fields(rules, guards, fields)] == [
        ("rules", "lost", "after", "if"),
        ("rules", "lost", "blocks"),
        ("rules", "jammed", "blocks"),
        ("lifecycles", "inbound", "carry"),
    ]


def test_what_is_wrong_by_itself_is_said_where_these_are_not_all() -> None:
    rules = RULES.validate_python({"inbound": {**ONE, "about": "unti", "of": {"kind": "scna"}}})
    guards = {
        name: Lifecycle.model_validate({"stages": ["received"]}) for name in ("inbound", "other")
    }
    assert [each.place for each in misfits(rules, guards, KINDS, are_all=False)] == [
        ("rules", "inbound"),
        ("lifecycles", "inbound"),
        ("lifecycles", "other"),
    ]
    read = RULES.validate_python({"received": {**ONE, "about": "unti"}})
    (fault,) = unknown_fields(read, {}, FIELDS, are_all=False)
    assert fault.place == ("rules", "received", "about")
