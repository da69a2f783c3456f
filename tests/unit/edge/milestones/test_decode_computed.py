"""Fields are computed from what was read."""

import re
from typing import Any

import orjson
import pytest

from drivers.contract import Signal
from edge.milestones.decode import Decoder, Malformed, ObservationSettings, fields_of

WEIGHING: dict[str, Any] = {
    "source": "floor",
    "subject": "scale",
    "kind": "weighing",
    "fields": {"weight": "grams", "station": "station?", "unit": "unit?", "rma": "rma?"},
}


def weighed(compute: dict[str, str], payload: dict[str, object], **more: Any) -> Any:
    settings = ObservationSettings.model_validate({**WEIGHING, "compute": compute, **more})
    told = Signal("scale", orjson.dumps(payload), 1_769_000_000_000)
    (observation,) = Decoder([settings]).decode(1, "floor", told)
    return observation.fields


def test_fields_are_computed_from_those_that_were_read() -> None:
    compute = {
        "weight": "weight / 1000.0",
        "heavy": "weight > 10000",  # of what was read, not of what was computed
        "read_point": "'scale-' + string(station)",
    }
    assert weighed(compute, {"grams": 12500, "station": 3}) == {
        "weight": 12.5,
        "heavy": True,
        "station": 3,
        "read_point": "scale-3",
    }


@pytest.mark.parametrize("nothing", ["null", "''", "rma", "trim(' ')"])
def test_what_is_computed_as_nothing_is_missing(nothing: str) -> None:
    fields = weighed({"weight": nothing, "other": nothing}, {"grams": 1})
    assert fields == {}


def test_a_computed_field_is_brought_to_its_identifiers_form() -> None:
    compute = {"unit": "'(00)' + unit.substring(3)"}
    payload = {"grams": 1, "unit": "SU:340123450000000017"}
    fields = weighed(compute, payload, identifiers={"unit": ["sscc"]})
    assert fields["unit"] == "340123450000000017"
    with pytest.raises(Malformed, match="its check digit is 8, not 7: misread"):
        weighed(
            compute,
            {"grams": 1, "unit": "SU:340123450000000018"},
            identifiers={"unit": ["sscc"]},
        )


def test_identifiers_may_be_of_a_field_that_is_only_computed() -> None:
    fields = weighed(
        {"lpn": "'LPN' + string(weight)"}, {"grams": 17}, identifiers={"lpn": ["/LPN[0-9]+/"]}
    )
    assert fields["lpn"] == "LPN17"


@pytest.mark.parametrize(
    ("expression", "grams", "message"),
    [
        (
            "weight / 1000.0",
            "heavy",
            "weighing: kg: 'weight / 1000.0' has no result for weight = 'heavy': there is no",
        ),
        ("1000.0 / weight", 0, "weighing: kg: '1000.0 / weight' has no result for weight = 0: inf"),
        ("weight + weight", "x" * 600, "weighing: kg: 1200 characters; expected at most 1024"),
        ("weight * 10.0", 2**53, "9.0072e+16 is no exact number"),
    ],
)
def test_what_cannot_be_computed_is_malformed(expression: str, grams: object, message: str) -> None:
    with pytest.raises(Malformed, match=re.escape(message)):
        weighed({"kg": expression}, {"grams": grams})


def test_computed_fields_are_fields_of_the_kind() -> None:
    mapping = {**WEIGHING, "compute": {"kg": "weight / 1000.0"}}
    settings = ObservationSettings.model_validate(mapping)
    assert fields_of([settings])["weighing"] == {"kg", "weight", "station", "unit", "rma"}
