"""What a configuration says of itself is what it does."""

from pathlib import Path

import pytest

from edge.config import Configuration, load
from edge.milestones.rules import TransitionRule
from edge.rules.explaining import sentences
from edge.rules.picture import mermaid

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


def test_a_lifecycle_says_which_exceptions_it_tells(site: Configuration) -> None:
    inbound = site.lifecycles["inbound"].model_copy(update={"exceptions": ("illegal", "unknown")})
    changed = site.model_copy(update={"lifecycles": {"inbound": inbound}})
    (told,) = [line for line in sentences(changed) if line.startswith("  inbound: ")]
    assert told.endswith(
        " What has been told, and is told again of another time, is illegal."
        " What was never received is unknown."
    )


def test_the_picture_leads_from_each_device_over_its_milestones_to_who_is_told(
    site: Configuration,
) -> None:
    lines = [line.strip() for line in mermaid(site)]
    assert lines[0] == "flowchart LR"
    assert 'from_goods_in["goods-in<br><i>scanner</i>"]:::device' in lines
    assert 'lost(["lost"]):::wrong' in lines
    assert {line for line in lines if "-->" in line} == {
        'from_goods_in -- "scan at dock-in-*" --> received',
        'from_returns -- "scan at returns-*" --> returned',
        'from_sorter -- "infeed scan without divert in 6 s" --> lost',
        'from_sorter -- "divert, on a condition" --> misrouted',
        'from_vehicles -- "drop task finished" --> stored',
        'from_vehicles -- "task failed" --> jammed',
        'from_picking -- "pick: enough" --> picked',
        'from_picking -- "pick: too few" --> short',
        'from_packing -- "each scan until carton closed" --> packed',
        'from_dock -- "door scan and load" --> loaded',
        'from_dock -- "load, then release" --> departed',
        'from_motor_current -- "every 1 min" --> measured',
        'facts -- "all but measured" --> to_erp',
        "exceptions --> to_erp",
    }


def test_facts_are_drawn_apart_from_what_went_wrong(site: Configuration) -> None:
    lines = [line.strip() for line in mermaid(site)]
    begin = lines.index('subgraph exceptions["What went wrong"]')
    assert lines[begin + 1 : lines.index("end", begin)] == [
        'short(["short"]):::wrong',
        'lost(["lost"]):::wrong',
        'jammed(["jammed"]):::wrong',
        'misrouted(["misrouted"]):::wrong',
    ]


def test_what_a_name_has_in_quotes_does_not_end_it_in_the_picture(site: Configuration) -> None:
    rule = site.rules["goods-in-scanned"]
    pattern = {"kind": "goods-in scan", "where": {"rma": '5" pipe'}}
    changed = type(rule).model_validate({**rule.model_dump(), "of": pattern})
    narrow = site.model_copy(update={"rules": {"received": changed}})
    assert '  from_goods_in -- "5#quot; pipe scan" --> received' in list(mermaid(narrow))


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
        "loaded --> departed",
        "from_released --> departed",
        "packed --> lost",
        'loaded -- "missing 1 h later" --> lost',
    ]


def test_what_a_level_reaches_is_said_in_the_picture() -> None:
    machines = load(SHIPPED.parents[1] / "docs" / "examples" / "machines.toml")
    lines = [line.strip() for line in mermaid(machines)]
    assert 'from_photo_eye -- "photo eye blocked for 10 s" --> jammed' in lines
    assert 'from_motor -- "motor above 80" --> jammed' in lines


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"above": -18}, "above -18"), ({"below": -25.5}, "below -25.5"), ({"to": [-1]}, "-1")],
)
def test_what_a_level_reaches_keeps_its_sign_in_the_picture(
    settings: dict[str, object], words: str
) -> None:
    machines = load(SHIPPED.parents[1] / "docs" / "examples" / "machines.toml")
    rule = type(machines.rules["hot"]).model_validate(
        {
            "operator": "transition",
            "milestone": "jammed",
            "about": "device",
            "of": {"kind": "motor"},
            "level": "temperature",
            "level_of": ["device"],
            **settings,
        }
    )
    cold = machines.model_copy(update={"rules": {"cold": rule}})
    assert f'  from_motor -- "motor {words}" --> jammed' in list(mermaid(cold))


def test_more_than_was_requested_is_too_many_in_the_picture() -> None:
    exceptions = load(SHIPPED.parents[1] / "docs" / "exceptions.toml")
    picks = {line.strip() for line in mermaid(exceptions) if "from_pick " in line}
    assert picks == {
        'from_pick -- "pick: enough" --> picked',
        'from_pick -- "pick: too few" --> short',
        'from_pick -- "pick: too many" --> over_picked',
    }


def test_what_is_told_of_content_is_explained() -> None:
    pallets = load(SHIPPED.parents[1] / "docs" / "examples" / "pallets.toml")
    told = dict(line.strip().split(": ", 1) for line in sentences(pallets) if ": " in line)
    assert told["stacked"].endswith(" What each carton names is a unit in it.")
    assert told["on-trailer"] == (
        "a unit is loaded when a load is told; once for each unit and trailer. "
        "So is each unit in it."
    )


def test_a_destination_is_told_only_what_it_is_owed(site: Configuration) -> None:
    erp = site.destinations["erp"].model_copy(update={"milestones": ("departed", "lost")})
    narrow = site.model_copy(update={"destinations": {"tms": erp}})
    assert list(sentences(narrow))[-1] == "  tms: departed and lost."
    owed = [line.strip() for line in mermaid(narrow) if "--> to_tms" in line]
    assert owed == ['facts -- "departed" --> to_tms', 'exceptions -- "lost" --> to_tms']


def test_a_condition_is_part_of_the_sentence(site: Configuration) -> None:
    rule = site.rules["goods-in-scanned"]
    pattern = {"kind": "scan", "where": {"read_point": "dock-*"}, "if": "rma == null"}
    changed = type(rule).model_validate({**rule.model_dump(), "of": pattern})
    narrow = site.model_copy(update={"rules": {"received": changed}})
    assert list(sentences(narrow))[1] == (
        "  received: a unit is received when a scan with read_point dock-* (if rma == null) "
        "is told; once for each unit and rma."
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"to": ["a", 1]}, "becomes a or 1; once for each device"),
        (
            {"to": [True], "for_seconds": 10, "recurs": True},
            "becomes true and stays so for 10 s; each time, for each device",
        ),
        ({"above": 80.5}, "goes above 80.5; once for each device"),
        (
            {"below": 3, "until_above": 4},
            "falls below 3, which ends when it goes above 4; once for each device",
        ),
    ],
)
def test_a_transition_says_what_it_waits_for(
    site: Configuration, settings: dict[str, object], words: str
) -> None:
    rule = TransitionRule.model_validate(
        {
            "operator": "transition",
            "milestone": "stored",
            "about": "unit",
            "of": {"kind": "task"},
            "level": "status",
            "level_of": ["device"],
            **settings,
        }
    )
    changed = site.model_copy(update={"rules": {"stored": rule}})
    told = list(sentences(changed))[1]
    assert told == f"  stored: a unit is stored when 'status' of a task {words}."
