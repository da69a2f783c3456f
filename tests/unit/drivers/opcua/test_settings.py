"""What the configuration may say about a PLC."""

import pytest
from pydantic import ValidationError

from drivers.opcua.settings import OpcUaSettings, subjects

VARIABLE = {"name": "speed", "node": "ns=2;s=Speed"}
BUFFER = {"name": "conveyor", "counter": "i=7", "slot": "ns=2;s=Slot{slot}", "slots": 8}
EVENTS = {"name": "gate-1", "node": "ns=4;s=Reader", "type": "ns=3;i=1004"}
PLC = {"endpoint": "opc.tcp://10.0.0.5:4840", "variables": [VARIABLE]}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"endpoint": "http://10.0.0.5"}, "endpoint"),
        ({"endpoint": "opc.tcp://user:secret@10.0.0.5:4840"}, "endpoint"),
        ({"endpoint": "opc.tcp://10.0.0.5"}, "endpoint"),
        ({"variables": []}, "nothing to listen to"),
        ({"variables": [VARIABLE, VARIABLE]}, "named more than once: speed"),
        ({"record_buffers": [{**BUFFER, "name": "speed"}]}, "named more than once: speed"),
        ({"events": [{**EVENTS, "name": "speed"}]}, "named more than once: speed"),
        ({"events": [{**EVENTS, "type": "ScanEvent"}]}, "'ScanEvent' is not a node id"),
        ({"variables": [{**VARIABLE, "node": "Speed"}]}, "'Speed' is not a node id"),
        ({"variables": [{**VARIABLE, "node": "ns=70000;i=1"}]}, "is not a node id"),
        ({"variables": [{**VARIABLE, "node": "ns=2;i=4294967296"}]}, "is not a node id"),
        ({"variables": [{**VARIABLE, "node": "ns=2;g=1234"}]}, "is not a node id"),
        ({"record_buffers": [{**BUFFER, "slot": "ns=2;s=Slot"}]}, "write {slot}"),
        ({"record_buffers": [{**BUFFER, "slots": 1}]}, "slots"),
        ({"security_policy": "Basic256Sha256"}, "needs certificate, private_key"),
        ({"username": "milepost"}, "needs a password_file"),
        ({"username": "milepost", "password_file": __file__}, "needs a security_policy"),
        ({"sampling": 1}, "sampling"),
    ],
)
def test_what_cannot_work_is_refused_before_it_runs(changed: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        OpcUaSettings.model_validate({**PLC, **changed})
    assert words in str(refused.value)


def test_a_plc_needs_no_more_than_an_endpoint_and_something_to_listen_to() -> None:
    OpcUaSettings.model_validate(PLC)
    OpcUaSettings.model_validate({**PLC, "variables": [], "record_buffers": [BUFFER]})
    OpcUaSettings.model_validate({**PLC, "variables": [], "events": [EVENTS]})


def test_the_subjects_are_the_names_of_all_that_is_listened_to() -> None:
    more = {"record_buffers": [BUFFER], "events": [EVENTS]}
    settings = OpcUaSettings.model_validate({**PLC, **more})
    assert subjects(settings) == ["conveyor", "speed", "gate-1"]
