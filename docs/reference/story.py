"""What devices tell, and what is concluded from it: the examples are rehearsed, not written."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson

from drivers.contract import Signal
from edge.config import Configuration, load
from edge.milestones.decode import ObservationSettings
from edge.milestones.model import Milestone, Name, Value
from edge.milestones.rules import OneRule, Pattern
from edge.milestones.site import Site
from edge.rules.rehearsal import Rehearsal

CONFIGURATION = Path(__file__).parents[2] / "systemd" / "milepost.toml"
START = 1_769_000_000_000
"""2026-01-21T12:53:20Z."""

_IN, _OUT, _LOST = "340123450001000009", "340123450005000005", "340123450001000016"
_FULL = {"order": "SO-1001", "line": 1, "item": "04012345000016", "requested": 3}
_SHORT = {"order": "SO-1001", "line": 2, "item": "04012345000023", "requested": 2}
_PIECE = "https://id.gs1.org/01/04012345000016/21/100"
_CARTON = {"carton": _OUT, "order": "SO-1001"}
_DOOR = {"read_point": "dock-door-1", "trailer": "TR-0001"}
_ACTION = {"actionId": "T-000012-drop", "actionType": "drop", "actionStatus": "FINISHED"}
_VEHICLE = {
    "timestamp": "2026-01-21T12:54:00Z",
    "manufacturer": "Acme",
    "serialNumber": "amr-07",
    "orderId": "T-000012",
    "actionStates": [_ACTION | {"resultDescription": _IN}],
}

# Second, source, subject, what the device says.
_TOLD: list[tuple[int, str, str, dict[str, Any]]] = [
    (0, "floor", "dc/scanner/dock-in-1/scan", {"barcode": _IN}),
    (1, "floor", "dc/scanner/dock-in-2/scan", {"barcode": _LOST}),
    (2, "plc", "conveyor", {"type": "scan", "read_point": "infeed-1", "unit": _LOST}),
    (30, "floor", "dc/pick/pick-1/pick", _FULL | {"quantity": 3, "pick": "P-1"}),
    (40, "floor", "dc/pick/pick-1/pick", _SHORT | {"quantity": 1, "pick": "P-2"}),
    (40, "floor", "uagv/v2/Acme/amr-07/state", _VEHICLE),
    (41, "floor", "dc/pick/pick-1/line", _SHORT | {"picked": 1}),
    (50, "floor", "dc/pack/pack-1/scan", _CARTON | {"epc": _PIECE + "1"}),
    (51, "floor", "dc/pack/pack-1/scan", _CARTON | {"epc": _PIECE + "2"}),
    (52, "floor", "dc/pack/pack-1/close", _CARTON | {"count": 2}),
    (60, "plc", "conveyor", _DOOR | {"type": "door-scan", "unit": _OUT}),
    (61, "plc", "conveyor", _DOOR | {"type": "load", "unit": _OUT}),
    (70, "plc", "conveyor", _DOOR | {"type": "release", "count": 1}),
    (80, "floor", "dc/scanner/returns-1/scan", {"barcode": _OUT, "rma": "RMA-7"}),
]
_CURRENTS = ((0, 3.4), (10, 3.6), (39.9, 3.5))
"""Second, and what the motor of the infeed draws."""

# Told when it had been concluded that the unit was lost, and what the motor drew on average.
_DIVERTED = {"type": "divert", "read_point": "sorter-1", "unit": _LOST, "lane": 4}
_LATE_CURRENT = (20, 5.1)


def concluded() -> tuple[Site, list[Milestone]]:
    """Return the site, and what its rules conclude of a day on which all of them do, in order."""
    configuration = _configuration()
    rehearsal = Rehearsal(configuration)
    signals = [*(_said(*each) for each in _TOLD), *(_drawn(*each) for each in _CURRENTS)]
    rehearsal.take([(number, *signal) for number, signal in enumerate(signals, start=1)])
    rehearsal.pass_time(START + 120_000)
    late = [_said(5, "plc", "conveyor", _DIVERTED), _drawn(*_LATE_CURRENT)]
    rehearsal.take([(number, *signal) for number, signal in enumerate(late, len(signals) + 1)])
    rehearsal.pass_time(START + 2 * 3_600_000)
    _require_understood(rehearsal)
    return Site(configuration.site.uri, configuration.site.zone_offset), rehearsal.milestones


def sampled(name: Name, about: str, told: Mapping[str, Value]) -> Milestone:
    """Return the milestone that a rule of that site concludes from one observation."""
    observation = ObservationSettings(
        source="floor",
        subject="sample",
        kind="sample",
        time="time",
        fields={field: field for field in told},
    )
    rule = OneRule(operator="one", milestone=name, about=about, of=Pattern(kind="sample"))
    changed = {"observations": [observation], "rules": {name: rule}, "lifecycles": {}}
    rehearsal = Rehearsal(_configuration().model_copy(update=changed))
    rehearsal.take([(1, *_said(0, "floor", "sample", dict(told)))])
    rehearsal.pass_time(START + 120_000)
    _require_understood(rehearsal)
    (milestone,) = rehearsal.milestones
    return milestone


@cache
def _configuration() -> Configuration:
    return load(CONFIGURATION)


def _require_understood(rehearsal: Rehearsal) -> None:
    if rehearsal.quarantined or rehearsal.ignored:
        raise ValueError(f"not understood: {rehearsal.quarantined} {rehearsal.ignored}")


def _said(second: int, source: str, subject: str, told: dict[str, Any]) -> tuple[str, Signal]:
    payload = orjson.dumps(told | {"time": START + second * 1000})
    return source, Signal(subject, payload, START + 90_000)


def _drawn(second: float, current: float) -> tuple[str, Signal]:
    at = START + round(second * 1000)
    return "plc", Signal("infeed-motor-current", orjson.dumps(current), START + 90_000, at)
