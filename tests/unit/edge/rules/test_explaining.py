"""What a configuration says of itself is what it does."""

from pathlib import Path

import pytest

from edge.config import Configuration, load
from edge.milestones.model import Name
from edge.rules.explaining import mermaid, sentences

SHIPPED = Path(__file__).parents[4] / "systemd" / "milepost.toml"


@pytest.fixture(scope="module")
def site() -> Configuration:
    return load(SHIPPED)


def test_each_rule_lifecycle_and_destination_has_a_sentence(site: Configuration) -> None:
    told = dict(line.strip().split(": ", 1) for line in sentences(site) if line.startswith("  "))
    assert list(told) == [*site.rules, *site.lifecycles, *site.destinations]
    assert told["returns-scanned"] == (
        "a unit is returned when a returns scan with read_point returns-* is told; "
        "once for each unit and rma."
    )
    assert told["sorter-lost"] == (
        "a unit is lost when a sorter infeed-scan of it is not followed by a sorter divert "
        "within 6 s. Critical: blocks the unit."
    )
    assert told["motor-current"] == (
        "a device is measured every 1 min: count, sum, least, most and mean of 'current' (AMP) "
        "of a motor-current. Late ones correct it once, 1 h later."
    )
    for name, rule in site.rules.items():
        for milestone in rule.concludes():
            assert milestone in told[name]


def test_the_picture_leads_from_each_source_over_its_milestones_to_who_is_told(
    site: Configuration,
) -> None:
    lines = [line.strip() for line in mermaid(site)]
    assert lines[0] == "flowchart LR"
    assert 'source_plc -- "sorter infeed-scan, sorter divert" --> lost' in lines
    assert 'source_floor -- "goods-in scan" --> received' in lines
    told = {line.split(" --> ")[0] for line in lines if line.endswith("--> destination_erp")}
    concluded = {name for rule in site.rules.values() for name in rule.concludes()}
    assert told == concluded - {Name.MEASURED}


def test_rules_on_milestones_are_told_and_drawn_with_how_much_longer_they_wait() -> None:
    shipping = load(SHIPPED.parents[1] / "docs" / "examples" / "shipping.toml")
    told = dict(line.strip().split(": ", 1) for line in sentences(shipping) if ": " in line)
    assert told["left-behind"] == (
        "a unit is lost when a milestone packed of rule carton-packed of it is not followed by "
        "a milestone loaded within 1 h. Critical: blocks the unit. "
        "It waits 5 s longer for its milestones."
    )
    assert told["gone"].endswith("follows a milestone loaded (each unit once).")
    lines = [line.strip() for line in mermaid(shipping)]
    assert [line for line in lines if "-->" in line and line.endswith(("departed", "lost"))] == [
        'source_floor -- "released" --> departed',
        "loaded --> departed",
        "packed --> lost",
        "loaded --> lost",
    ]


def test_a_destination_is_told_only_what_it_is_owed(site: Configuration) -> None:
    erp = site.destinations["erp"].model_copy(update={"milestones": ("departed", "lost")})
    narrow = site.model_copy(update={"destinations": {"tms": erp}})
    assert list(sentences(narrow))[-1] == "  tms: departed and lost."
    owed = [line for line in mermaid(narrow) if "destination_tms" in line and "-->" in line]
    assert owed == ["  departed --> destination_tms", "  lost --> destination_tms"]


def test_a_condition_is_part_of_the_sentence(site: Configuration) -> None:
    rule = site.rules["goods-in-scanned"]
    pattern = {"kind": "scan", "where": {"read_point": "dock-*"}, "if": "rma == null"}
    changed = type(rule).model_validate({**rule.model_dump(), "of": pattern})
    narrow = site.model_copy(update={"rules": {"received": changed}})
    assert list(sentences(narrow))[1] == (
        "  received: a unit is received when a scan with read_point dock-* (if rma == null) "
        "is told; once for each unit and rma."
    )
