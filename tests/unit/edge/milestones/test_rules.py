import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from edge.config.models import SourceSettings
from edge.milestones.decode import ObservationSettings
from edge.milestones.model import SEVERITY, Name
from edge.milestones.rules import (
    AbsenceRule,
    GatherRule,
    JoinRule,
    Lifecycle,
    OneRule,
    Pattern,
    Rule,
    SummariseRule,
    TransitionRule,
)
from edge.profiles import expand

RULE: TypeAdapter[Any] = TypeAdapter(Rule)
ONE = {"operator": "one", "milestone": "received", "about": "unit", "of": {"kind": "scan"}}
GATHER = {
    "operator": "gather",
    "milestone": "picked",
    "about": "order",
    "of": {"kind": "pick"},
    "distinct": "pick",
    "within_seconds": 600,
}
SUMMARY = {
    "operator": "summarise",
    "about": "device",
    "of": {"kind": "current"},
    "every_seconds": 60,
}
AMPERES = {**SUMMARY, "value": "amps", "measures": "ElectricCurrent", "uom": "AMP"}
LEVEL = {**ONE, "operator": "transition", "level": "v", "level_of": ["device"]}
CLOSED = {**GATHER, "closed_by": {"kind": "line-closed"}}
BEAT = {"kind": "beat", "where": {"device": "m*"}, "if": "n > 1.0"}
HEARTBEAT = {
    "operator": "absence",
    "milestone": "jammed",
    "about": "device",
    "after": BEAT,
    "expect": BEAT,
    "within_seconds": 9,
}


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {**ONE, "operator": "two"},
            "'one', 'transition', 'join', 'gather', 'absence', 'summarise'",
        ),
        ({**ONE, "milestone": "shipped"}, "Input should be 'received', 'stored'"),
        ({**ONE, "abuot": "unit"}, "Extra inputs are not permitted"),
        ({**ONE, "about": ""}, "at least 1 character"),
        ({**ONE, "severity": "critical"}, "`severity` is for exceptions, and received is none"),
        ({**ONE, "blocks": "order"}, "`blocks` is for exceptions, and received is none"),
        ({**ONE, "milestone": "damaged", "severity": "bad"}, "'info', 'warning' or 'critical'"),
        (
            {**ONE, "operator": "join", "of": [{"kind": "a"}], "within_seconds": 1},
            "a join is of two",
        ),
        ({**ONE, "milestone": "measured"}, "is what the operator `summarise` concludes"),
        (
            {**CLOSED, "until": "n", "partial": "measured"},
            "is what the operator `summarise` concludes",
        ),
        ({**AMPERES, "milestone": "received"}, "Input should be <Name.MEASURED: 'measured'>"),
        (SUMMARY, "nothing to summarise: set `value`, `state` or both"),
        ({**SUMMARY, "value": "amps", "uom": "AMP"}, "set `measures` and `uom`"),
        ({**SUMMARY, "state": "s", "uom": "AMP"}, "set `value` too"),
        ({**AMPERES, "measures": "Current"}, "did you mean 'ElectricCurrent'?"),
        ({**AMPERES, "measures": "https://gs1.org/voc/Current"}, "did you mean"),
        ({**AMPERES, "uom": "amp"}, "expected a code like 'AMP'"),
        ({**AMPERES, "every_seconds": 0.5}, "greater than or equal to 1"),
        (
            {**AMPERES, "every_seconds": 2},
            "`correct_seconds` is more than 1500 windows; set at most 3000, or longer windows",
        ),
        (
            {**AMPERES, "state": "s", "holds_seconds": 90_001},
            "`holds_seconds` is more than 1500 windows; set at most 90000",
        ),
        (LEVEL, "nothing can be reached: set `to`, `above` or `below`"),
        ({**LEVEL, "to": []}, "nothing can be reached: set `to`, `above` or `below`"),
        ({**LEVEL, "to": ["a"], "above": 0}, "`to` and `above` exclude each other"),
        ({**LEVEL, "above": 2, "below": 0}, "`above` and `below` exclude each other"),
        ({**LEVEL, "to": ["a"], "until_below": 0}, "`until_below` ends what `above` begins"),
        ({**LEVEL, "above": 0, "until_above": 1}, "`until_above` ends what `below` begins"),
        ({**LEVEL, "above": 0, "until_below": 1}, "`until_below` is more than `above`"),
        ({**LEVEL, "below": 0, "until_above": -1}, "`until_above` is less than `below`"),
        ({**LEVEL, "above": math.nan}, "a finite number"),
        ({**LEVEL, "to": ["a"], "for_seconds": -1}, "greater than or equal to 0"),
        ({**LEVEL, "to": ["a"], "wait_seconds": 1}, "`wait_seconds` changes nothing where"),
        ({**LEVEL, "to": ["a"], "in_order": False}, "`in_order` changes nothing where"),
        ({**CLOSED, "within_seconds": 0}, "greater than 0"),
        ({**CLOSED, "wait_seconds": -1}, "greater than or equal to 0"),
        (
            HEARTBEAT,
            "`expect` is what `after` is: each would answer itself, at once",
        ),
        (GATHER, "a gather needs an end: set `until`, `closed_by` or both"),
        ({**GATHER, "until": "n", "total": "n"}, "set `closed_by` too"),
        ({**CLOSED, "partial": "short"}, "`partial` is less than requested: set `until` too"),
        ({**CLOSED, "until": "n", "partial": "picked"}, "`partial` and `milestone` are both"),
        ({**CLOSED, "over": "over_picked"}, "`over` is more than requested: set `until` too"),
        ({**CLOSED, "until": "n", "over": "picked"}, "`over` and `milestone` are both 'picked'"),
        (
            {**CLOSED, "until": "n", "over": "short", "partial": "short"},
            "`over` and `partial` are both 'short'",
        ),
        ({**GATHER, "until": "n", "each": "unit"}, "`each` concludes at the closing"),
        ({**CLOSED, "each": "unit", "until": "n"}, "`each` and `until` exclude each other"),
        ({**CLOSED, "each": "unit", "children": "n"}, "`each` and `children` exclude each other"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_and_says_why(
    rule: Mapping[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError) as refused:
        RULE.validate_python(rule)
    assert message in str(refused.value)


def test_a_rule_has_another_version_when_another_value_is_set_and_only_then() -> None:
    version = RULE.validate_python(ONE).version
    assert re.fullmatch("[0-9a-f]{8}", version)
    assert RULE.validate_python({**ONE, "remember_days": 30, "occurrence": []}).version == version
    assert RULE.validate_python(dict(reversed(ONE.items()))).version == version
    others = [
        {**ONE, "remember_days": 31},
        {**ONE, "occurrence": ["rma"]},
        {**ONE, "milestone": "stored"},
        {**ONE, "of": {"kind": "scan", "where": {"read_point": "a"}}},
        {**ONE, "of": {"kind": "scan", "where": {"read_point": "b"}}},
        {**ONE, "of": {"kind": "scan", "if": "weight > 1"}},
        {**ONE, "of": {"kind": "scan", "if": "weight > 2"}},
    ]
    versions = {RULE.validate_python(each).version for each in others}
    assert len(versions) == len(others)
    assert version not in versions


def test_a_stage_that_is_unknown_or_named_twice_is_refused() -> None:
    with pytest.raises(ValidationError, match="'measured' is no stage"):
        Lifecycle.model_validate({"stages": ["received", "measured"]})
    with pytest.raises(ValidationError, match="Input should be 'received', 'stored'"):
        Lifecycle.model_validate({"stages": ["received", "shelved"]})
    with pytest.raises(ValidationError, match="'received' is named twice"):
        Lifecycle.model_validate({"stages": ["received"], "ends": ["received"]})


ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
SITES = [
    expand(tomllib.loads(file.read_text(encoding="utf-8"))).table
    for file in (ROOT / "systemd" / "milepost.toml", *(ROOT / "docs" / "examples").glob("*.toml"))
]


def test_the_examples_of_the_documentation_are_those_of_the_example_site() -> None:
    examples = tomllib.loads("\n".join(each for each in BLOCKS if each.startswith("[")))
    (observation,) = examples.pop("observations")
    ObservationSettings.model_validate(observation)
    for source in examples.pop("sources").values():
        assert source.keys() <= SourceSettings.model_fields.keys()
    assert len({rule["operator"] for rule in examples["rules"].values()}) == 6
    for section, found in examples.items():
        for name, example in found.items():
            assert example in [site.get(section, {}).get(name) for site in SITES]


def test_the_rule_test_of_the_documentation_is_one_of_the_example_site() -> None:
    (block,) = [each for each in BLOCKS if each.startswith("configuration")]
    (example,) = tomllib.loads(block)["tests"]
    shipped = tomllib.loads((ROOT / "systemd" / "milepost.tests.toml").read_text(encoding="utf-8"))
    assert example in shipped["tests"]


@pytest.mark.parametrize(
    ("heading", "settings"),
    [
        ("one", OneRule),
        ("transition", TransitionRule),
        ("join", JoinRule),
        ("gather", GatherRule),
        ("absence", AbsenceRule),
        ("Rules on milestones", Pattern),
        ("summarise", SummariseRule),
        ("Lifecycles", Lifecycle),
    ],
)
def test_every_setting_is_documented(heading: str, settings: type[BaseModel]) -> None:
    _, *sections = PAGE.split("\n## ")
    (section,) = [each for each in sections if re.match(rf"{heading}\b", each)]
    (shared,) = [each for each in sections if each.startswith("What holds for every rule")]
    for name, setting in settings.model_fields.items():
        assert f"| `{setting.alias or name}` |" in section + shared


PAGE_SEVERITY = re.compile(r"^\| .* \| `(\w+)` \| `(info|warning|critical)` \|", re.MULTILINE)


def test_how_bad_each_exception_is_stands_in_the_documentation() -> None:
    assert {name for name, _ in PAGE_SEVERITY.findall(PAGE)} <= set(SEVERITY)
    for name, severity in PAGE_SEVERITY.findall(PAGE):
        assert SEVERITY[Name(name)] == severity


def test_a_rule_says_how_bad_its_exceptions_are_and_what_they_block() -> None:
    plain = RULE.validate_python({**ONE, "milestone": "damaged"})
    assert plain.severity_of(Name.DAMAGED) == "warning"
    worse = RULE.validate_python({**ONE, "milestone": "damaged", "severity": "critical"})
    assert worse.severity_of(Name.DAMAGED) == "critical"
    counted = {**CLOSED, "until": "n", "partial": "short", "severity": "info"}
    gather = RULE.validate_python(counted)
    assert gather.severity_of(Name.SHORT) == "info"
    assert gather.severity_of(Name.PICKED) is None
