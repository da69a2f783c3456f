"""What is told and used by nobody, or cannot be told on, is said, and is no fault."""

from pathlib import Path

import pytest

from edge.config import load, remarks

SITE = """
[site]
name = "x"
uri = "https://x.example"

[sources.floor]
driver = "mqtt"
host = "127.0.0.1"
client_id = "x"
subscriptions = [{ topic = "a/+" }]

[destinations.erp]
driver = "http"
url = "http://127.0.0.1/"

[[observations]]
source = "floor"
subject = "a/+"
kind = "scan"
fields = { unit = "u" }

[rules.received]
operator = "one"
milestone = "received"
about = "unit"
of = { kind = "scan" }
"""
OTHER = '\n[[observations]]\nsource = "floor"\nsubject = "a/+"\nkind = "other"\n'
STORED = '\n[rules.stored]\noperator = "one"\nmilestone = "stored"\nabout = "unit"\n'


ROOT = Path(__file__).parents[4]
SHIPPED = (
    *ROOT.glob("systemd/*.toml"),
    *ROOT.glob("docs/*.toml"),
    *ROOT.glob("docs/examples/*.toml"),
    *ROOT.glob("edge/profiles/*/example.toml"),
)
KNOWN = {
    # What it says itself of its noise, and of its telemetry that nobody is told.
    "systemd/milepost.toml": [
        "sources.plc: no observation reads infeed-photo-eye, sorter-speed",
        "sources.floor: no observation reads dc/telemetry/#",
        "destinations: none is owed measured; `milestones` says what one is owed",
    ],
    # A comment beside it says so.
    "docs/examples/machines.toml": ["observations[3]: no rule listens to 'machine-mode'"],
}


@pytest.mark.parametrize(
    "file", [str(each.relative_to(ROOT)) for each in SHIPPED if ".tests." not in each.name]
)
def test_what_is_shipped_has_no_remark_but_those_that_it_speaks_of(file: str) -> None:
    assert list(remarks(load(ROOT / file))) == KNOWN.get(file, [])


def _remarks(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "milepost.toml"
    file.write_text(text)
    return list(remarks(load(file)))


def test_where_all_is_used_there_is_no_remark(tmp_path: Path) -> None:
    heard = STORED + 'of = { milestone = "received" }\n'
    owed = SITE.replace("url =", 'milestones = ["stored"]\nurl =') + heard
    assert _remarks(tmp_path, SITE) == _remarks(tmp_path, owed) == []


@pytest.mark.parametrize(
    ("right", "wrong", "remark"),
    [
        ('"a/+" }]', '"a/+" }, { topic = "b/#" }]', "sources.floor: no observation reads b/#"),
        ('subject = "a/+"', 'subject = "a/*"', "observations[0].subject: 'a/*' means a '*' by"),
        ("\n[rules", f"{OTHER}\n[rules", "observations[1]: no rule listens to 'other'"),
        (
            "\n[rules",
            f'{STORED}of = {{ kind = "scan" }}\n[rules',
            "destinations: none is owed stored; `milestones` says",
        ),
    ],
)
def test_what_nobody_uses_is_said(tmp_path: Path, right: str, wrong: str, remark: str) -> None:
    text = SITE.replace("url =", 'milestones = ["received"]\nurl =')
    (said,) = _remarks(tmp_path, text.replace(right, wrong, 1))
    assert said.startswith(remark)


def test_what_a_profile_tells_for_others_to_hear_is_no_remark(tmp_path: Path) -> None:
    profile = '\n[profiles.in]\nuse = "scanner"\nsource = "floor"\nsubject = "a/+"\n'
    assert _remarks(tmp_path, SITE + profile + 'without = ["scanned"]\n') == []


PICK = """
[[observations]]
source = "floor"
subject = "a/+"
kind = "pick"
fields = { order = "o", carton = "c", pick = "p", wanted = "w?", item = "i" }
"""
GATHER = """
[rules.picked]
operator = "gather"
milestone = "picked"
partial = "short"
about = "order"
of = { kind = "pick" }
distinct = "pick"
until = "wanted"
within_seconds = 60
"""
PACKED = """
[rules.packed]
operator = "one"
milestone = "packed"
about = "carton"
of = { kind = "pick" }
"""
PACKED = """
[rules.packed]
operator = "one"
milestone = "packed"
about = "carton"
of = { kind = "pick" }
"""
LISTENING = """
[rules.again]
operator = "one"
milestone = "packed"
about = "unit"
of = { milestone = "packed", rule = "packed" }
"""
CARRYING = '\n[lifecycles.orders]\nstages = ["picked"]\nends = ["short"]\ncarry = ["item"]\n'
NO_ITEM = PICK.replace(', item = "i"', "")
OF_UNITS = GATHER.replace('about = "order"', 'about = "unit"')
WITH_UNITS = PICK.replace("order =", "unit =")
CLOSED = OF_UNITS.replace("within", 'children = "pick"\nwithin').replace(
    '"picked"\npartial', '"packed"\npartial'
)


@pytest.mark.parametrize(
    ("rules", "lacking"),
    [
        (PICK + GATHER, []),
        (NO_ITEM + GATHER, ["picked: each picked: unit or item", "picked: each short: item"]),
        (WITH_UNITS.replace(", item", ", it") + OF_UNITS, ["picked: each short: item"]),
        (
            PICK + GATHER.replace('distinct = "pick"', 'distinct = "item"'),
            ["picked: each picked: unit or item", "picked: each short: item"],
        ),
        (PICK + PACKED, ["packed: each packed: children and unit"]),
        (WITH_UNITS + PACKED.replace("carton", "unit"), ["packed: each packed: children"]),
        (WITH_UNITS + CLOSED.replace("rules.picked", "rules.packed") + LISTENING, []),
        (PICK + PACKED.replace('"packed"', '"jammed"'), []),
        (
            PICK + PACKED.replace('"packed"', '"short"'),
            ["packed: each short: quantity and requested"],
        ),
        # What an earlier stage has told may have it.
        (PICK + GATHER.replace('distinct = "pick"', 'distinct = "item"') + CARRYING, []),
    ],
)
def test_a_milestone_that_can_never_be_told_on_is_said(
    tmp_path: Path, rules: str, lacking: list[str]
) -> None:
    said = _remarks(tmp_path, SITE + rules)
    assert [each.replace(" goes to quarantine: it lacks", ":") for each in said] == [
        f"rules.{each}" for each in lacking
    ]
