"""Whatever devices send: observations or a named refusal, with bounded work and memory."""

import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.contract import Signal
from edge.milestones.decode import Decoder, Malformed, ObservationSettings
from edge.milestones.decode.formats import FORMATS
from edge.milestones.model import Observation
from tests.bounded_work import at_most

NOW = 1_769_000_000_000
MOST_BYTES = 128 * 1024 * 1024
MOST_PARTS = 1000
STATE = {
    "timestamp": "2026-01-21T12:53:20Z",
    "manufacturer": "Acme",
    "serialNumber": "7",
    "orderId": "T-1",
    "operatingMode": "AUTOMATIC",
    "actionStates": [
        {"actionId": "a", "actionType": "drop", "actionStatus": "FINISHED", "actionResult": "U1"}
    ],
    "errors": [{"errorType": "dirty", "errorLevel": "FATAL"}],
    "loads": [{"loadId": "U1"}],
    "powerSupply": {"stateOfCharge": 61.5, "charging": True},
    "safetyState": {"eStop": "NONE", "fieldViolation": False},
}
RESULT = {
    "CodeType": "GS1",
    "ScanData": {"ByteString": "XUMxMDAzNDAxMjM0NTAwMDAwMDAwMTc="},
    "Timestamp": "2026-01-21T12:53:20Z",
    "Location": {"Name": "dock-1"},
}
SCAN = {
    "time": "2026-01-21T12:53:20.123Z",
    "barcode": "]C100340123450000000017",
    "weight": 12.5,
    "state": 6,
    "on": True,
}
SAMPLES = {
    "json": [orjson.dumps(SCAN), b"6", b'"6"'],
    "vda5050": [orjson.dumps(STATE)],
    "vda5050_vehicle": [orjson.dumps(STATE)],
    "autoid": [orjson.dumps(RESULT), orjson.dumps({"DeviceName": "d", "ScanResult": [RESULT] * 2})],
}
MAPPINGS: Mapping[str, Mapping[str, Any]] = {
    "json": {
        "time": "time?",
        "fields": {"unit": "barcode", "weight": "weight?", "state": "state?", "level": "subject/1"},
        "words": {"state": {"6": "execute"}},
        "compute": {"grams": "weight == null ? 0.0 : weight * 1000.0"},
        "identifiers": {"unit": ["sscc", "gtin", "grai", "/(U|[0-9]+)+/"]},
        "when": {"on?": True},
    },
    "vda5050": {"identifiers": {"unit": ["sscc", "/U.*/"]}, "words": {"status": {"FINISHED": "f"}}},
    "vda5050_vehicle": {"compute": {"low": "battery < 20.0"}},
    "autoid": {"identifiers": {"code": ["sscc", "/(.*)*x/"]}},
}
FILLERS = [
    *(b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b"\0", b"\xff", b"\xed\xa0\x80", b"null"),
    *(
        b"true",
        b"1e999",
        b"-0",
        b"9" * 40,
        b'"\\ud800"',
        b'""',
        b"[]",
        b"{}",
        b'"' + b"(" * 999 + b'"',
    ),
    *(b'"' + b"0" * 2000 + b'"', b"[" * 1500, b'{"a":' * 600, b'"]C1' + b"10" * 500 + b'"'),
]
VALUES: Sequence[object] = [
    *(None, "", " ", "\0", "\ud7ff", "x" * 1024, "x" * 1025, "%", "/w==", "AA==", "noon", "]C1"),
    *(0, -1, 2**53 + 1, 2**64 - 1, -(2**63), 5e-324, 1e300, True, False, "9999-12-31T23:59:59Z"),
    *([], {}, [[]], [None], [{}], {"a": {}}, {"String": {}}, {"ByteString": []}, {"Epc": 5}),
]
Steps = tuple[str | int, ...]


@cache
def decoder() -> Decoder:
    """One that has every format under its name, plain and with all that a mapping can do."""
    return Decoder(
        [
            ObservationSettings.model_validate(
                {"source": "s", "subject": f"{name}/+", "format": name, "kind": kind, **more}
            )
            for name in FORMATS
            for kind, more in (("plain", {}), ("rich", MAPPINGS[name]))
        ]
    )


def decode(subject: str, payload: bytes) -> list[Observation]:
    try:
        seen = decoder().decode(1, "s", Signal(subject, payload, NOW))
    except Malformed as refused:
        reason = str(refused)
        seen = []
    else:
        reason = "none"
    assert 0 < len(reason) < 1000
    for each in seen:
        for value in each.fields.values():
            assert isinstance(value, (str, int, float, bool))
            assert not isinstance(value, str) or 0 < len(value) <= 1024
    return seen


@st.composite
def spoilt(draw: st.DrawFn) -> tuple[str, bytes]:
    """A good payload with some pieces cut out, told twice, or replaced by rubbish."""
    name = draw(st.sampled_from(sorted(FORMATS)))
    payload = draw(st.sampled_from(SAMPLES[name]))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(payload)))
        stop = draw(st.integers(start, min(len(payload), start + 40)))
        between = draw(st.sampled_from([b"", payload[start:stop] * 2, *FILLERS]) | st.binary())
        payload = payload[:start] + between + payload[stop:]
    return name, payload


def test_every_format_has_samples_that_it_understands() -> None:
    for name in FORMATS:
        for payload in SAMPLES[name]:
            kinds = {each.kind for each in decode(f"{name}/x", payload)}
            assert "plain" in kinds


@given(spoilt(), st.text(max_size=30))
@settings(max_examples=400, deadline=None)
def test_spoilt_payloads_are_decoded_or_malformed(
    format_and_payload: tuple[str, bytes], level: str
) -> None:
    name, payload = format_and_payload
    decoder()
    with at_most(30_000):
        decode(f"{name}/{level}", payload)


def places(value: object, before: Steps = ()) -> Iterator[Steps]:
    """Yield where each value stands, within whatever it stands."""
    inside: Any = value.items() if isinstance(value, dict) else ()
    inside = enumerate(value) if isinstance(value, list) else inside
    for key, each in inside:
        yield (*before, key)
        yield from places(each, (*before, key))


def changed(value: object, place: Steps, new: object) -> object:
    """Return a copy with something else at a place."""
    if not place:
        return new
    copy: Any = list(value) if isinstance(value, list) else dict(value)  # type: ignore[call-overload]
    copy[place[0]] = changed(copy[place[0]], place[1:], new)
    return copy


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_whatever_stands_in_place_of_a_value_it_is_decoded_or_malformed(name: str) -> None:
    for payload in SAMPLES[name]:
        sample = orjson.loads(payload)
        for place in [(), *places(sample)]:
            for value in VALUES:
                with at_most(30_000):
                    decode(f"{name}/x", orjson.dumps(changed(sample, place, value)))


def filled(piece: bytes, before: bytes = b"[", after: bytes = b"]") -> bytes:
    """Return a payload of as many pieces as may be read."""
    room = 1024 * 1024 - len(before) - len(after)
    return before + b",".join([piece] * (room // (len(piece) + 1))) + after


HEAD = orjson.dumps(STATE)[:-1]
ACTION, ERROR = b'{"actionId":"a","actionStatus":"b"}', b'{"errorLevel":"A"}'


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(filled(b"null"), id="nulls"),
        pytest.param(filled(b'"a"'), id="texts"),
        pytest.param(filled(b"{}"), id="objects"),
        pytest.param(filled(b"[[]]"), id="lists"),
        pytest.param(filled(orjson.dumps(RESULT)), id="results"),
        pytest.param(filled(ACTION, HEAD + b',"actionStates":[', b"]}"), id="actions"),
        pytest.param(filled(ERROR, HEAD + b',"errors":[', b"]}"), id="errors"),
        pytest.param(b"[" * 1024 + b"]" * 1024, id="deep"),
        pytest.param(b'{"ScanData":' * 1000 + b"5" + b"}" * 1000, id="deep-objects"),
        pytest.param(b'{"barcode":"' + b"0" * 1_000_000 + b'"}', id="long"),
        pytest.param(b"9" * 1_000_000, id="digits"),
        pytest.param(b"[" + b"{}," * 5_000_000 + b"{}]", id="more-than-is-read"),
    ],
)
def test_large_payloads_take_bounded_memory_and_make_few_observations(
    name: str, payload: bytes
) -> None:
    tracemalloc.start()
    try:
        assert len(decode(f"{name}/x", payload)) <= 2 * MOST_PARTS
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
