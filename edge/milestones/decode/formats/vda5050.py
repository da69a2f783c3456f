"""The `state` of a VDA 5050 vehicle, versions 2.1 and 3.0 (section "State").

A state repeats all that it knows, about once a second: which action changed is
for a rule to find. Unknown values, such as statuses of a later version, are
passed on as they are.
"""

from edge.milestones.decode.formats.json import parse
from edge.milestones.decode.part import Malformed, Part, described, scalar
from edge.milestones.decode.times import milliseconds
from edge.milestones.model import Value

# 3.0 keeps instant and zone actions apart; 2.1 lists all in the first.
_ACTIONS = ("actionStates", "instantActionStates", "zoneActionStates")


def read(payload: bytes) -> list[Part]:
    """Return a part for each action: device, order, action, type, status and unit.

    Absent are `order` of a vehicle that has had none, and `type` and `unit`
    where the vehicle does not tell them. `unit` is the result of the action,
    where a vehicle reports the tag that it read (`resultDescription`, in 3.0
    `actionResult`). Paths of a mapping start at the action's state.
    """
    state = parse(payload)
    if not isinstance(state, dict):
        raise Malformed(f"{described(state)}; expected a VDA 5050 state, which is an object")
    if "actionStates" not in state:
        raise Malformed("no 'actionStates'; expected a VDA 5050 state")
    occurred_at = milliseconds(state.get("timestamp"), "'timestamp'")
    device = f"{_text(state, 'manufacturer')}/{_text(state, 'serialNumber')}"
    order = _text_if_any(state, "orderId")
    return [
        Part(action, occurred_at, _task(action, device, order))
        for name in _ACTIONS
        for action in _actions(state, name)
    ]


def _actions(state: dict[str, object], name: str) -> list[object]:
    actions = state.get(name, [])
    if not isinstance(actions, list):
        raise Malformed(f"{name!r} is {described(actions)}; expected a list")
    return actions


def _task(action: object, device: str, order: str | None) -> dict[str, Value]:
    if not isinstance(action, dict):
        raise Malformed(f"an action's state is {described(action)}; expected an object")
    known = {
        "device": device,
        "order": order,
        "action": _text(action, "actionId"),
        "type": _text_if_any(action, "actionType"),
        "status": _text(action, "actionStatus"),
        "unit": _text_if_any(action, "resultDescription") or _text_if_any(action, "actionResult"),
    }
    return {name: value for name, value in known.items() if value is not None}


def _text(document: dict[str, object], name: str) -> str:
    text = _text_if_any(document, name)
    if text is None:
        raise Malformed(f"no {name!r}; VDA 5050 requires it")
    return text


def _text_if_any(document: dict[str, object], name: str) -> str | None:
    found = document.get(name)
    if found is None or found == "":
        return None
    if not isinstance(found, str):
        raise Malformed(f"{name!r} is {described(found)}; expected a text")
    scalar(found, repr(name))
    return found
