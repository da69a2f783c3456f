"""What a scanner could not read, or misread, is an observation of its own, if the site wants it."""

from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from drivers.contract import Signal
from edge.milestones.decode import Decoder, Malformed, ObservationSettings, fields_of, sources_of
from edge.milestones.model import Observation

SSCC, WRONG = "340123450000000017", "340123450000000018"
SCAN: dict[str, Any] = {
    "source": "floor",
    "subject": "dc/scanner/+/scan",
    "kind": "scan",
    "time": "time",
    "fields": {"read_point": "subject/2", "unit": "barcode", "scanned_at": "time"},
    "identifiers": {"unit": ["sscc"]},
}
BOTH = {"misread": "misread", "unread": "no-read", "no_read": ["NOREAD", "?"]}
AT = 1_769_000_000_000


def observe(payload: dict[str, Any], **changes: Any) -> Observation:
    decoder = Decoder([ObservationSettings.model_validate({**SCAN, **changes})])
    told = orjson.dumps({"time": AT, **payload})
    (observation,) = decoder.decode(7, "floor", Signal("dc/scanner/tunnel-1/scan", told, AT + 50))
    return observation


def test_a_wrong_check_digit_is_told_of_the_read_point_and_names_no_unit() -> None:
    observation = observe({"barcode": f"]C100{WRONG}"}, **BOTH)
    assert (observation.kind, observation.signal) == ("misread", 7)
    assert (observation.occurred_at, observation.lag) == (AT, 50)
    assert observation.fields == {
        "read_point": "tunnel-1",
        "scanned_at": AT,
        "text": f"]C100{WRONG}",
        "reason": f"scan: unit: ']C100{WRONG}' is no SSCC: its check digit is 8, not 7: misread",
    }


@pytest.mark.parametrize("told", ["NOREAD", "?", " NOREAD\r\n"])
def test_what_the_scanner_says_in_place_of_a_barcode_is_no_barcode(told: str) -> None:
    observation = observe({"barcode": told}, **BOTH)
    assert observation.kind == "no-read"
    assert observation.fields == {"read_point": "tunnel-1", "scanned_at": AT, "text": told}


@pytest.mark.parametrize("nothing", [{"barcode": ""}, {"barcode": None}, {}])
@pytest.mark.parametrize("path", ["barcode", "barcode?"])
def test_nothing_at_all_may_stand_for_what_was_not_read(nothing: dict[str, Any], path: str) -> None:
    fields = {**SCAN["fields"], "unit": path}
    observation = observe(nothing, unread="no-read", no_read=[""], fields=fields)
    assert observation.kind == "no-read"
    assert observation.fields == {"read_point": "tunnel-1", "scanned_at": AT, "text": ""}
    if path == "barcode":
        with pytest.raises(Malformed, match="nothing at 'barcode'"):
            observe(nothing, **BOTH)
    else:
        assert observe(nothing, **BOTH, fields=fields).kind == "scan"


def test_what_is_read_right_is_what_it_was() -> None:
    observation = observe({"barcode": f"00{SSCC}"}, **BOTH)
    assert observation.kind == "scan"
    assert observation.fields["unit"] == SSCC
    assert not {"text", "reason"} & observation.fields.keys()


@pytest.mark.parametrize(
    ("barcode", "settings"),
    [
        (WRONG, {}),
        (WRONG, {"unread": "no-read", "no_read": ["NOREAD"]}),
        ("NOREAD", {}),
        ("NOREAD", {"misread": "misread"}),
        # It may be another label, read right: nobody can tell.
        ("LPN12345678", BOTH),
        (0, BOTH),
    ],
)
def test_what_nothing_is_set_for_goes_to_quarantine(
    barcode: object, settings: dict[str, Any]
) -> None:
    with pytest.raises(Malformed, match="is no SSCC"):
        observe({"barcode": barcode}, **settings)


def test_of_several_barcodes_those_that_were_read_are_told() -> None:
    several = {
        **BOTH,
        "fields": {"unit": "barcode", "item": "item", "tote": "tote"},
        "identifiers": {"unit": ["sscc"], "item": ["gtin"], "tote": ["/T[0-9]+/"]},
    }
    told = {"barcode": WRONG, "item": "04012345000016", "tote": "NOREAD"}
    observation = observe(told, **several)
    assert observation.kind == "misread"
    assert observation.fields.keys() == {"item", "text", "reason"}
    assert observation.fields["text"] == WRONG


def test_rules_know_the_kinds_and_the_fields_of_what_was_not_read() -> None:
    settings = [ObservationSettings.model_validate({**SCAN, **BOTH})]
    here = frozenset({"floor"})
    assert sources_of(settings) == {"scan": here, "misread": here, "no-read": here}
    others = {"read_point", "scanned_at"}
    assert fields_of(settings) == {
        "scan": others | {"unit"},
        "misread": others | {"text", "reason"},
        "no-read": others | {"text"},
    }


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"unread": "no-read"}, "`unread` is for the texts of `no_read`: set both or neither"),
        ({"no_read": ["?"]}, "`unread` is for the texts of `no_read`: set both or neither"),
        ({"misread": "m", "identifiers": {}}, "are about `identifiers`: set them too"),
        ({"misread": "scan"}, "'scan' is the kind of what was read; expected another"),
        (
            {"misread": "m", "fields": {"unit": "barcode", "text": "raw"}},
            "'text' is added to what was not read; rename the field",
        ),
        ({"misread": "milestone/lost"}, "milestone"),
    ],
)
def test_settings_that_cannot_work_are_refused_and_say_why(
    settings: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        ObservationSettings.model_validate({**SCAN, **settings})
