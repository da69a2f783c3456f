"""Which `[[observations]]` are refused before anything runs, and why; what rules know of them."""

import pytest
from pydantic import ValidationError

from edge.milestones.decode import ObservationSettings, fields_of, sources_of

GOOD = {"source": "floor", "subject": "dc/+/scan", "kind": "scan", "fields": {"unit": "barcode"}}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"format": "xml"}, r"no format 'xml'; there are autoid, json, vda5050, vda5050_vehicle"),
        ({"subject": "dc/+scan"}, r"'\+' stands for a whole level"),
        ({"subject": "dc/#/scan"}, "'#' stands for all further levels"),
        ({"subject": "dc#"}, "'#' stands for all further levels"),
        ({"subject": ""}, "at least 1 character"),
        ({"kind": ""}, "at least 1 character"),
        ({"time": "a..b"}, r"'a\.\.b': expected names joined by '\.'"),
        ({"time": "?"}, "expected names joined"),
        ({"fields": {"unit": ""}}, "expected names joined"),
        ({"fields": {"unit": "subject/x"}}, "expected a number after 'subject/'"),
        ({"fields": {"unit": "subject/3"}}, "has only levels 0 to 2"),
        ({"when": {"subject/3": "x"}}, "has only levels 0 to 2"),
        ({"when": {"a.": "x"}}, "expected names joined"),
        ({"when": {"a": ["x"]}}, "valid boolean"),
        ({"fields": {"rule": "r"}}, "'rule' has a meaning in every event"),
        ({"fields": {"Unit": "u"}}, "should match pattern"),
        ({"words": {"state": {"6": "execute"}}}, "words: no field 'state'; fields are unit"),
        ({"fields": {}, "words": {"state": {"6": "execute"}}}, "'state'; fields are none"),
        (
            {"fields": {"unit": "u", "lane": "l"}, "identifiers": {"item": ["gtin"]}},
            "identifiers: no field 'item'; fields are lane, unit",
        ),
        ({"words": {"unit": {}}}, "at least 1 item"),
        ({"words": {"unit": {"6": ""}}}, "at least 1 character"),
        ({"field": {}}, "Extra inputs are not permitted"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ObservationSettings.model_validate(GOOD | change)


@pytest.mark.parametrize(
    "name",
    [
        "milestone",
        "rule",
        "rule_version",
        "mark",
        "time_from",
        "severity",
        "blocks",
        "requested_quantity",
        "since",
    ],
)
@pytest.mark.parametrize("setting", ["fields", "compute"])
def test_what_an_event_says_itself_is_no_name_for_a_field(name: str, setting: str) -> None:
    with pytest.raises(ValidationError, match=f"'{name}' has a meaning in every event"):
        ObservationSettings.model_validate(GOOD | {setting: {name: "unit"}})


@pytest.mark.parametrize("subject", ["#", "dc/#", "dc/+/#"])
def test_an_open_subject_may_have_any_level(subject: str) -> None:
    settings = GOOD | {"subject": subject, "fields": {"unit": "subject/7?"}}
    assert ObservationSettings.model_validate(settings).fields == {"unit": "subject/7?"}


def test_literals_keep_their_type() -> None:
    literals = {"a": True, "b": 1, "c": 1.5, "d": "1"}
    found = ObservationSettings.model_validate(GOOD | {"when": literals}).when
    assert [(value, type(value)) for value in found.values()] == [
        (value, type(value)) for value in literals.values()
    ]


def test_every_kind_knows_its_sources() -> None:
    mappings = [
        ObservationSettings(source="a", subject="x", kind="scan"),
        ObservationSettings(source="b", subject="x", kind="scan"),
        ObservationSettings(source="b", subject="y", kind="load"),
    ]
    assert sources_of(mappings) == {"scan": frozenset("ab"), "load": frozenset("b")}


def test_every_kind_knows_the_fields_of_all_its_mappings_and_of_their_formats() -> None:
    mappings = [
        ObservationSettings(source="a", subject="x", kind="scan", fields={"unit": "u?"}),
        ObservationSettings(source="b", subject="x", kind="scan", fields={"rma": "r"}),
        ObservationSettings(
            source="b", subject="y", format="vda5050", kind="task", fields={"lane": "l"}
        ),
        ObservationSettings(source="b", subject="z", kind="bare"),
    ]
    assert fields_of(mappings) == {
        "scan": {"unit", "rma"},
        "task": {"device", "transport", "action", "type", "status", "unit", "lane"},
        "bare": set(),
    }
