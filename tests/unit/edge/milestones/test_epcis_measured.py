"""What was measured, as the EPCIS event that tells it has it."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from edge.milestones.attributes import Unencodable
from edge.milestones.epcis import encode
from edge.milestones.measurements import likely_measure
from edge.milestones.model import Name
from tests.unit.edge.milestones.epcis_events import SITE, SSCC, UNIT, event_of, milestone


def test_a_measurement_is_a_sensor_element_of_the_time_that_it_speaks_of() -> None:
    event = event_of(Name.MEASURED)
    assert (event["action"], event["bizStep"]) == ("OBSERVE", "sensor_reporting")
    assert event["sensorElementList"] == [
        {
            "sensorMetadata": {
                "startTime": "2026-01-21T12:52:20.123Z",
                "endTime": "2026-01-21T12:53:20.123Z",
                "deviceID": "https://dc-north.example/device/press-1",
            },
            "sensorReport": [
                {
                    "type": "ElectricCurrent",
                    "minValue": -0.5,
                    "maxValue": 4.1,
                    "meanValue": 3.5105,
                    "uom": "AMP",
                },
                {"type": "Time", "value": 38.5, "uom": "SEC", "milepost:state": "EXECUTE"},
                {"type": "Time", "value": 20, "uom": "SEC", "milepost:state": "IDLE"},
            ],
        }
    ]
    assert event["milepost:count"] == 600
    assert event["milepost:sum"] == 2106.3
    assert event["milepost:unknownSeconds"] == 1.5
    assert not {"epcList", "disposition", "milepost:since", "milepost:seconds"} & event.keys()


def test_a_measurement_is_about_a_unit_or_has_a_read_point() -> None:
    about_a_device = replace(milestone(Name.MEASURED), key="device:press-1")
    device = "https://dc-north.example/device/press-1"
    assert orjson.loads(encode(about_a_device, SITE))["readPoint"] == {"id": device}
    told = event_of(Name.MEASURED, read_point="cell-4")
    assert told["readPoint"] == {"id": "https://dc-north.example/readPoint/cell-4"}
    about_a_unit = event_of(Name.MEASURED, unit=SSCC, device=None)
    assert about_a_unit["epcList"] == [UNIT]
    assert "readPoint" not in about_a_unit
    assert "deviceID" not in about_a_unit["sensorElementList"][0]["sensorMetadata"]


def test_states_are_told_in_the_order_of_their_names_whatever_these_are() -> None:
    event = event_of(Name.MEASURED, measures=None, seconds={"IDLE": 20, 3: 1.5})
    reports = event["sensorElementList"][0]["sensorReport"]
    assert [(each["milepost:state"], each["value"]) for each in reports] == [
        ("3", 1.5),
        ("IDLE", 20),
    ]


@pytest.mark.parametrize(
    ("seconds", "complaint"),
    [
        ({"IDLE": "long"}, "seconds is 'long'; expected a number"),
        ({"\ud800": 1}, "seconds is .*, which is not Unicode"),
    ],
)
def test_a_state_that_cannot_be_told_is_refused_by_name(
    seconds: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(Unencodable, match=complaint):
        event_of(Name.MEASURED, seconds=seconds)


def test_what_it_is_about_is_refused_by_name_if_it_cannot_be_told() -> None:
    told = replace(milestone(Name.MEASURED), key="zone:\ud800")
    with pytest.raises(Unencodable, match=r"zone is .*, which is not Unicode"):
        encode(told, SITE)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("current", "ElectricCurrent"),
        ("Temprature", "Temperature"),
        ("wibble", "Dimensionless"),
    ],
)
def test_a_measure_that_gs1_does_not_know_is_answered_with_one_that_it_does(
    written: str, meant: str
) -> None:
    assert likely_measure(written) == meant
