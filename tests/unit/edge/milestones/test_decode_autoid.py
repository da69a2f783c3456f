"""What an AutoID reader has read becomes an observation for each result."""

import base64

import orjson
import pytest

from drivers.contract import Signal
from edge.milestones.decode import Decoder, Malformed, ObservationSettings
from edge.milestones.decode.formats import autoid
from edge.milestones.model import Observation

NOW = 1_769_000_001_000
SSCC = "340123450000000017"
RESULT = {
    "CodeType": "GS1",
    "ScanData": {"ByteString": base64.b64encode(b"]C100" + SSCC.encode()).decode()},
    "Timestamp": "2026-01-21T12:53:20.12Z",
    "Location": {"Name": "dock-in-1"},
}
TAG = {
    "CodeType": "EPC",
    "ScanData": {"Epc": {"PC": 12288, "UId": "MHQlN7wAABF3d3d3", "XPC_W1": 0, "XPC_W2": 0}},
    "Timestamp": "2026-01-21T12:53:21Z",
    "Location": None,
    "Sighting": [{"Antenna": 1, "Strength": -52}],
}
MAPPING = {"source": "reader", "subject": "gate-1", "format": "autoid", "kind": "scan"}


def decode(payload: object, **more: object) -> list[Observation]:
    decoder = Decoder([ObservationSettings.model_validate(MAPPING | more)])
    return decoder.decode(1, "reader", Signal("gate-1", orjson.dumps(payload), NOW))


def code(data: object, code_type: str | None = None) -> object:
    (seen,) = decode(RESULT | {"ScanData": data, "CodeType": code_type})
    return seen.fields.get("code")


def test_a_result_is_an_observation() -> None:
    (seen,) = decode(RESULT)
    assert seen.fields == {"code": f"]C100{SSCC}", "code_type": "GS1", "read_point": "dock-in-1"}
    assert seen.occurred_at == 1_769_000_000_120


def test_each_result_of_an_event_is_an_observation() -> None:
    first, second = decode({"DeviceName": "gate 1", "ScanResult": [RESULT, TAG]})
    assert first.fields["device"] == "gate 1"
    assert first.fields.keys() == autoid.FIELDS
    assert second.fields == {
        "device": "gate 1",
        "code": "30742537BC00001177777777",
        "code_type": "EPC",
    }
    assert [each.occurred_at for each in decode([RESULT, TAG])] == [
        first.occurred_at,
        second.occurred_at,
    ]


@pytest.mark.parametrize("name", [{}, {"DeviceName": None}, {"DeviceName": ""}])
def test_a_reader_that_does_not_say_its_name_is_no_device(name: dict[str, object]) -> None:
    (seen,) = decode({**name, "ScanResult": [TAG]})
    assert seen.fields == {"code": "30742537BC00001177777777", "code_type": "EPC"}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (SSCC, SSCC),
        ({"String": SSCC}, SSCC),
        (TAG["ScanData"], "30742537BC00001177777777"),
        ({"PC": 12288, "UId": "MHQlN7wAABF3d3d3"}, "30742537BC00001177777777"),
    ],
)
def test_the_last_scan_data_alone_are_a_result(payload: object, expected: str) -> None:
    (seen,) = decode(payload)
    assert seen.fields == {"code": expected}
    assert seen.occurred_at == NOW


@pytest.mark.parametrize(
    ("data", "code_type", "expected"),
    [
        ({"String": "abc"}, None, "abc"),
        ({"ByteString": "YWJj"}, "GS1", "abc"),
        ({"ByteString": "YWJj"}, "ASC", "abc"),
        ({"ByteString": "YWJj"}, "RAW:STRING", "abc"),
        ({"ByteString": "4oKs"}, "URI", "€"),
        ({"ByteString": "YWJj"}, "UID", "616263"),
        ({"ByteString": "YWJj"}, "RAW:BYTES", "616263"),
        ({"ByteString": "YWJj"}, "CUSTOM:x", "616263"),
        ({"ByteString": "YWJj"}, None, "616263"),
        ({"ByteString": "/+o="}, "RAW:BYTES", "FFEA"),
        ("", None, None),
        ({"ByteString": ""}, "GS1", None),
        ({"ByteString": None}, "GS1", None),
        ({"String": ""}, None, None),
        ({"String": None}, None, None),
        ({"Epc": {"PC": 0, "UId": ""}}, "EPC", None),
        ({"Epc": {"PC": 0, "UId": None}}, "EPC", None),
        ({"PC": 0, "UId": ""}, "EPC", None),
        ({"Epc": None}, "EPC", None),
        ({"PC": 0, "UId": None}, "EPC", None),
        (None, None, None),
    ],
)
def test_what_was_read_is_a_text(data: object, code_type: str | None, expected: str | None) -> None:
    assert code(data, code_type) == expected


def test_a_reader_that_has_read_nothing_tells_no_code() -> None:
    (seen,) = decode(None)
    assert seen.fields == {}


def test_a_code_is_brought_to_its_identifiers_form() -> None:
    (seen,) = decode(RESULT, identifiers={"code": ["sscc"]})
    assert seen.fields["code"] == SSCC


def test_paths_of_a_mapping_start_at_the_result() -> None:
    (seen,) = decode(TAG, fields={"antenna": "Sighting.0.Antenna"})
    assert seen.fields["antenna"] == 1
    (last,) = decode(TAG["ScanData"], fields={"bits": "Epc.PC"})
    assert last.fields["bits"] == 12288


@pytest.mark.parametrize(
    "nothing",
    [
        {"CodeType": "", "Location": {"Name": ""}, "Timestamp": None},
        {"CodeType": None, "Location": {"Name": None}, "Timestamp": None},
        {"Location": {}},
        {},
    ],
)
def test_what_a_result_does_not_say_is_absent_and_its_time_that_of_reception(
    nothing: dict[str, object],
) -> None:
    (seen,) = decode({"ScanData": SSCC, **nothing})
    assert seen.fields == {"code": SSCC}
    assert seen.occurred_at == NOW


@pytest.mark.parametrize(
    ("payload", "where"),
    [
        ([RESULT, 5, TAG], "1: ScanData: 5; expected"),
        ({"ScanResult": [RESULT, {"ScanData": 5}, TAG]}, "ScanResult.1: ScanData: 5; expected"),
    ],
)
def test_a_result_that_is_wrong_takes_no_other_along(payload: object, where: str) -> None:
    with pytest.raises(Malformed) as raised:
        decode(payload)
    assert [each.fields["code_type"] for each in raised.value.observations] == ["GS1", "EPC"]
    assert str(raised.value).startswith(where)


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (5, "ScanData: 5; expected a text, or an object with String, ByteString or Epc"),
        ({}, "ScanData: an object; expected a text"),
        (RESULT | {"ScanData": {"Custom": 5}}, "ScanData: an object"),
        (RESULT | {"ScanData": {"String": 5}}, "ScanData: 5; expected a text"),
        (RESULT | {"ScanData": {"ByteString": "%"}}, "'%' are no bytes in base64"),
        (RESULT | {"ScanData": {"ByteString": "Zm9v€"}}, "are no bytes in base64"),
        (RESULT | {"ScanData": {"ByteString": "/w=="}}, "bytes of GS1 that are no text"),
        (RESULT | {"ScanData": {"ByteString": "AA=="}}, r"ScanData: '\\x00' holds U\+0000"),
        (RESULT | {"ScanData": {"ByteString": 5}}, "ScanData: 5; expected a text"),
        (RESULT | {"ScanData": "x" * 2000}, "ScanData: 2000 characters"),
        (RESULT | {"CodeType": 5}, "CodeType: 5; expected a text"),
        (RESULT | {"Timestamp": "noon"}, "Timestamp: 'noon' is no time"),
        (RESULT | {"Location": {"Name": []}}, "Location.Name: a list; expected a text"),
        ({"DeviceName": {}, "ScanResult": []}, "DeviceName: an object; expected a text"),
        ([RESULT, 5], "ScanData: 5"),
    ],
)
def test_what_is_no_result_is_malformed(payload: object, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        decode(payload)
