"""Each milestone is an event by the official schema of EPCIS 2.0."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import fastjsonschema
import orjson
import pytest

from edge.milestones.epcis import encode
from edge.milestones.measurements import MEASUREMENT_TYPES
from edge.milestones.model import SEVERITY, Milestone, Name
from tests.unit.edge.milestones.epcis_events import (
    CORRECTED,
    EMPTIED,
    SITE,
    event_of,
    milestone,
    retraction_of,
)

SCHEMA = Path(__file__).parents[5] / "shared/standards/epcis/schema/EPCIS-JSON-Schema.json"


@pytest.fixture(scope="module")
def schema() -> Any:
    if not SCHEMA.is_file():
        pytest.skip("the EPCIS schema is not here")
    return fastjsonschema.compile(orjson.loads(SCHEMA.read_bytes()))


def document(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "@context": event["@context"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-01-21T12:53:20Z",
        "epcisBody": {"eventList": [event]},
    }


@pytest.mark.parametrize("name", Name)
def test_every_milestone_is_an_event_by_the_official_schema(schema: Any, name: Name) -> None:
    schema(document(event_of(name)))
    retraction = encode(retraction_of(milestone(name)), SITE)
    schema(document(orjson.loads(retraction)))


@pytest.mark.parametrize(
    "told",
    [
        EMPTIED,
        CORRECTED,
        *[
            replace(milestone(name), key="device:Acme/amr-07", attributes={})
            for name in SEVERITY
            if name is not Name.SHORT
        ],
    ],
    ids=lambda told: told.name,
)
def test_what_an_event_may_leave_out_or_add_is_within_the_official_schema(
    schema: Any, told: Milestone
) -> None:
    schema(document(orjson.loads(encode(told, SITE))))


def test_the_official_schema_notices_words_that_are_not_epcis(schema: Any) -> None:
    # Without format checks, a validator accepts all of these.
    for wrong in ({"bizStep": "putaway"}, {"disposition": "gone"}, {"line": 2}):
        with pytest.raises(fastjsonschema.JsonSchemaException):
            schema(document(event_of(Name.STORED) | wrong))


def test_measurement_types_are_those_of_the_official_schema() -> None:
    if not SCHEMA.is_file():
        pytest.skip("the EPCIS schema is not here")
    types = orjson.loads(SCHEMA.read_bytes())["definitions"]["measurementType"]["anyOf"]
    assert frozenset(types[1]["enum"]) == MEASUREMENT_TYPES
