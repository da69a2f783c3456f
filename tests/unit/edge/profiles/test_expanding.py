"""Profiles become observations and rules, and the site has the last word."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edge.config import ConfigurationFault, load
from edge.config.loading import parse
from edge.config.writing import as_toml
from edge.profiles import Profile, expand, names
from edge.profiles.filling import Template

ROOT = Path(__file__).parents[4]
SITES = [
    ROOT / "systemd" / "milepost.toml",
    *(ROOT / "edge" / "profiles" / name / "example.toml" for name in names()),
]
SCANNER = """
[profiles.goods-in]
use = "scanner"
source = "floor"
"""
SAME_NAME = """
[rules.goods-in-scanned]
operator = "one"
milestone = "stored"
about = "unit"
of = { kind = "goods-in scan" }
"""
SITE = """
[site]
name = "x"
uri = "https://x.example"

[sources.floor]
driver = "mqtt"
host = "127.0.0.1"
client_id = "c"
subscriptions = [{ topic = "scanner/+/scan", qos = 1 }]

[destinations.erp]
driver = "http"
url = "http://127.0.0.1/"
"""


def expanded(text: str) -> dict[str, Any]:
    return dict(expand(tomllib.loads(text)).table)


def test_a_parameter_stands_where_the_profile_puts_it_in() -> None:
    table = expanded(f'{SCANNER}subject = "a/b"\nread_points = "dock-*"\nidentifiers = ["grai"]')
    (observation,) = table["observations"]
    assert observation["source"] == "floor"
    assert observation["subject"] == "a/b"
    assert observation["identifiers"] == {"unit": ["grai"]}
    assert table["rules"]["goods-in-scanned"]["of"]["where"] == {"read_point": "dock-*"}


def test_a_number_stays_a_number() -> None:
    sorter = '[profiles.s]\nuse = "sorter"\nsource = "plc"\nwithin_seconds = 2.5'
    for number in (2.5, 7):
        lost = expanded(sorter.replace("2.5", str(number)))["rules"]["s-lost"]
        assert lost["within_seconds"] == number
        assert type(lost["within_seconds"]) is type(number)


def test_what_needs_a_parameter_is_left_out_without_it() -> None:
    table = expanded(SCANNER)
    assert list(table["rules"]) == ["goods-in-scanned"]
    assert "scanned_at" not in table["observations"][0]["fields"]
    table = expanded(f'{SCANNER}scanned_at = "time"')
    assert list(table["rules"]) == ["goods-in-scanned", "goods-in-unread", "goods-in-misread"]
    assert table["observations"][0]["fields"]["scanned_at"] == "time"


def test_two_devices_of_one_profile_keep_apart() -> None:
    table = expanded(SCANNER + SCANNER.replace("goods-in", "returns"))
    assert [each["kind"] for each in table["observations"]] == ["goods-in scan", "returns scan"]
    assert {name: each["of"]["kind"] for name, each in table["rules"].items()} == {
        "goods-in-scanned": "goods-in scan",
        "returns-scanned": "returns scan",
    }


def test_what_the_site_says_otherwise_is_merged_by_key() -> None:
    changes = """
    observations.scan.fields.weight = "kg?"
    rules.scanned.remember_days = 5
    rules.scanned.occurrence = []
    """
    table = expanded(SCANNER + changes)
    (observation,) = table["observations"]
    assert observation["fields"] == {
        "read_point": "subject/1", "unit": "barcode", "rma": "rma?", "weight": "kg?",
    }  # fmt: skip
    changed = table["rules"]["goods-in-scanned"]
    assert (changed["remember_days"], changed["occurrence"]) == (5, [])
    assert changed["operator"] == "one"


def test_a_rule_can_keep_the_name_that_it_had_and_its_ids() -> None:
    table = expanded(f'{SCANNER}rules.scanned.name = "received"')
    assert list(table["rules"]) == ["received"]
    assert "name" not in table["rules"]["received"]


def test_a_rule_or_observation_can_be_left_out() -> None:
    sorter = (
        '[profiles.s]\nuse = "sorter"\nsource = "plc"\nwithout = ["lost", "misrouted", "divert"]'
    )
    table = expanded(sorter)
    assert [each["kind"] for each in table["observations"]] == ["s infeed-scan"]
    assert table["rules"] == {}


def test_the_sites_own_observations_and_rules_stay_as_they_are() -> None:
    own = '[[observations]]\nkind = "own"\n[rules.own]\noperator = "one"\n'
    table = expanded(own + SCANNER)
    assert table["observations"][0] == {"kind": "own"}
    assert table["rules"]["own"] == {"operator": "one"}


@pytest.mark.parametrize("site", SITES, ids=lambda site: site.parent.name)
def test_what_a_configuration_expands_to_concludes_the_same(tmp_path: Path, site: Path) -> None:
    table = dict(expand(parse(site)[0]).table)
    assert table.pop("profiles")
    file = tmp_path / "expanded.toml"
    file.write_text("\n".join(as_toml(table)))
    with_profiles, without = load(site), load(file)
    assert without == with_profiles.model_copy(update={"profiles": {}})
    for name, each in without.rules.items():
        assert each.version == with_profiles.rules[name].version


@pytest.mark.parametrize(
    ("profiles", "at", "words"),
    [
        ('[profiles.a]\nuse = "scaner"', "[profiles.a]", "profiles.a: no such profile: 'scaner'"),
        ('[profiles.a]\nuse = "scaner"', "[profiles.a]", "Did you mean 'scanner'?"),
        ("[profiles.a]\nx = 1", "[profiles.a]", "profiles.a: missing 'use'"),
        (f'{SCANNER}subjct = "x"', "subjct", "subjct: no such parameter; parameters are"),
        (f'{SCANNER}subjct = "x"', "subjct", "Did you mean 'subject'?"),
        ('[profiles.a]\nuse = "scanner"', "[profiles.a]", "profiles.a.source: missing"),
        (f"{SCANNER}unit = 3", "unit = 3", "goods-in.unit: must be text, in quotes"),
        (f'{SCANNER}without = ["lost"]', "without", "'lost' is none of 'scan', 'scanned'"),
        (
            f"{SCANNER}rules.lost.x = 3",
            "[profiles.goods-in]",
            "'lost' is none of 'scanned', 'unread'",
        ),
        (f'{SCANNER}milestone = "gone"', "milestone", "goods-in.milestone: 'gone' is none of"),
        (f'{SCANNER}unit = "a..b"', "unit", "goods-in.unit: 'a..b': expected names joined"),
        (f"{SCANNER}rules.scanned.x = 1", "rules.", "goods-in.rules.scanned.x: no such key"),
        (
            f"{SCANNER}rules.scanned.remember_days = 0",
            "rules.",
            "goods-in.rules.scanned.remember_days: 0 is out of range",
        ),
        (
            f"{SCANNER}observations.scan.fields.kg = 'a..b'",
            "observations.",
            "goods-in.observations.scan.fields.kg: 'a..b': expected names",
        ),
        (SCANNER.replace("floor", "flor"), 'source = "flor"', "goods-in.source: no such source"),
        (
            f'{SCANNER}subject = "x/+"',
            "subject =",
            "goods-in.subject: sources.floor has no subject",
        ),
        (
            f'{SCANNER}rules.scanned.about = "units"',
            "rules.",
            "goods-in.rules.scanned.about: no observation 'goods-in scan' has a field 'units'",
        ),
        (
            f'{SCANNER}without = ["scan"]',
            "[profiles.goods-in]",
            "goods-in.rules.scanned: listens to 'goods-in scan', which no observation gives",
        ),
        (
            f'{SCANNER}rules.scanned.name = "Re ceived"',
            "[profiles.goods-in]",
            "'Re ceived' is not a name of lower-case letters",
        ),
        (f"{SCANNER}rules.scanned.name = 3", "rules.", "rules.scanned.name: no such key"),
        (
            f"{SCANNER}{SAME_NAME}",
            "[profiles.goods-in]",
            "gives a rule 'goods-in-scanned', and there is another of that name",
        ),
        ("[profiles]\na = 3", "a = 3", "profiles.a: must be a table"),
    ],
)
def test_a_fault_stands_at_the_line_of_the_sites_file(
    tmp_path: Path, profiles: str, at: str, words: str
) -> None:
    file = tmp_path / "milepost.toml"
    text = SITE + profiles
    file.write_text(text)
    with pytest.raises(ConfigurationFault) as raised:
        load(file)
    line = text[: text.index(at, text.index("[profiles"))].count("\n") + 1
    faults = str(raised.value).splitlines()
    assert [each for each in faults if words in each and f"milepost.toml:{line}: " in each], faults


def test_faults_of_profiles_are_named_together_with_all_others(tmp_path: Path) -> None:
    file = tmp_path / "milepost.toml"
    file.write_text(
        f"{SITE.replace('127.0.0.1', '', 1)}{SCANNER}subjct = 'x'\n[profiles.b]\nuse = 'y'"
    )
    with pytest.raises(ConfigurationFault) as raised:
        load(file)
    places = [fault.place for fault in raised.value.faults]
    assert places == ["sources.floor.host", "profiles.goods-in.subjct", "profiles.b"]


@pytest.mark.parametrize("table", [{"rules": 3}, {"observations": 3}, {"profiles": 3}])
def test_sections_of_another_shape_are_left_to_the_check(table: dict[str, Any]) -> None:
    given = tomllib.loads(SCANNER) | table
    found = expand(given).table
    assert all(found[section] == table[section] for section in table)


def profile(**changes: Any) -> dict[str, Any]:
    return {
        "summary": "It.",
        "parameters": {"subject": {"type": "text", "meaning": "Where."}},
        "observations": {"scan": {"subject": "{subject}", "kind": "{instance} scan"}},
        "rules": {"read": {"of": {"kind": "{instance} scan"}}},
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rules": {"read": {"of": {"kind": "{instnce} scan"}}}}, r"puts in \['instnce'\]"),
        ({"rules": {"read": {"needs": "eye"}}}, r"puts in \['eye'\]"),
        ({"observations": {"scan": {"kind": "x"}}}, r"parameters \['subject'\], which are put no"),
        (
            {
                "parameters": {"use": {"type": "text", "meaning": "Where."}},
                "observations": {"scan": {"subject": "{use}"}},
            },
            r"cannot be called \['use'\]",
        ),
    ],
)
def test_a_profile_that_does_not_hold_together_is_refused(
    changes: dict[str, Any], words: str
) -> None:
    Profile.model_validate(profile())
    with pytest.raises(ValidationError, match=words):
        Profile.model_validate(profile(**changes))


def test_what_the_site_says_instead_is_no_longer_at_the_parameters_place() -> None:
    template = Template({"lane": "4"}, ("profiles", "s"))
    filled = template.fill({"of": [{"lane": "{lane}"}]}, ())
    assert template.origins == {("of", 0, "lane"): ("profiles", "s", "lane")}
    place = ("profiles", "s", "rules", "lost")
    template.change(filled, {"of": [{"lane": 5}]}, (), place)
    assert template.origins == {("of",): (*place, "of")}
