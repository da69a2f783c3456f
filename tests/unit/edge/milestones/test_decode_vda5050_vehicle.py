"""A vehicle's state becomes an observation of the vehicle as a whole."""

from typing import Any

import fastjsonschema
import orjson
import pytest

from drivers.contract import Signal
from edge.milestones.decode import Decoder, Malformed, ObservationSettings
from edge.milestones.decode.formats import vda5050_vehicle
from tests.unit.edge.milestones.test_decode_vda5050 import SCHEMAS, STATE, STATE_3

LOAD = {"loadId": "340000000000000017", "loadType": "EPAL"}
TROUBLE: dict[str, Any] = {
    **STATE,
    "paused": True,
    "operatingMode": "MANUAL",
    "safetyState": {"eStop": "AUTOACK", "fieldViolation": True},
    "loads": [LOAD],
    "errors": [
        {"errorType": "maintenance", "errorLevel": "WARNING"},
        {"errorType": "laserDirty", "errorLevel": "FATAL"},
        {"errorType": "lostPosition", "errorLevel": "FATAL"},
    ],
}
TROUBLE_3: dict[str, Any] = {
    **STATE_3,
    "operatingMode": "INTERVENED",
    "powerSupply": {"stateOfCharge": 7, "charging": True},
    "safetyState": {"activeEmergencyStop": "REMOTE", "fieldViolation": False},
    "errors": [
        {"errorType": "CERTIFICATE_ERROR", "errorLevel": "CRITICAL"},
        {"errorType": "LOCALIZATION_ERROR", "errorLevel": "URGENT"},
    ],
}
MAPPING = {
    "source": "floor",
    "subject": "uagv/v2/+/+/state",
    "format": "vda5050_vehicle",
    "kind": "vehicle",
}


def decode(state: object, **more: object) -> dict[str, object]:
    mapping = ObservationSettings.model_validate(MAPPING | more)
    raw = Signal("uagv/v2/Acme/amr-07/state", orjson.dumps(state), 1_769_000_001_000)
    (seen,) = Decoder([mapping]).decode(1, "floor", raw)
    assert seen.occurred_at == 1_769_000_000_120
    return dict(seen.fields)


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the VDA 5050 schemas are not here")
@pytest.mark.parametrize("state", [TROUBLE, TROUBLE_3], ids=["2.1.0", "3.0.0"])
def test_the_states_of_these_tests_are_states_by_the_official_schema(
    state: dict[str, Any],
) -> None:
    schema = orjson.loads((SCHEMAS / state["version"] / "state.schema").read_bytes())
    fastjsonschema.compile(schema)(state)


def test_a_vehicle_that_is_well() -> None:
    assert decode(STATE) == {
        "device": "Acme/amr-07",
        "transport": "T-000012",
        "mode": "AUTOMATIC",
        "driving": False,
        "e_stop": "NONE",
        "field_violation": False,
        "battery": 61.5,
        "charging": False,
        "error": "NONE",
    }


def test_a_vehicle_in_trouble_tells_the_worst_of_its_errors() -> None:
    assert decode(TROUBLE) == decode(STATE) | {
        "unit": "340000000000000017",
        "mode": "MANUAL",
        "paused": True,
        "e_stop": "AUTOACK",
        "field_violation": True,
        "error": "FATAL",
        "error_type": "laserDirty",
    }


def test_version_3_tells_the_same_under_other_names() -> None:
    assert decode(STATE_3) == decode(STATE)
    assert decode(TROUBLE_3) == decode(STATE) | {
        "mode": "INTERVENED",
        "e_stop": "REMOTE",
        "battery": 7,
        "charging": True,
        "error": "CRITICAL",
        "error_type": "CERTIFICATE_ERROR",
    }


def test_the_format_names_all_fields_that_a_vehicle_can_have() -> None:
    assert decode(TROUBLE).keys() == vda5050_vehicle.FIELDS


def test_what_a_vehicle_does_not_tell_is_absent() -> None:
    told = {"timestamp", "manufacturer", "serialNumber", "operatingMode"}
    state = {name: value for name, value in STATE.items() if name in told}
    assert decode(state) == {"device": "Acme/amr-07", "mode": "AUTOMATIC"}
    assert "mode" not in decode(STATE | {"operatingMode": ""})


@pytest.mark.parametrize(
    ("levels", "worst"),
    [
        (["WARNING"], "WARNING"),
        (["WARNING", "URGENT"], "URGENT"),
        (["URGENT", "CRITICAL"], "CRITICAL"),
        (["CRITICAL", "FATAL"], "FATAL"),
        (["URGENT", "WARNING", "CRITICAL"], "CRITICAL"),
        (["SOMETHING_OF_VERSION_4"], "SOMETHING_OF_VERSION_4"),
        (["SOMETHING_OF_VERSION_4", "WARNING"], "WARNING"),
        (["FATAL", "SOMETHING_OF_VERSION_4"], "FATAL"),
    ],
)
def test_the_worst_of_several_errors_is_told(levels: list[str], worst: str) -> None:
    errors = [{"errorType": level.lower(), "errorLevel": level} for level in levels]
    found = decode(STATE | {"errors": errors})
    assert (found["error"], found["error_type"]) == (worst, worst.lower())


def test_an_error_need_not_say_its_type() -> None:
    found = decode(STATE | {"errors": [{"errorLevel": "FATAL"}]})
    assert found["error"] == "FATAL"
    assert "error_type" not in found


@pytest.mark.parametrize("loads", [[], [{}], [{"loadId": ""}], [LOAD, LOAD]])
def test_a_vehicle_with_no_load_or_several_tells_no_unit(loads: list[object]) -> None:
    assert "unit" not in decode(STATE | {"loads": loads})


def test_paths_of_a_mapping_start_at_the_state() -> None:
    found = decode(STATE, fields={"node": "lastNodeId"})
    assert found["node"] == "n1"


def test_one_subject_may_be_read_as_vehicle_and_as_tasks() -> None:
    task = ObservationSettings.model_validate(MAPPING | {"format": "vda5050", "kind": "task"})
    vehicle = ObservationSettings.model_validate(MAPPING)
    raw = Signal("uagv/v2/Acme/amr-07/state", orjson.dumps(STATE), 1_769_000_001_000)
    seen = Decoder([task, vehicle]).decode(1, "floor", raw)
    assert [each.kind for each in seen] == ["task", "task", "task", "vehicle"]


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        ([], "a list; expected a VDA 5050 state"),
        ({"connectionState": "ONLINE"}, "nothing at 'operatingMode'; expected a VDA 5050 state"),
        (STATE | {"timestamp": None}, "timestamp: nothing is no time"),
        (STATE | {"operatingMode": 5}, "operatingMode: 5; expected a text"),
        (STATE | {"driving": "yes"}, "driving: 'yes'; expected true or false"),
        (STATE | {"safetyState": {"eStop": {}}}, "safetyState.eStop: an object; expected a text"),
        (STATE | {"batteryState": {"batteryCharge": "61"}}, "'61'; expected a number"),
        (STATE | {"batteryState": {"batteryCharge": True}}, "True; expected a number"),
        (STATE | {"batteryState": {"charging": 1}}, "1; expected true or false"),
        (STATE | {"errors": {}}, "errors: an object; expected a list"),
        (STATE | {"errors": None}, "errors: nothing; expected a list"),
        (STATE | {"errors": ["x"]}, "an error is 'x'; expected an object"),
        (STATE | {"errors": [{}]}, "nothing at 'errorLevel'; VDA 5050 requires it"),
        (STATE | {"errors": [{"errorLevel": "x" * 2000}]}, "errorLevel: 2000 characters"),
        (STATE | {"operatingMode": "x" * 2000}, "operatingMode: 2000 characters"),
        (STATE | {"loads": ["x"]}, "a load is 'x'; expected an object"),
        (STATE | {"loads": [{"loadId": 5}]}, "loadId: 5; expected a text"),
    ],
)
def test_what_is_no_state_is_malformed(state: object, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        decode(state)
