"""A vehicle's state becomes a task observation for each of its actions."""

from pathlib import Path
from typing import Any

import fastjsonschema
import orjson
import pytest

from drivers.contract import Signal
from edge.milestones.decode import Decoder, Malformed, ObservationSettings
from edge.milestones.decode.formats import vda5050

SCHEMAS = Path(__file__).parents[5] / "shared" / "standards" / "vda5050"
MAPPING = {
    "source": "floor",
    "subject": "uagv/v2/+/+/state",
    "format": "vda5050",
    "kind": "task",
}
STATE: dict[str, Any] = {
    "headerId": 17,
    "timestamp": "2026-01-21T12:53:20.12Z",
    "version": "2.1.0",
    "manufacturer": "Acme",
    "serialNumber": "amr-07",
    "orderId": "T-000012",
    "orderUpdateId": 0,
    "lastNodeId": "n1",
    "lastNodeSequenceId": 2,
    "driving": False,
    "operatingMode": "AUTOMATIC",
    "nodeStates": [],
    "edgeStates": [],
    "actionStates": [
        {
            "actionId": "a1",
            "actionType": "pick",
            "actionStatus": "FINISHED",
            "resultDescription": "340000000000000017",
        },
        {"actionId": "a2", "actionType": "drop", "actionStatus": "WAITING"},
        {"actionId": "a3", "actionStatus": "RUNNING"},
    ],
    "batteryState": {"batteryCharge": 61.5, "charging": False},
    "errors": [],
    "safetyState": {"eStop": "NONE", "fieldViolation": False},
}
STATE_3: dict[str, Any] = {
    **{name: value for name, value in STATE.items() if name != "batteryState"},
    "version": "3.0.0",
    "actionStates": [
        {"actionId": "a1", "actionStatus": "RETRIABLE", "actionResult": "340000000000000017"},
    ],
    "instantActionStates": [
        {"actionId": "i1", "actionType": "startPause", "actionStatus": "FINISHED"},
    ],
    "zoneActionStates": [{"actionId": "z1", "actionType": "beep", "actionStatus": "RUNNING"}],
    "powerSupply": {"stateOfCharge": 61.5, "charging": False},
    "safetyState": {"activeEmergencyStop": "NONE", "fieldViolation": False},
}


def decode(state: object, **more: object) -> list[tuple[int, dict[str, object]]]:
    mapping = ObservationSettings.model_validate(MAPPING | more)
    raw = Signal("uagv/v2/Acme/amr-07/state", orjson.dumps(state), 1_769_000_001_000)
    observations = Decoder([mapping]).decode(1, "floor", raw)
    return [(seen.occurred_at, dict(seen.fields)) for seen in observations]


def changed(name: str, value: object) -> dict[str, object]:
    return {**STATE, "actionStates": [{**STATE["actionStates"][0], name: value}]}


@pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the VDA 5050 schemas are not here")
@pytest.mark.parametrize("state", [STATE, STATE_3], ids=["2.1.0", "3.0.0"])
def test_the_states_of_these_tests_are_states_by_the_official_schema(
    state: dict[str, Any],
) -> None:
    schema = orjson.loads((SCHEMAS / state["version"] / "state.schema").read_bytes())
    fastjsonschema.compile(schema)(state)


def test_each_action_is_an_observation() -> None:
    common = {"device": "Acme/amr-07", "transport": "T-000012"}
    at = 1_769_000_000_120
    assert decode(STATE) == [
        (
            at,
            common
            | {
                "action": "a1",
                "type": "pick",
                "status": "FINISHED",
                "unit": "340000000000000017",
            },
        ),
        (at, common | {"action": "a2", "type": "drop", "status": "WAITING"}),
        (at, common | {"action": "a3", "status": "RUNNING"}),
    ]


def test_version_3_tells_results_and_instant_actions_under_other_names() -> None:
    told = [fields for _, fields in decode(STATE_3)]
    assert [(fields["action"], fields["status"]) for fields in told] == [
        ("a1", "RETRIABLE"),
        ("i1", "FINISHED"),
        ("z1", "RUNNING"),
    ]
    assert told[0]["unit"] == "340000000000000017"


def test_the_format_names_all_fields_that_an_action_can_have() -> None:
    told = [fields for state in (STATE, STATE_3) for _, fields in decode(state)]
    assert frozenset().union(*told) == vda5050.FIELDS


@pytest.mark.parametrize("status", ["PAUSED", "RETRIABLE", "SOMETHING_OF_VERSION_4"])
def test_an_unknown_status_is_passed_on(status: str) -> None:
    ((_, fields),) = decode(changed("actionStatus", status))
    assert fields["status"] == status


def test_a_vehicle_that_has_had_no_order_tells_none() -> None:
    assert "transport" not in decode(STATE | {"orderId": ""})[0][1]


def test_a_vehicle_without_actions_tells_nothing() -> None:
    assert decode(STATE | {"actionStates": []}) == []


def test_the_mapping_decides_which_part_of_an_action_is_the_unit() -> None:
    action = {"actionId": "a", "actionStatus": "FINISHED", "resultDescription": "free text"}
    own = {"result": {"tag": "340000000000000017"}}
    state = {**STATE, "actionStates": [action | own, action]}
    told = [fields.get("unit") for _, fields in decode(state, fields={"unit": "result.tag?"})]
    assert told == ["340000000000000017", None]


def test_the_mapping_chooses_actions() -> None:
    told = decode(STATE, when={"actionType?": "drop"})
    assert [fields["action"] for _, fields in told] == ["a2"]


def test_an_action_that_is_wrong_takes_no_other_along() -> None:
    first, *others = STATE["actionStates"]
    nameless = {"actionType": "drop", "actionStatus": "FINISHED"}
    state = {
        **STATE,
        "actionStates": ["x", first, nameless, *others],
        "instantActionStates": 5,
        "zoneActionStates": [{**first, "actionId": "z1"}, None],
    }
    with pytest.raises(Malformed) as raised:
        decode(state)
    assert [each.fields["action"] for each in raised.value.observations] == ["a1", "a2", "a3", "z1"]
    assert str(raised.value) == (
        "actionStates.0: the state of an action is 'x'; expected an object; "
        "actionStates.2: nothing at 'actionId'; VDA 5050 requires it; "
        "instantActionStates: 5; expected a list; and 1 more"
    )


@pytest.mark.parametrize(
    ("state", "complaint"),
    [
        ([], "a list; expected a VDA 5050 state"),
        (None, "nothing; expected a VDA 5050 state"),
        ({"connectionState": "ONLINE"}, "nothing at 'actionStates'"),
        (STATE | {"actionStates": {}}, "actionStates: an object; expected a list"),
        (STATE | {"actionStates": None}, "actionStates: nothing; expected a list"),
        (STATE | {"actionStates": ["a1"]}, "the state of an action is 'a1'; expected an object"),
        (STATE | {"instantActionStates": 5}, "instantActionStates: 5; expected a list"),
        (STATE | {"timestamp": "2026-01-21T12:53:20"}, "timestamp: .* is no time"),
        (STATE | {"timestamp": None}, "timestamp: nothing is no time"),
        (STATE | {"serialNumber": ""}, "nothing at 'serialNumber'; VDA 5050 requires it"),
        (STATE | {"serialNumber": "x" * 1020}, "manufacturer and serialNumber: 1025 characters"),
        (STATE | {"manufacturer": 5}, "manufacturer: 5; expected a text"),
        (STATE | {"orderId": {}}, "orderId: an object; expected a text"),
        (changed("actionId", None), "nothing at 'actionId'"),
        (changed("actionStatus", ""), "nothing at 'actionStatus'"),
        (changed("actionType", []), "actionType: a list"),
        (changed("resultDescription", 340), "resultDescription: 340; expected a text"),
        (changed("actionId", "x" * 2000), "actionId: 2000 characters"),
    ],
)
def test_what_is_no_state_is_malformed(state: object, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        decode(state)
