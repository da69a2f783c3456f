"""A scanner's signals, and decoders for them."""

from typing import Any

import orjson

from drivers.contract import Signal
from edge.milestones.decode import Decoder, ObservationSettings

NOW = 1_769_000_000_000
SCAN: dict[str, Any] = {
    "source": "floor",
    "subject": "dc/scanner/+/scan",
    "kind": "scan",
    "time": "time",
    "fields": {"read_point": "subject/2", "unit": "barcode", "rma": "rma?"},
}


def decoder(*mappings: dict[str, Any]) -> Decoder:
    return Decoder([ObservationSettings.model_validate(mapping) for mapping in mappings])


def signal(payload: object, subject: str = "dc/scanner/dock-in-1/scan", **more: Any) -> Signal:
    raw = payload if isinstance(payload, bytes) else orjson.dumps(payload)
    return Signal(subject, raw, NOW, **more)


def scan(**changes: object) -> dict[str, object]:
    return {"time": "2026-01-21T12:53:20.123Z", "barcode": "340000000000000017"} | changes


def decode_field(found: object, path: str = "value") -> object:
    mapping = {"source": "s", "subject": "x", "kind": "k", "fields": {"it": path}}
    (observation,) = decoder(mapping).decode(1, "s", signal({"value": found}, "x"))
    return observation.fields["it"]
