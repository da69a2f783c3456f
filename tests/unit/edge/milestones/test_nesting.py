"""What is said of a unit is told of the units in it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from edge.milestones.engine import RulesEngine
from edge.milestones.feeding import delays
from edge.milestones.fitting import misfits
from edge.milestones.model import TrackId
from edge.milestones.rules import Lifecycle, Rule

RULES: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Rule])
DAY = 86_400_000
PACKED: dict[str, Any] = {
    "operator": "gather",
    "milestone": "packed",
    "about": "unit",
    "of": {"kind": "put"},
    "distinct": "child",
    "children": "child",
    "children_are": "units",
    "until": "count",
    "within_seconds": 60,
    "wait_seconds": 3,
}
OPENED = {"operator": "one", "milestone": "unpacked", "about": "unit", "of": {"kind": "open"}}
LOADED = {
    "operator": "one",
    "milestone": "loaded",
    "about": "unit",
    "of": {"kind": "load"},
    "for_content": True,
}
LOST = {
    "operator": "absence",
    "milestone": "lost",
    "about": "unit",
    "after": {"kind": "infeed"},
    "expect": {"kind": "divert"},
    "within_seconds": 6,
    "for_content": True,
}
ALL: dict[str, Any] = {"packed": PACKED, "opened": OPENED, "loaded": LOADED}


def put(here: Any, at: int, parent: str, *children: str) -> None:
    for child in children:
        here.see("put", at, unit=parent, child=child, count=len(children))


@pytest.fixture
def here(site: Callable[..., Any]) -> Any:
    return site(ALL)


def test_a_fact_is_told_of_what_is_inside_at_any_depth(here: Any) -> None:
    put(here, 1_000, "C1", "I1", "I2")
    put(here, 2_000, "P1", "C1", "C2")
    here.see("load", 3_000, unit="P1", trailer="TR-1")
    loaded = {each.key: each for each in here.milestones if each.name == "loaded"}
    assert list(loaded) == ["unit:P1", "unit:C1", "unit:I1", "unit:I2", "unit:C2"]
    item = loaded["unit:I1"]
    assert item.attributes == {"unit": "I1", "parent": "C1", "trailer": "TR-1"}
    assert (item.rule, item.occurred_at, item.mark) == ("loaded", 3_000, "in_order")
    # The fact, and what closed the carton and the pallet.
    assert item.evidence == (2, 4, 5)
    assert len({each.id for each in here.milestones}) == len(here.milestones)


def test_what_counts_the_parent_is_not_said_of_its_content(site: Callable[..., Any]) -> None:
    whole = {**PACKED, "milestone": "loaded", "of": {"kind": "load"}, "distinct": "scan"}
    whole |= {"children": None, "children_are": "items", "for_content": True}
    here = site({"packed": PACKED, "loaded": whole})
    put(here, 1_000, "P1", "C1")
    here.see("load", 2_000, unit="P1", scan=1, count=1, trailer="TR-1")
    assert here.milestones[1].attributes["quantity"] == 1
    assert here.milestones[2].attributes == {"unit": "C1", "parent": "P1", "trailer": "TR-1"}


def test_a_packing_that_is_told_late_brings_what_was_said_since(here: Any) -> None:
    here.see("load", 3_000, unit="P1")
    put(here, 1_000, "P1", "C1")
    assert [(each.name, each.key, each.mark) for each in here.milestones] == [
        ("loaded", "unit:P1", "in_order"),
        ("packed", "unit:P1", "in_order"),
        ("loaded", "unit:C1", "late"),
    ]


@pytest.mark.parametrize(
    ("packed", "opened", "loaded", "tells"),
    [(5, 9, 5, True), (5, 9, 4, False), (5, 9, 9, False), (5, 9, 8, True), (5, 5, 5, True)],
)
@pytest.mark.parametrize("arrival", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (2, 0, 1)])
def test_it_is_inside_from_its_packing_until_its_unpacking(
    here: Any, *, packed: int, opened: int, loaded: int, tells: bool, arrival: tuple[int, ...]
) -> None:
    steps: list[Callable[[], object]] = [
        lambda: put(here, packed, "P1", "C1"),
        lambda: here.see("open", opened, unit="P1"),
        lambda: here.see("load", loaded, unit="P1"),
    ]
    for index in arrival:
        steps[index]()
    content = [each for each in here.milestones if each.key == "unit:C1"]
    retracted = {each.retracts for each in content}
    standing = [each for each in content if each.retracts is None and each.id not in retracted]
    assert len(standing) == tells


def test_packed_elsewhere_it_has_left_where_it_was(here: Any) -> None:
    put(here, 1_000, "P1", "C1")
    put(here, 2_000, "P2", "C1")
    here.see("load", 3_000, unit="P1")
    assert here.told[2:] == [("loaded", "unit:P1", 3_000)]
    here.see("load", 4_000, unit="P2")
    assert here.told[3:] == [("loaded", "unit:P2", 4_000), ("loaded", "unit:C1", 4_000)]
    assert here.milestones[-1].attributes["parent"] == "P2"


def test_what_is_emptied_late_is_retracted_once_of_what_was_in_both(here: Any) -> None:
    put(here, 1_000, "P1", "C1", "I1")
    put(here, 3_000, "C1", "I1")
    here.see("load", 4_000, unit="P1")
    here.see("open", 2_000, unit="P1")
    assert here.told[5] == ("unpacked", "unit:P1", 2_000)
    assert sorted(here.told[6:]) == [
        ("-loaded", "unit:C1", 4_000),
        ("-loaded", "unit:I1", 4_000),
    ]


def test_a_word_that_comes_late_never_makes_true_again_what_was_retracted(
    site: Callable[..., Any],
) -> None:
    here = site({**ALL, "packed": {**PACKED, "by": ["event"]}})
    for at in (6_000, 2_000):
        here.see("put", at, unit="P1", child="C1", count=1, event=at)
        here.see("load", 7_000, unit="P1")
    here.see("open", 3_000, unit="P1")
    assert here.told == [
        ("packed", "unit:P1", 6_000),
        ("loaded", "unit:P1", 7_000),
        ("loaded", "unit:C1", 7_000),
        ("packed", "unit:P1", 2_000),
        ("unpacked", "unit:P1", 3_000),
    ]


@pytest.mark.parametrize("first", [True, False])
def test_no_unit_comes_to_be_in_itself(here: Any, *, first: bool) -> None:
    put(here, 1_000, "A", "B")
    put(here, 2_000 if first else 500, "B", "A")
    put(here, 3_000, "C", "C")
    here.see("load", 4_000, unit="A")
    assert here.reasons == [
        "rule packed: unit:A cannot be packed into unit:B, which is in it",
        "rule packed: unit:C cannot be packed into unit:C, which is in it",
    ]
    assert [each.signal for each in here.objections] == [2, 3]
    assert here.told[3:] == [("loaded", "unit:A", 4_000), ("loaded", "unit:B", 4_000)]


def test_more_than_a_parent_can_hold_is_refused(here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.milestones.nesting.MOST_CHILDREN", 2)
    put(here, 1_000, "P1", "C1", "C2", "C3")
    assert here.reasons == [
        "rule packed: unit:C3 cannot be packed into unit:P1, which holds 2 units already"
    ]
    here.see("load", 2_000, unit="P1")
    assert [key for name, key, _ in here.told if name == "loaded"] == [
        "unit:P1",
        "unit:C1",
        "unit:C2",
    ]


def test_what_is_deeper_than_ten_levels_is_not_told_of_in_whatever_order(
    site: Callable[..., Any],
) -> None:
    for late in (False, True):
        here = site(ALL)
        if late:
            here.see("load", 90_000, unit="U12")
        for level in range(12, 0, -1):
            put(here, 1_000 + level, f"U{level}", f"U{level - 1}")
        if not late:
            here.see("load", 90_000, unit="U12")
        told = {key for name, key, _ in here.told if name == "loaded"}
        assert told == {f"unit:U{level}" for level in range(2, 13)}


def test_what_is_taken_over_as_concluded_is_told_of_content_once(here: Any) -> None:
    put(here, 1_000, "C1", "I1")
    put(here, 2_000, "P1", "C1")
    here.see("load", 3_000, unit="P1")
    concluded = list(here.milestones)
    again = here.engine.tell(concluded, here.tracks)
    assert [each.id for each in again.milestones] == [each.id for each in concluded]


def test_a_retraction_is_told_of_the_content(site: Callable[..., Any]) -> None:
    here = site({"packed": PACKED, "lost": LOST})
    put(here, 500, "P1", "C1")
    here.see("infeed", 1_000, unit="P1")
    here.hear_until(20_000)
    here.see("divert", 3_000, unit="P1")
    at = 7_000
    assert here.told[1:] == [
        ("lost", "unit:P1", at),
        ("lost", "unit:C1", at),
        ("-lost", "unit:P1", at),
        ("-lost", "unit:C1", at),
    ]
    assert here.milestones[4].retracts == here.milestones[2].id
    assert here.milestones[4].evidence == (1, 2, 3)


def test_a_unit_s_own_lifecycle_applies_to_what_is_told_of_it(site: Callable[..., Any]) -> None:
    lifecycle = {"stages": ["received", "loaded"], "wait_seconds": 5}
    received = {**LOADED, "milestone": "received", "of": {"kind": "dock"}, "for_content": False}
    here = site({**ALL, "received": received}, {"all": lifecycle})
    put(here, 1_000, "P1", "C1")
    here.see("dock", 2_000, unit="P1")
    here.see("load", 3_000, unit="P1")
    assert here.told[1:] == [("received", "unit:P1", 2_000), ("loaded", "unit:P1", 3_000)]
    here.see("dock", 2_500, unit="C1")
    assert here.told[3:] == [("received", "unit:C1", 2_500), ("loaded", "unit:C1", 3_000)]


def test_rules_hear_what_is_told_of_content(site: Callable[..., Any]) -> None:
    after = {"operator": "one", "milestone": "stored", "about": "unit"}
    after["of"] = {"milestone": "loaded", "where": {"parent": "P1"}}  # type: ignore[assignment]
    here = site({**ALL, "after": after})
    put(here, 1_000, "P1", "C1")
    here.see("load", 2_000, unit="P1")
    assert here.told[2:] == [("loaded", "unit:C1", 2_000), ("stored", "unit:C1", 2_000)]


def test_who_listens_to_what_is_told_of_content_waits_for_what_is_packed() -> None:
    rules: dict[str, Any] = {
        **ALL,
        "late": {**LOST, "expect": {"milestone": "loaded"}, "for_content": False},
    }
    sources = {kind: frozenset({kind}) for kind in ("put", "open", "load", "infeed")}
    guard = Lifecycle.model_validate({"stages": ["loaded"]})
    engine = RulesEngine("dc", RULES.validate_python(rules), {"guard": guard}, sources)
    owners = engine.owners()
    assert owners["loaded"] == {"load"}
    assert owners["late"] == owners["guard"] | {"infeed"} == {"put", "open", "load", "infeed"}
    assert owners["nesting:content"] == owners["nesting:place"] == {"put", "open"}
    assert delays(RULES.validate_python(rules)) == {
        "packed": 0,
        "opened": 0,
        "loaded": 0,
        "late": 3_000,
    }


def test_who_listens_to_what_is_told_of_content_waits_as_long_as_the_packing_was_late(
    site: Callable[..., Any],
) -> None:
    missing = {**LOST, "after": {"milestone": "loaded"}, "wait_seconds": 2, "for_content": False}
    here = site({**ALL, "lost": missing})
    here.see("load", 2_000, unit="P1")
    here.see("put", 1_000, lag=30_000, unit="P1", child="C1", count=1)
    in_time = 2_000 + 8_000 + delays(RULES.validate_python({**ALL, "lost": missing}))["lost"]
    here.hear_until(in_time + 30_000 - 1)
    assert ("lost", "unit:C1", 8_000) not in here.told
    here.hear_until(in_time + 30_000)
    assert ("lost", "unit:C1", 8_000) in here.told


def test_a_packing_counts_for_as_long_as_its_rule_remembers(here: Any) -> None:
    put(here, 1_000, "P1", "C1")
    here.see("load", 1_000 + 30 * DAY, unit="P1")
    assert here.told[2:] == [("loaded", "unit:C1", 1_000 + 30 * DAY)]
    put(here, 1_000, "P2", "C2")
    here.see("load", 1_001 + 30 * DAY, unit="P2")
    assert here.told[4:] == [("loaded", "unit:P2", 1_001 + 30 * DAY)]


def test_what_has_been_known_for_too_long_is_forgotten(here: Any) -> None:
    put(here, 1_000, "P1", "C1")
    here.see("load", 2_000, unit="P2")
    here.hear_until(1_000 + 30 * DAY)
    owners = {track for track in here.tracks if track.owner.startswith("nesting:")}
    assert owners == {TrackId("nesting:content", "unit:P2")}
    here.hear_until(2_000 + 30 * DAY)
    assert here.tracks == {}


def test_what_a_label_gathers_that_many_share_is_bounded(site: Callable[..., Any]) -> None:
    moved = {**PACKED, "by": ["event"]}
    loaded = {**LOADED, "occurrence": ["event"]}
    here = site({"packed": moved, "loaded": loaded, "opened": {**OPENED, "occurrence": ["event"]}})
    for at in range(300):
        here.see("put", at, unit=f"P{at}", child="NOREAD", count=1, event=at)
        here.see("load", at, unit="NOREAD", event=at)
        here.see("open", at, unit="NOREAD", event=at)
    content = here.tracks[TrackId("nesting:content", "unit:NOREAD")].state
    assert (len(content["facts"]), len(content["emptied"])) == (256, 64)
    assert len(here.tracks[TrackId("nesting:place", "unit:NOREAD")].state["moves"]) == 64


@pytest.mark.parametrize("arrival", [(0, 1, 2, 3), (0, 2, 3, 1), (3, 0, 2, 1), (2, 3, 1, 0)])
def test_a_unit_that_was_moved_before_has_its_stage_with_the_unit_that_it_was_in(
    site: Callable[..., Any], arrival: tuple[int, ...]
) -> None:
    once = {**PACKED, "by": ["event"]}
    here = site({"packed": once, "loaded": LOADED}, {"out": {"stages": ["loaded"]}})
    steps: list[Callable[[], object]] = [
        lambda: here.see("put", 1_000, unit="P1", child="C1", count=1, event=1),
        lambda: here.see("put", 5_000, unit="P2", child="C1", count=1, event=2),
        lambda: here.see("load", 8_000, unit="P2"),
        lambda: here.see("load", 10_000, unit="P1"),
    ]
    for index in arrival:
        steps[index]()
    here.hear_until(100_000)
    content = [each for each in here.milestones if each.key == "unit:C1"]
    retracted = {each.retracts for each in content}
    (standing,) = [each for each in content if not each.retracts and each.id not in retracted]
    assert (standing.occurred_at, standing.attributes["parent"]) == (8_000, "P2")
    assert here.objections == []


def test_what_is_too_many_takes_nothing_out(site: Callable[..., Any]) -> None:
    here = site({"packed": {**PACKED, "over": "over_picked"}, "loaded": LOADED})
    put(here, 1_000, "P1", "C1", "C2")
    here.see("put", 2_000, unit="P1", child="C3", count=2)
    for _ in range(2):
        here.hear_until(10_000)
    assert here.told[1:] == [("over_picked", "unit:P1", 2_000)]
    here.see("load", 11_000, unit="P1")
    assert [each.key for each in here.milestones[2:]] == ["unit:P1", "unit:C1", "unit:C2"]


def faults(**rules: Mapping[str, Any]) -> list[str]:
    kinds = {kind: frozenset({"floor"}) for kind in ("put", "open", "load")}
    return [str(each) for each in misfits(RULES.validate_python(rules), {}, kinds)]


def test_each_half_of_nesting_needs_the_other() -> None:
    assert faults(**ALL) == []
    assert faults(packed=PACKED) == [
        "rules.packed.children_are: nothing is told of the units: no rule has `for_content`"
    ]
    assert faults(loaded=LOADED) == [
        (
            "rules.loaded.for_content: nothing tells which units are inside: "
            'no rule has `children_are = "units"`'
        )
    ]


def test_what_is_packed_cannot_follow_from_what_is_told_of_content() -> None:
    again = {**PACKED, "of": {"milestone": "loaded"}}
    (fault,) = faults(**{**ALL, "packed": again})
    assert fault.startswith("rules.packed: listens to what follows from itself: packed → packed")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({**PACKED, "for_content": True}, "what is in a unit is not packed with it"),
        ({**OPENED, "for_content": True}, "what is in a unit is not unpacked with it"),
        ({**PACKED, "children": None}, "set `children` too"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(rule: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RULES.validate_python({"r": rule})


def test_a_retraction_of_what_nobody_knows_is_told_of_the_unit_alone(
    site: Callable[..., Any],
) -> None:
    here = site({"packed": PACKED, "lost": LOST})
    put(here, 500, "P1", "C1")
    here.see("infeed", 1_000, unit="P1")
    here.hear_until(20_000)
    here.see("divert", 3_000, unit="P1")
    (retraction,) = [each for each in here.milestones if each.retracts and each.key == "unit:P1"]
    elsewhere = site({"packed": PACKED, "lost": LOST})
    put(elsewhere, 500, "P1", "C1")
    assert elsewhere.engine.tell([retraction], elsewhere.tracks).milestones == [retraction]


def test_what_is_taken_out_by_name_leaves_the_rest_inside(site: Callable[..., Any]) -> None:
    out = {**PACKED, "milestone": "unpacked", "of": {"kind": "take"}}
    here = site({"packed": PACKED, "out": out, "loaded": LOADED})
    put(here, 1_000, "P1", "C1", "C2")
    here.see("take", 2_000, unit="P1", child="C1", count=1)
    here.see("load", 3_000, unit="P1")
    assert here.told[2:] == [("loaded", "unit:P1", 3_000), ("loaded", "unit:C2", 3_000)]


def test_units_that_were_in_each_other_at_different_times_may_hold_more(
    site: Callable[..., Any],
) -> None:
    here = site({**ALL, "packed": {**PACKED, "by": ["event"]}})
    here.see("put", 2_000, unit="B", child="A", count=1, event=1)
    here.see("open", 3_000, unit="B")
    here.see("put", 4_000, unit="A", child="B", count=1, event=2)
    here.see("put", 1_000, unit="A", child="I1", count=1, event=3)
    here.see("load", 2_500, unit="B")
    assert here.reasons == []
    assert [key for name, key, _ in here.told if name == "loaded"] == [
        "unit:B",
        "unit:A",
        "unit:I1",
    ]
