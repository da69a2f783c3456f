"""What does not fit together is found before it runs, and said with its place."""

from edge.milestones.fitting import misfits, unknown_fields
from edge.milestones.rules import Lifecycle
from tests.unit.edge.milestones.fitting_rules import FIELDS, KINDS, ONE, PICKED, RULES, Table


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


def test_a_milestone_that_nobody_tells_is_named_and_where_it_might_be_meant() -> None:
    unpacked = {**ONE, "milestone": "unpacked", "of": {"milestone": "packed", "rule": "packing"}}
    (fault,) = found({"out": unpacked, "received": ONE}, {})
    assert fault == (
        "rules.out: listens to the milestone 'packed', which no rule concludes; "
        "milestones are received, unpacked. Did you mean 'unpacked'?"
    )
    (fault,) = found({"out": unpacked, "packed": {**ONE, "milestone": "packed"}}, {})
    assert fault == (
        "rules.out: listens to the milestone 'packed' of rule 'packing', which does not conclude "
        "it; rules are packed. Did you mean 'packed'?"
    )


def test_rules_that_follow_from_themselves_are_named_from_the_first_round() -> None:
    circle = {
        "in": {**ONE, "of": {"milestone": "stored"}},
        "up": {**ONE, "milestone": "stored", "of": {"milestone": "received"}},
    }
    (fault,) = found(circle, {})
    first, *_, last = fault.partition(": ")[2].partition("itself: ")[2].partition(";")[0].split()
    assert first == last
    assert fault.startswith(f"rules.{first}: listens to what follows from itself: ")


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


def test_others_may_tell_more_of_a_milestone_and_carry_more_where_these_are_not_all() -> None:
    packed = {**ONE, "milestone": "packed"}
    damaged = {**ONE, "milestone": "damaged", "of": {"milestone": "packed", "if": "nobody == 1"}}
    rules = RULES.validate_python({"packed": packed, "damaged": damaged})
    guards = {"out": Lifecycle.model_validate({"stages": ["packed"], "carry": ["nobody"]})}
    assert list(unknown_fields(rules, guards, FIELDS, are_all=False)) == []
    assert [each.place for each in unknown_fields(rules, guards, FIELDS)] == [
        ("rules", "damaged", "of", "if"),
        ("lifecycles", "out", "carry"),
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
