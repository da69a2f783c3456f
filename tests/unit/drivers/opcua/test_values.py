"""Values as JSON, times as milliseconds."""

import uuid
from datetime import UTC, datetime

import orjson
import pytest
from asyncua import ua
from asyncua.ua.uaprotocol_auto import ApplicationType
from hypothesis import given
from hypothesis import strategies as st

from drivers.opcua.values import encode, milliseconds, payload_of

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GUID = uuid.UUID("12345678-1234-5678-1234-567812345678")


class Unknown:
    def __repr__(self) -> str:
        return "something \udcff"


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (None, "null"),
        (True, "true"),
        (-7, "-7"),
        (1.5, "1.5"),
        (float("nan"), "null"),
        ("tote", '"tote"'),
        ([1, [2, 3]], "[1,[2,3]]"),
        (b"\x00\xff", '"AP8="'),
        (NOON, '"2026-03-01T12:00:00Z"'),
        (NOON.replace(tzinfo=None), '"2026-03-01T12:00:00Z"'),
        (GUID, f'"{GUID}"'),
        (ApplicationType.Client, "1"),
        (ua.LocalizedText("Halt"), '"Halt"'),
        (ua.QualifiedName("Speed", ua.UInt16(2)), '"Speed"'),
        (ua.NodeId.from_string("ns=2;s=Speed"), '"ns=2;s=Speed"'),
        (ua.StatusCode(ua.UInt32(0x80310000)), '"BadNoCommunication"'),
        (ua.Range(1.0, 2.0), '{"Low":1.0,"High":2.0}'),
        ([ua.Variant(1), ua.Variant("x")], '[1,"x"]'),
        (
            ua.ExtensionObject(ua.NodeId.from_string("ns=2;i=5"), ua.ByteString(b"raw")),
            '{"TypeId":"ns=2;i=5","Body":"cmF3"}',
        ),
        (2**64, '"18446744073709551616"'),
        ("\udcff", "\"'\\\\udcff'\""),
        (Unknown(), '"something \\\\udcff"'),
    ],
)
def test_a_value_is_encoded_as_what_it_is_in_json(value: object, json: str) -> None:
    assert encode(value).decode() == json


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.integers() | st.text(), inner),
        max_leaves=8,
    )
)
def test_encoding_never_fails_and_always_gives_json(value: object) -> None:
    orjson.loads(encode(value))


def test_a_record_is_handed_in_as_the_plc_wrote_it() -> None:
    assert payload_of('{"n": 1}') == b'{"n": 1}'
    assert payload_of(b"\x00\xff") == b"\x00\xff"
    assert payload_of([1, 2]) == b"[1,2]"


def test_times_are_milliseconds_and_an_unset_time_is_none() -> None:
    assert milliseconds(datetime(1970, 1, 1, 0, 0, 1, 500_999, tzinfo=UTC)) == 1_500
    assert milliseconds(NOON.replace(tzinfo=None)) == milliseconds(NOON)
    assert milliseconds(None) is None
    assert milliseconds(datetime(1601, 1, 1, tzinfo=UTC)) is None
