"""A part that is at fault hides no fault of the others, and makes none of them a fault."""

from pathlib import Path

import pytest

from edge.config import ConfigurationFault, load

WHOLE = """
[site]
name = "x"
uri = "https://x.example"
[sources.floor]
driver = "mqtt"
host = "127.0.0.1"
client_id = "x"
subscriptions = [{ topic = "a/+" }, { topic = "b/+/+" }]
[destinations.erp]
driver = "http"
url = "http://127.0.0.1/"
milestones = ["received", "picked", "lost", "unknown"]
[destinations.copy]
driver = "http"
url = "http://127.0.0.1/"
shadow_of = "erp"
[profiles.picking]
use = "pick-station"
source = "floor"
picks = "b/+/pick"
closings = "b/+/line"
[[observations]]
source = "floor"
subject = "a/+"
kind = "scan"
fields = { unit = "u", seen = "s?" }
identifiers = { unit = ["sscc"] }
misread = "torn"
[[observations]]
source = "floor"
subject = "a/+"
kind = "label"
fields = { unit = "u" }
[[observations]]
source = "floor"
subject = "a/+"
kind = "scan"
fields = { unit = "v" }
[rules.received]
operator = "one"
milestone = "received"
about = "unit"
of = { kind = "scan", where = { seen = true } }
[rules.torn]
operator = "one"
milestone = "misread"
about = "text"
of = { kind = "torn" }
[rules.lost]
operator = "absence"
milestone = "lost"
about = "unit"
after = { milestone = "received", rule = "received", if = "seen" }
expect = { kind = "label" }
within_seconds = 60
blocks = "seen"
[rules.unpicked]
operator = "absence"
milestone = "damaged"
about = "order"
after = { kind = "picking pick", where = { order = "SO-*" } }
expect = { milestone = "picked" }
within_seconds = 60
[rules.returned]
operator = "one"
milestone = "returned"
about = "unit"
of = { kind = "label" }
remember_days = 3
[rules.returned-orders]
operator = "one"
milestone = "returned"
about = "order"
of = { kind = "picking pick" }
[lifecycles.inbound]
stages = ["received"]
ends = ["lost", "returned"]
carry = ["seen"]
exceptions = ["unknown"]
"""
OTHER = """
[[observations]]
source = "flour"
subject = "a/+"
kind = "other"
[[observations]]
source = "floor"
subject = "d/+"
kind = "else"
fields = { lane = "l" }
[rules.other]
operator = "one"
milestone = "stored"
about = "lame"
of = { kind = "else" }
"""
OTHERS = ["observations[3].source", "observations[4].subject", "rules.other.about"]
"""What is wrong with `OTHER`, whatever else is."""


def faults(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "milepost.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationFault) as raised:
        load(file)
    return [fault.place for fault in raised.value.faults]


def test_the_whole_has_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "milepost.toml"
    file.write_text(WHOLE)
    load(file)


@pytest.mark.parametrize(
    ("right", "wrong", "place"),
    [
        ('name = "x"\n', "name = 3\n", "site.name"),
        ("[sources", "[store]\npath = 3\n[sources", "store.path"),
        ('host = "127.0.0.1"\n', "", "sources.floor.host"),
        (
            'milestones = ["received", ',
            'milestones = ["recieved", ',
            "destinations.erp.milestones[0]",
        ),
        ('picks = "b/+/pick"\n', "", "profiles.picking.picks"),
        ('use = "pick-station"', 'use = "pik-station"', "profiles.picking"),
        ('{ unit = "u", seen', "{ unit = 3, seen", "observations[0].fields.unit"),
        ('{ unit = "u" }', "{ unit = 3 }", "observations[1].fields.unit"),
        (
            'milestone = "received"\nabout',
            'milestone = "recieved"\nabout',
            "rules.received.milestone",
        ),
        ("remember_days = 3", "remember_days = -3", "rules.returned.remember_days"),
        ('carry = ["seen"]', "carry = 3", "lifecycles.inbound.carry"),
    ],
)
def test_a_part_at_fault_hides_nothing_and_is_missed_by_nobody(
    tmp_path: Path, right: str, wrong: str, place: str
) -> None:
    assert WHOLE.count(right) == 1
    found = faults(tmp_path, WHOLE.replace(right, wrong) + OTHER)
    # Of a source at fault it is not known what it tells.
    expected = [each for each in OTHERS if not (place.startswith("sources") and "subject" in each)]
    assert sorted(found) == sorted([place, *expected])


@pytest.mark.parametrize(
    ("right", "wrong", "place"),
    [
        ('kind = "label"\n', "", "observations[1].kind"),
        ("[lifecycles.inbound]", "[lifecycle.inbound]", "lifecycle"),
    ],
)
def test_where_it_is_not_known_what_is_missing_nothing_else_is_said(
    tmp_path: Path, right: str, wrong: str, place: str
) -> None:
    assert faults(tmp_path, WHOLE.replace(right, wrong) + OTHER) == [place]


def test_what_an_instance_changes_wrongly_is_its_own_fault_alone(tmp_path: Path) -> None:
    wrong = WHOLE + OTHER + "[profiles.picking.rules.picked]\nwithin_seconds = -1\n"
    assert sorted(faults(tmp_path, wrong)) == sorted(
        [*OTHERS, "profiles.picking.rules.picked.within_seconds"]
    )


def test_instances_that_clash_are_named_beside_other_faults(tmp_path: Path) -> None:
    clash = """
[rules.picking-picked]
operator = "one"
milestone = "picked"
about = "order"
of = { kind = "picking pick" }
"""
    wrong = WHOLE.replace('name = "x"\n', "name = 3\n") + OTHER + clash
    assert sorted(faults(tmp_path, wrong)) == sorted([*OTHERS, "profiles.picking", "site.name"])
