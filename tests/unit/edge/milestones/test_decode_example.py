"""The example configuration reads what the devices of its site tell."""

from pathlib import Path

import orjson
import pytest

from drivers.contract import Signal
from edge.config import load
from edge.milestones.decode import Decoder

EXAMPLE = Path(__file__).parents[4] / "systemd" / "milepost.toml"
NOW = 1_769_000_000_000


@pytest.mark.parametrize(
    ("source", "subject", "payload", "kind"),
    [
        ("floor", "dc/scanner/dock-in-1/scan", {"barcode": "3", "rma": "R"}, "returns scan"),
        (
            "floor",
            "dc/pick/station-1/pick",
            {"order": "SO-1", "line": 1, "item": "4", "quantity": 1, "requested": 3, "pick": "p"},
            "picking pick",
        ),
        (
            "floor",
            "dc/pick/station-1/line",
            {"order": "SO-1", "line": 1, "item": "4", "picked": 3, "requested": 3},
            "picking line-closed",
        ),
        ("floor", "dc/pack/p1/scan", {"carton": "3", "order": "SO-1", "epc": "e"}, "packing scan"),
        (
            "floor",
            "dc/pack/p1/close",
            {"carton": "3", "order": "S", "count": 0},
            "packing carton-closed",
        ),
        ("plc", "conveyor", {"type": "scan", "read_point": "i", "unit": "3"}, "sorter infeed-scan"),
        (
            "plc",
            "conveyor",
            {"type": "divert", "read_point": "s", "unit": "3", "lane": 0},
            "sorter divert",
        ),
        (
            "plc",
            "conveyor",
            {"type": "door-scan", "read_point": "d", "unit": "3", "trailer": "T"},
            "dock door-scan",
        ),
        (
            "plc",
            "conveyor",
            {"type": "load", "read_point": "d", "unit": "3", "trailer": "T"},
            "dock load",
        ),
        (
            "plc",
            "conveyor",
            {"type": "release", "read_point": "d", "trailer": "T", "count": 2},
            "dock release",
        ),
    ],
)
def test_the_example_configuration_understands_the_devices_it_describes(
    source: str, subject: str, payload: dict[str, object], kind: str
) -> None:
    told = Signal(subject, orjson.dumps({"time": NOW - 1, **payload}), NOW)
    observation = Decoder(load(EXAMPLE).observations).decode(1, source, told)[-1]
    assert (observation.kind, observation.occurred_at) == (kind, NOW - 1)
    fields = {name: value for name, value in payload.items() if name != "type"}
    assert set(fields.values()) <= set(observation.fields.values())
