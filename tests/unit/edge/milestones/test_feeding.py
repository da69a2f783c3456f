"""Milestones as what other rules listen to."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from edge.milestones.decode import ObservationSettings
from edge.milestones.engine import RulesEngine
from edge.milestones.feeding import delays
from edge.milestones.fitting import misfits, unknown_fields
from edge.milestones.rules import Lifecycle, Pattern, Rule

RULES: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Rule])
KINDS = {"scan": frozenset({"floor"}), "drop": frozenset({"fleet"}), "gate": frozenset({"plc"})}


def one(concludes: str, **of: Any) -> dict[str, Any]:
    return {"operator": "one", "milestone": concludes, "about": "unit", "of": of}


def absence(after: Mapping[str, Any], expect: Mapping[str, Any], within: float) -> dict[str, Any]:
    return {
        "operator": "absence",
        "milestone": "lost",
        "about": "unit",
        "after": after,
        "expect": expect,
        "within_seconds": within,
    }


def faults(**rules: Mapping[str, Any]) -> list[str]:
    return [str(each) for each in misfits(RULES.validate_python(rules), {}, KINDS)]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ({}, "set one of `kind` and `milestone`"),
        ({"kind": "scan", "milestone": "packed"}, "set one of `kind` and `milestone`"),
        ({"kind": "scan", "rule": "packed"}, "set `milestone` too"),
        ({"milestone": "pakced"}, "Input should be 'received'"),
    ],
)
def test_a_pattern_means_observations_or_milestones(pattern: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Pattern.model_validate(pattern)


def test_no_observation_has_a_kind_that_means_a_milestone() -> None:
    with pytest.raises(ValidationError, match="rules hear of milestones under such kinds"):
        ObservationSettings.model_validate(
            {"source": "floor", "subject": "x", "kind": "milestone/packed"}
        )


def test_a_milestone_that_no_rule_concludes_is_named() -> None:
    stored = one("stored", milestone="received")
    assert faults(stored=stored, packed=one("packed", kind="scan")) == [
        (
            "rules.stored: listens to the milestone 'received', which no rule concludes; "
            "milestones are packed, stored"
        )
    ]
    stored = one("stored", milestone="received", rule="dokc")
    assert faults(stored=stored, dock=one("received", kind="scan")) == [
        (
            "rules.stored: listens to the milestone 'received' of rule 'dokc', "
            "which does not conclude it; rules are dock. Did you mean 'dock'?"
        )
    ]


def test_a_circle_of_rules_is_named_and_a_rule_s_name_ends_it() -> None:
    def rules(**of: Any) -> dict[str, Any]:
        return {
            "a": one("stored", kind="drop"),
            "b": one("packed", **of),
            "c": one("stored", milestone="packed"),
        }

    (fault,) = faults(**rules(milestone="stored"))
    assert "listens to what follows from itself: " in fault
    assert "b → c → b" in fault or "c → b → c" in fault
    assert fault.endswith("say with `rule` whose milestones it means")
    assert faults(**rules(milestone="stored", rule="a")) == []
    (fault,) = faults(a=one("stored", milestone="stored"))
    assert fault.startswith("rules.a: listens to what follows from itself: a → a;")


GATHER = {
    "operator": "gather",
    "milestone": "packed",
    "about": "unit",
    "of": {"kind": "scan"},
    "distinct": "item",
    "children": "item",
    "until": "wanted",
    "within_seconds": 60,
}
FIELDS = {
    "scan": frozenset({"unit", "item", "order", "wanted"}),
    "drop": frozenset({"unit", "place"}),
}


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [
        ({"p": GATHER, "s": one("stored", milestone="packed", where={"quantity": 1})}, []),
        ({"p": GATHER, "s": one("stored", milestone="packed", where={"requested": 1})}, []),
        ({"p": GATHER, "s": one("stored", milestone="packed", where={"order": 1})}, []),
        ({"p": GATHER, "s": one("stored", milestone="packed", where={"item": 1})}, ["item"]),
        ({"p": GATHER, "s": one("stored", milestone="packed", where={"wanted": 1})}, ["wanted"]),
        (
            {"p": GATHER, "s": one("stored", milestone="packed", where={"children": 1})},
            ["children"],
        ),
        (
            {"p": GATHER, "s": one("stored", milestone="packed", **{"if": "item > order"})},
            ["if"],
        ),
        (
            {
                "l": absence({"kind": "scan"}, {"kind": "drop"}, 9),
                "s": one("stored", milestone="lost", where={"item": 1, "place": 2}),
            },
            ["place"],
        ),
        (
            {  # of any rule, of one of them, by way of another
                "a": one("stored", kind="drop"),
                "b": one("stored", kind="scan"),
                "c": one("packed", milestone="stored", where={"item": 1, "place": 1}),
                "d": one("loaded", milestone="stored", rule="a", where={"item": 1, "place": 1}),
                "e": one("departed", milestone="loaded", where={"item": 1, "place": 1}),
            },
            ["item", "item"],
        ),
    ],
)
def test_the_fields_of_a_milestone_are_those_that_it_can_tell(
    rules: Mapping[str, Any], wrong: list[str]
) -> None:
    found = list(unknown_fields(RULES.validate_python(rules), {}, FIELDS))
    assert [each.place[-1] for each in found] == wrong


def test_of_what_rests_on_an_unknown_kind_nothing_is_said() -> None:
    rules = {
        "a": one("stored", kind="scna"),
        "b": one("stored", kind="drop"),
        "c": one("packed", milestone="stored", where={"item": 1}),
    }
    assert list(unknown_fields(RULES.validate_python(rules), {}, FIELDS)) == []


def test_what_an_absence_waits_for_may_be_told_before_what_starts_it(
    site: Callable[..., Any],
) -> None:
    first = absence({"kind": "scan"}, {"kind": "drop"}, 60)
    second = absence({"milestone": "lost", "rule": "first"}, {"kind": "gate"}, 9)
    here = site({"first": first, "second": second | {"milestone": "short"}})
    for unit in ("U1", "U2"):
        here.see("scan", 1_000, unit=unit)
    here.see("gate", 70_000, unit="U1")  # in time
    here.see("gate", 70_001, unit="U2")
    for _ in ("first", "second"):
        here.hear_until(600_000)
    assert here.told == [
        ("lost", "unit:U1", 61_000),
        ("lost", "unit:U2", 61_000),
        ("short", "unit:U2", 70_000),
    ]


def test_a_rule_listens_to_the_sources_of_the_rules_before_it_and_comes_after_them() -> None:
    rules = {
        "c": one("packed", milestone="stored"),
        "b": one("stored", milestone="received"),
        "a": one("received", kind="scan"),
        "d": one("stored", kind="drop"),
    }
    guard = Lifecycle.model_validate({"stages": ["packed"]})
    engine = RulesEngine("dc", RULES.validate_python(rules), {"guard": guard}, KINDS)
    owners = engine.owners()
    assert owners["b"] == owners["a"] == {"floor"}
    assert owners["c"] == owners["guard"] == {"floor", "fleet"}
    order = list(owners)
    assert order.index("a") < order.index("b") < order.index("c") < order.index("guard")


def test_a_milestone_is_heard_though_its_lifecycle_holds_it_back(site: Callable[..., Any]) -> None:
    rules = {
        "received": one("received", kind="scan"),
        "stored": one("stored", kind="drop"),
        "packed": one("packed", milestone="stored"),
    }
    here = site(rules, {"inbound": {"stages": ["received", "stored"]}})
    here.see("drop", 1_000, unit="U1", place="A7")
    assert here.told == [("packed", "unit:U1", 1_000)]
    assert here.milestones[0].attributes == {"unit": "U1", "place": "A7"}
    assert here.milestones[0].evidence == (1,)


def test_deadlines_wait_for_all_rules_before_and_what_follows_the_horizon_with_them(
    site: Callable[..., Any],
) -> None:
    first = absence({"kind": "scan"}, {"kind": "drop"}, 60) | {"wait_seconds": 7}
    second = absence({"milestone": "lost", "rule": "first"}, {"kind": "gate"}, 30)
    rules = {"first": first, "second": second, "third": one("stored", milestone="lost")}
    assert delays(RULES.validate_python(rules)) == {"first": 0, "second": 7_000, "third": 9_000}
    # Two starts in one track: the later one is not judged before its own time.
    expects = absence({"kind": "gate"}, {"milestone": "lost", "rule": "first"}, 10)
    here = site({"first": first, "second": expects | {"milestone": "short"}})
    here.see("gate", 0, unit="U1")
    here.see("gate", 11_000, unit="U1")
    here.hear_until(24_000)
    assert here.told == [("short", "unit:U1", 10_000)]
    here.hear_until(30_000)
    assert here.told[1:] == [("short", "unit:U1", 21_000)]


def test_a_lifecycle_waits_for_rules_that_wait_for_others(site: Callable[..., Any]) -> None:
    weighed = {
        "operator": "join",
        "milestone": "packed",
        "about": "unit",
        "of": [{"kind": "scan"}],
        "optional": [{"kind": "weight"}],
        "within_seconds": 3,
        "wait_seconds": 2,
    }
    rules = {
        "weighed": weighed,
        "stored": one("stored", milestone="packed"),
        "loaded": one("loaded", kind="gate"),
    }
    here = site(rules, {"outbound": {"stages": ["stored", "loaded"], "wait_seconds": 2}})
    here.see("scan", 1_000, unit="U1")
    here.see("gate", 1_500, unit="U1")
    for horizon in range(2_000, 12_000, 500):
        here.hear_until(horizon)
    assert [(each.name, each.mark) for each in here.milestones] == [
        ("packed", "in_order"),
        ("stored", "in_order"),
        ("loaded", "in_order"),
    ]


def test_a_retraction_is_not_heard(site: Callable[..., Any]) -> None:
    lost = absence({"kind": "scan"}, {"kind": "drop"}, 6)
    here = site({"lost": lost, "alarm": one("short", milestone="lost")})
    here.see("scan", 1_000, unit="U1")
    here.hear_until(20_000)
    here.see("drop", 2_000, unit="U1")
    at = 7_000
    assert here.told == [
        ("lost", "unit:U1", at),
        ("short", "unit:U1", at),
        ("-lost", "unit:U1", at),
    ]


def test_a_list_is_carried_on_but_is_no_value_to_count_by(site: Callable[..., Any]) -> None:
    pallet = {**GATHER, "of": {"milestone": "packed", "rule": "p"}, "about": "order"}
    here = site(
        {
            "p": {**GATHER, "until": "wanted"},
            "s": one("stored", milestone="packed", rule="p"),
            "q": {**pallet, "distinct": "children", "milestone": "loaded"},
        }
    )
    here.see("scan", 1_000, unit="U1", item="I1", wanted=1, order="SO-1")
    stored = next(each for each in here.milestones if each.name == "stored")
    assert stored.attributes["children"] == ["I1"]
    assert here.reasons == [
        "rule q: field 'children' of 'milestone/packed' is a list; expected one value"
    ]


def test_a_condition_is_asked_of_milestones_too(site: Callable[..., Any]) -> None:
    large = one("stored", milestone="packed", **{"if": "quantity > 1"})
    here = site({"p": {**GATHER, "until": "wanted"}, "s": large})
    here.see("scan", 1_000, unit="U1", item="I1", wanted=1)
    here.see("scan", 2_000, unit="U2", item="I1", wanted=2)
    here.see("scan", 3_000, unit="U2", item="I2", wanted=2)
    told = [("packed", "unit:U1"), ("packed", "unit:U2"), ("stored", "unit:U2")]
    assert [(name, key) for name, key, _ in here.told] == told


def test_a_condition_on_a_list_is_objected_to_without_all_of_it(site: Callable[..., Any]) -> None:
    odd = one("stored", milestone="packed", **{"if": "children > 'I'"})
    here = site({"p": {**GATHER, "until": "wanted"}, "s": odd})
    here.see("scan", 1_000, unit="U1", item="I1", wanted=1)
    (reason,) = here.reasons
    assert "has no result for children = a list: an operator" in reason


@pytest.mark.parametrize(
    ("more", "seconds"), [({}, 0), ({"recurs": True, "for_seconds": 3, "wait_seconds": 4}, 4)]
)
def test_who_listens_to_a_level_waits_only_for_its_spells(more: Any, seconds: float) -> None:
    rule: Any = TypeAdapter(Rule).validate_python(
        {
            "operator": "transition",
            "milestone": "stored",
            "about": "unit",
            "of": {"kind": "task"},
            "level": "status",
            "level_of": ["device"],
            "to": ["FINISHED"],
            **more,
        }
    )
    assert rule.takes_seconds() == seconds


@pytest.mark.parametrize(("optional", "seconds"), [([], 0), ([{"kind": "drop"}], 14)])
def test_who_listens_to_a_join_waits_only_for_what_need_not_come(
    optional: list[Any], seconds: float
) -> None:
    rule: Any = TypeAdapter(Rule).validate_python(
        {
            "operator": "join",
            "milestone": "loaded",
            "about": "unit",
            "of": [{"kind": "scan"}, {"kind": "load"}],
            "optional": optional,
            "within_seconds": 10,
            "wait_seconds": 4,
        }
    )
    assert rule.takes_seconds() == seconds


@pytest.mark.parametrize(("more", "besides"), [({}, set()), ({"over": "over_picked"}, {"pick"})])
def test_of_a_count_that_nothing_closes_the_members_fields_are_told(
    more: Any, besides: set[str]
) -> None:
    rule: Any = TypeAdapter(Rule).validate_python(
        {
            "operator": "gather",
            "milestone": "picked",
            "about": "order",
            "of": {"kind": "pick"},
            "distinct": "pick",
            "until": "requested",
            "within_seconds": 60,
            **more,
        }
    )
    told = rule.tells({"pick": frozenset({"order", "pick", "requested", "item"})})
    assert told == {"order", "item", "quantity", "requested"} | besides


def test_what_a_count_of_milestones_objects_to_is_the_last_signal_of_each(
    site: Callable[..., Any],
) -> None:
    one = {"operator": "one", "milestone": "packed", "about": "unit", "of": {"kind": "closed"}}
    here = site(
        {
            "packed": {
                **one,
                "operator": "join",
                "of": [{"kind": "closed"}, {"kind": "weight"}],
                "within_seconds": 9,
            },
            "whole": {
                "operator": "gather",
                "milestone": "stored",
                "about": "order",
                "of": {"milestone": "packed"},
                "distinct": "unit",
                "closed_by": {"kind": "order-closed"},
                "within_seconds": 60,
            },
        }
    )
    here.see("closed", 1_000, unit="U1", order="SO-1")
    here.see("weight", 2_000, unit="U1")
    here.hear_until(500_000)
    (objection,) = here.objections
    assert objection.signal == 2


@pytest.mark.parametrize(
    ("more", "seconds"),
    [
        ({"total": "count"}, 4),  # the closing says how many there are: the last of them ends it
        ({"until": "requested"}, 64),  # only the closing may say how much that is
        ({"until": "requested", "closed_by": None}, 4),
    ],
)
def test_who_listens_to_a_count_waits_until_nobody_can_end_it_any_more(
    more: dict[str, Any], seconds: int
) -> None:
    count = {
        "operator": "gather",
        "milestone": "packed",
        "about": "unit",
        "of": {"kind": "scan"},
        "distinct": "item",
        "closed_by": {"kind": "gate"},
        "within_seconds": 60,
        "wait_seconds": 4,
        **more,
    }
    rules = RULES.validate_python({"p": count, "s": one("stored", milestone="packed")})
    assert delays(rules) == {"p": 0, "s": seconds * 1_000}
