"""A variable's value as JSON bytes, and its time as milliseconds. Pure."""

import base64
import dataclasses
from datetime import UTC, datetime, timedelta

import orjson
from asyncua import ua

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNSET = datetime(1601, 1, 1, tzinfo=UTC)
_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATACLASS


def encode(value: object) -> bytes:
    """Return the value as JSON; never raises.

    Numbers, texts, arrays and structures become what they are in JSON; bytes
    base64 (OPC 10000-6, 5.4.2.8), times RFC 3339 in UTC, enumerations their
    number, a localized text its text, NaN and infinity null. What has no
    place in JSON becomes the text that describes it.
    """
    try:
        return orjson.dumps(value, default=_plain, option=_OPTIONS)
    except TypeError:  # orjson.JSONEncodeError: too deep, too large, not Unicode, not known
        text = repr(value).encode("utf-8", "backslashreplace").decode()
        return orjson.dumps(text)


def payload_of(value: object) -> bytes:
    """Return a record as the PLC wrote it: text and bytes as they are, all else as JSON."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return encode(value)


def milliseconds(time: datetime | None) -> int | None:
    """Return a time stamp as milliseconds since the Unix epoch; None if it is not set.

    1601-01-01 is OPC UA's way to say that it is not (OPC 10000-6, 5.2.2.5).
    """
    if time is None:
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return None if time <= _UNSET else (time - _EPOCH) // timedelta(milliseconds=1)


def _plain(value: object) -> object:
    """Turn what orjson does not know into something that it does."""
    plain: object
    match value:
        case bytes():
            plain = base64.b64encode(value).decode()
        case ua.Variant() | ua.DataValue():
            plain = value.Value
        case ua.LocalizedText():
            plain = value.Text
        case ua.QualifiedName():
            plain = value.Name
        case ua.NodeId():
            plain = value.to_string()
        case ua.StatusCode():
            plain = value.name
        case _ if dataclasses.is_dataclass(value):  # a structure
            names = [field.name for field in dataclasses.fields(value) if field.name != "Encoding"]
            plain = {name: getattr(value, name) for name in names}
        case _:
            raise TypeError(f"no JSON for {type(value).__name__}")
    return plain
