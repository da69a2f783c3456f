"""Scan results of an AutoID reader (OPC 30010), as JSON of OPC UA values.

A payload is a `ScanResult`, a list of them, what a scan event tells
(`DeviceName` and a list), or `ScanData` alone, as in `LastScanData`. Unions are
objects with one member, under its name: `{"String": "340…"}`; `LastScanData` may
hold the member itself.
"""

import base64
import binascii
from collections.abc import Iterator
from functools import partial

from edge.milestones.decode.formats.json import parse
from edge.milestones.decode.part import Malformed, Part, described, each_of, scalar
from edge.milestones.decode.times import milliseconds
from edge.milestones.model import Value

FIELDS = frozenset({"code", "code_type", "device", "read_point"})

# By CodeTypeDataType: the bytes of these are a text, those of any other are told as digits.
_TEXTS = frozenset({"GS1", "ASC", "URI", "RAW:STRING"})


def read(payload: bytes) -> Iterator[Part | Malformed]:
    """Yield a part for each result: code, code type, device and read point.

    `code` is what was read: a text as it is, bytes of a code that is a text as
    that, all other bytes and the `UId` of an EPC as hexadecimal digits. It is
    absent if nothing was read. `read_point` is the name that the reader gives
    to its location. Paths of a mapping start at the result. One of several results that is
    wrong takes no other along.
    """
    told = parse(payload)
    common: dict[str, Value] = {}
    where = ""
    if isinstance(told, dict) and "ScanResult" in told:
        if (device := told.get("DeviceName")) is not None and device != "":
            common["device"] = _text(device, "DeviceName")
        told, where = told["ScanResult"], "ScanResult."
    if isinstance(told, list):
        yield from each_of(told, where, partial(_part, common))
    else:
        yield _part(common, told)


def _part(common: dict[str, Value], result: object) -> Part:
    if not isinstance(result, dict) or "ScanData" not in result:
        code = _code(result, None)
        return Part(result, None, common if code is None else common | {"code": code})
    fields = dict(common)
    code_type = None
    if (told := result.get("CodeType")) is not None and told != "":
        code_type = fields["code_type"] = _text(told, "CodeType")
    if (code := _code(result["ScanData"], code_type)) is not None:
        fields["code"] = code
    location = result.get("Location")
    if isinstance(location, dict) and (name := location.get("Name")) is not None and name != "":
        fields["read_point"] = _text(name, "Location.Name")
    time = result.get("Timestamp")
    return Part(result, None if time is None else milliseconds(time, "Timestamp"), fields)


def _code(data: object, code_type: str | None) -> str | None:
    """Return what was read, or None if nothing was."""
    match data:
        case None | "" | {"String": None | ""} | {"ByteString": None | ""} | {"Epc": None}:
            return None
        case {"Epc": {"UId": None | ""}} | {"UId": None | ""}:
            return None
        case str(text) | {"String": text}:
            return _text(text, "ScanData")
        case {"ByteString": encoded}:
            raw = _bytes(encoded)
            if code_type not in _TEXTS:
                return raw.hex().upper()
            try:
                return _text(raw.decode(), "ScanData")
            except UnicodeDecodeError:
                raise Malformed(f"ScanData: bytes of {code_type} that are no text") from None
        case {"Epc": {"UId": encoded}} | {"UId": encoded}:
            return _bytes(encoded).hex().upper()
    raise Malformed(
        f"ScanData: {described(data)}; expected a text, or an object with String, ByteString or Epc"
    )


def _bytes(encoded: object) -> bytes:
    try:
        return base64.b64decode(_text(encoded, "ScanData"), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed(f"ScanData: {described(encoded)} are no bytes in base64") from None


def _text(found: object, where: str) -> str:
    if not isinstance(found, str):
        raise Malformed(f"{where}: {described(found)}; expected a text")
    scalar(found, where)
    return found
