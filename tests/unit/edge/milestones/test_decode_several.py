"""A signal may tell several things: each by itself, right or wrong."""

import tracemalloc

import pytest

from edge.milestones.decode import Malformed
from tests.unit.edge.milestones.decoding import SCAN, decoder, scan, signal


def test_one_signal_can_tell_several_things() -> None:
    again = SCAN | {"kind": "presence", "fields": {"place": "subject/2"}}
    observations = decoder(SCAN, again).decode(3, "floor", signal(scan()))
    assert [seen.kind for seen in observations] == ["scan", "presence"]
    assert {seen.signal for seen in observations} == {3}


def test_what_is_wrong_with_one_thing_takes_no_other_along() -> None:
    agv = {
        "source": "agv",
        "subject": "state",
        "format": "vda5050",
        "kind": "task",
        "fields": {"unit": "resultDescription"},
        "identifiers": {"unit": ["sscc"]},
    }
    drop = {"actionId": "d", "actionType": "drop", "actionStatus": "FINISHED"}
    results = ["tag unreadable", "340123450000000017", "no tag"]
    state = {
        "timestamp": "2026-01-21T12:53:20Z",
        "manufacturer": "m",
        "serialNumber": "1",
        "actionStates": [{**drop, "resultDescription": each} for each in results],
    }
    with pytest.raises(Malformed) as raised:
        decoder(agv).decode(1, "agv", signal(state, "state"))
    assert [each.fields["unit"] for each in raised.value.observations] == [results[1]]
    assert [str(raised.value).count(repr(each)) for each in results] == [1, 0, 1]


def test_of_two_readings_of_a_payload_one_may_be_wrong() -> None:
    weight = SCAN | {"kind": "weight", "fields": {"weight": "kg"}}
    with pytest.raises(Malformed, match=r"^weight: weight: nothing at 'kg'") as raised:
        decoder(weight, SCAN).decode(1, "floor", signal(scan()))
    assert [each.kind for each in raised.value.observations] == ["scan"]


@pytest.mark.parametrize(
    ("faults", "end"),
    [
        (1, "if it may be missing)"),
        (3, "if it may be missing)"),
        (4, "; and 1 more"),
        (5, "; and 2 more"),
    ],
)
def test_much_that_is_wrong_is_said_in_short(faults: int, end: str) -> None:
    wrong = [SCAN | {"kind": f"k{n}", "fields": {"x": f"x{n}"}} for n in range(faults)]
    with pytest.raises(Malformed) as raised:
        decoder(*wrong).decode(1, "floor", signal(scan()))
    for n in range(faults):
        assert (f"k{n}: x: nothing at 'x{n}'" in str(raised.value)) == (n < 3)
    assert str(raised.value).endswith(end)


def test_a_payload_that_tells_of_too_many_things_is_malformed() -> None:
    scans = {**SCAN, "format": "autoid", "time": None, "fields": {}}
    assert len(decoder(scans).decode(1, "floor", signal(["x"] * 1000))) == 1000
    with pytest.raises(Malformed, match="tells more than 1000 things at once"):
        decoder(scans).decode(1, "floor", signal(["x"] * 1001))


AS_JSON = {"source": "floor", "subject": "dc/scanner/+/scan", "kind": "scan"}


def test_a_payload_that_one_format_cannot_read_is_read_in_another() -> None:
    vehicle = AS_JSON | {"format": "vda5050", "kind": "task"}
    with pytest.raises(Malformed, match=r"^nothing at 'actionStates'") as raised:
        decoder(vehicle, AS_JSON).decode(1, "floor", signal(scan()))
    assert [each.kind for each in raised.value.observations] == ["scan"]


def test_a_payload_that_tells_of_too_many_things_in_one_format_is_one_thing_in_another() -> None:
    codes = AS_JSON | {"format": "autoid", "kind": "code"}
    with pytest.raises(Malformed, match=r"^tells more than 1000 things at once$") as raised:
        decoder(codes, AS_JSON).decode(1, "floor", signal(["x"] * 1001))
    assert [each.kind for each in raised.value.observations] == ["scan"]


def test_a_payload_that_tells_of_too_many_things_is_not_read_to_its_end() -> None:
    codes = decoder(AS_JSON | {"format": "autoid"})
    payload = signal(b"[" + b"5," * 500_000 + b"5]")
    tracemalloc.start()
    try:
        with pytest.raises(Malformed, match="tells more than 1000 things at once"):
            codes.decode(1, "floor", payload)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 64 * 1024 * 1024  # the list takes 16 MB; to say of each what is wrong, over 200
