"""The `state` of a VDA 5050 vehicle, versions 2.1 and 3.0 (section "State").

A state repeats all that it knows, about once a second: which action changed is
for a rule to find. Unknown values, such as statuses of a later version, are
passed on as they are.
"""

from collections.abc import Iterator

from edge.milestones.decode.formats.json import parse
from edge.milestones.decode.part import Malformed, Part, described, each_of, scalar
from edge.milestones.decode.times import milliseconds
from edge.milestones.model import Value

FIELDS = frozenset({"device", "transport", "action", "type", "status", "unit"})

# 3.0 keeps instant and zone actions apart; 2.1 lists all in the first.
_LISTS = ("actionStates", "instantActionStates", "zoneActionStates")
# A vehicle may leave these out; 3.0 renamed resultDescription to actionResult.
_OPTIONAL = (("type", "actionType"), ("unit", "resultDescription"), ("unit", "actionResult"))


def read(payload: bytes) -> Iterator[Part | Malformed]:
    """Yield a part for each action: device, transport, action, type, status and unit.

    Absent are `transport`, the vehicle's `orderId`, before it has had one, and `type` and `unit`
    where the vehicle does not tell them. `unit` is the result of the action,
    where a vehicle reports the tag that it read (`resultDescription`, in 3.0
    `actionResult`). Paths of a mapping start at the action's state. An action that is
    wrong, or a list that is none, takes no other along.
    """
    state, occurred_at, vehicle = read_state(payload, "actionStates")

    def part(action: object) -> Part:
        return Part(action, occurred_at, vehicle | _task(action))

    for name in _LISTS:
        try:
            actions = list_at(state, name)
        except Malformed as fault:
            yield fault
        else:
            yield from each_of(actions, f"{name}.", part)


def read_state(payload: bytes, needed: str) -> tuple[dict[str, object], int, dict[str, Value]]:
    """Return a vehicle's state, its time, and the fields `device` and `transport`.

    Raises:
        Malformed: It is not the state of a vehicle, or lacks what is needed of it.

    """
    state = parse(payload)
    if not isinstance(state, dict):
        raise Malformed(f"{described(state)}; expected a VDA 5050 state, which is an object")
    if needed not in state:
        raise Malformed(f"nothing at {needed!r}; expected a VDA 5050 state")
    occurred_at = milliseconds(state.get("timestamp"), "timestamp")
    device = f"{text_at(state, 'manufacturer')}/{text_at(state, 'serialNumber')}"
    vehicle: dict[str, Value] = {"device": scalar(device, "manufacturer and serialNumber")}
    if (transport := text_if_any(state, "orderId")) is not None:
        vehicle["transport"] = transport
    return state, occurred_at, vehicle


def _task(action: object) -> dict[str, Value]:
    if not isinstance(action, dict):
        raise Malformed(f"the state of an action is {described(action)}; expected an object")
    task: dict[str, Value] = {
        "action": text_at(action, "actionId"),
        "status": text_at(action, "actionStatus"),
    }
    for field, name in _OPTIONAL:
        if (text := text_if_any(action, name)) is not None:
            task[field] = text
    return task


def list_at(document: dict[str, object], name: str) -> list[object]:
    """Return a list; an empty one if there is none. Raises Malformed if it is something else."""
    found = document.get(name, [])
    if not isinstance(found, list):
        raise Malformed(f"{name}: {described(found)}; expected a list")
    return found


def text_at(document: dict[str, object], name: str) -> str:
    """Return a text. Raises Malformed if there is none."""
    text = text_if_any(document, name)
    if text is None:
        raise Malformed(f"nothing at {name!r}; VDA 5050 requires it")
    return text


def text_if_any(document: dict[str, object], name: str) -> str | None:
    """Return a text, or None if it is missing, null or empty. Raises Malformed if it is no text."""
    found = document.get(name)
    if found is None or found == "":
        return None
    if not isinstance(found, str):
        raise Malformed(f"{name}: {described(found)}; expected a text")
    scalar(found, name)
    return found
