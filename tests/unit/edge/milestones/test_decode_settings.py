"""Which `[[observations]]` are refused before anything runs, and why."""

import pytest
from pydantic import ValidationError

from edge.milestones.decode import ObservationSettings

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
        ({"words": {"unit": {}}}, "at least 1 item"),
        ({"words": {"unit": {"6": ""}}}, "at least 1 character"),
        ({"field": {}}, "Extra inputs are not permitted"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ObservationSettings.model_validate(GOOD | change)


def test_an_open_subject_may_have_any_level() -> None:
    settings = GOOD | {"subject": "dc/#", "fields": {"unit": "subject/7?"}}
    assert ObservationSettings.model_validate(settings).fields == {"unit": "subject/7?"}


def test_literals_keep_their_type() -> None:
    literals = {"a": True, "b": 1, "c": 1.5, "d": "1"}
    found = ObservationSettings.model_validate(GOOD | {"when": literals}).when
    assert [(value, type(value)) for value in found.values()] == [
        (value, type(value)) for value in literals.values()
    ]
