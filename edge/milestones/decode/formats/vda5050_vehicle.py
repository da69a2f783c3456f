"""The `state` of a VDA 5050 vehicle as a whole, versions 2.1 and 3.0 (section "State").

What becomes of its actions is the format `vda5050`; a subject may be read in
both. Unknown values, such as modes of a later version, are passed on as they are.
"""

from edge.milestones.decode.formats.vda5050 import list_at, read_state, text_at, text_if_any
from edge.milestones.decode.part import Malformed, Part, described, scalar
from edge.milestones.decode.path import FieldPath
from edge.milestones.model import Value

# 3.0 has other names for what stands second.
_TOLD: dict[str, tuple[type, tuple[str, ...]]] = {
    "mode": (str, ("operatingMode",)),
    "driving": (bool, ("driving",)),
    "paused": (bool, ("paused",)),
    "e_stop": (str, ("safetyState.eStop", "safetyState.activeEmergencyStop")),
    "field_violation": (bool, ("safetyState.fieldViolation",)),
    "battery": (float, ("batteryState.batteryCharge", "powerSupply.stateOfCharge")),
    "charging": (bool, ("batteryState.charging", "powerSupply.charging")),
}
_PATHS = {
    field: (kind, [(FieldPath(path), path) for path in paths])
    for field, (kind, paths) in _TOLD.items()
}
_EXPECTED = {str: "a text", bool: "true or false", float: "a number"}
_LEVELS = ("WARNING", "URGENT", "CRITICAL", "FATAL")
_NO_ERROR = "NONE"

FIELDS = frozenset({"device", "transport", "unit", "error", "error_type", *_TOLD})


def read(payload: bytes) -> list[Part]:
    """Return one part: the vehicle.

    Its fields are `device`, `transport` (the `orderId`), `unit` (the `loadId`,
    if it carries one load), `mode`, `driving`, `paused`, `e_stop`,
    `field_violation`, `battery` (percent), `charging`, `error` (the worst
    level of all its errors; NONE without any) and `error_type` (of the first
    error of that level). Absent is what the vehicle does not tell. Paths of a
    mapping start at the state.
    """
    state, occurred_at, fields = read_state(payload, "operatingMode")
    for field, (kind, paths) in _PATHS.items():
        for path, name in paths:
            found = path.find(state, ())
            if found is not None and found != "":
                fields[field] = _typed(found, kind, name)
    fields |= _errors(state) | _load(state)
    return [Part(state, occurred_at, fields)]


def _typed(found: object, kind: type, name: str) -> Value:
    is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
    if not (is_number if kind is float else isinstance(found, kind)):
        raise Malformed(f"{name}: {described(found)}; expected {_EXPECTED[kind]}")
    return scalar(found, name)


def _errors(state: dict[str, object]) -> dict[str, Value]:
    if "errors" not in state:
        return {}
    worst: str = _NO_ERROR
    worst_type: str | None = None
    for error in list_at(state, "errors"):
        if not isinstance(error, dict):
            raise Malformed(f"an error is {described(error)}; expected an object")
        level = text_at(error, "errorLevel")
        if worst == _NO_ERROR or _rank(level) > _rank(worst):
            worst, worst_type = level, text_if_any(error, "errorType")
    told: dict[str, Value] = {"error": worst}
    if worst_type is not None:
        told["error_type"] = worst_type
    return told


def _rank(level: str) -> int:
    """Return how bad a level is; one of a later version is less than those that are known."""
    return _LEVELS.index(level) if level in _LEVELS else -1


def _load(state: dict[str, object]) -> dict[str, Value]:
    loads = list_at(state, "loads")
    if len(loads) != 1:
        return {}
    (load,) = loads
    if not isinstance(load, dict):
        raise Malformed(f"a load is {described(load)}; expected an object")
    unit = text_if_any(load, "loadId")
    return {} if unit is None else {"unit": unit}
