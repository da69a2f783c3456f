"""How the fields of observations are read, compared and written into keys."""

import fnmatch
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import orjson

from edge.milestones.expressions import Condition, NoResult
from edge.milestones.model import Milestone, Observation, Value
from edge.milestones.rules import Pattern

Number = int | float
Test = Callable[[Mapping[str, Value]], bool]
"""Says whether fields are meant. Raises `Unjudgeable` if they do not tell."""

LARGEST_NUMBER = 10**12
"""A count or weight beyond it is garbage."""

_DECIMALS = 6
_GLOB = re.compile(r"[*?\[]")


class Unjudgeable(Exception):
    """An observation is not what its rule needs; the message says why."""


class Barred(Unjudgeable):
    """It belongs to what the rule has begun, which takes it no more: no other version may."""


def text(value: Value) -> str:
    """Return the text of a value, the same for 3 and 3.0, with true and false as in JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def present(observation: Observation) -> dict[str, Value]:
    """Return the fields that have a value."""
    return {name: value for name, value in observation.fields.items() if value is not None}


def required(observation: Observation, field: str) -> str:
    """Return the text of a field.

    Raises:
        Unjudgeable: The field is missing or empty, or a list.

    """
    value = optional(observation, field)
    if value is None:
        raise Unjudgeable(f"field {field!r} of {observation.kind!r} is missing")
    return value


def optional(observation: Observation, field: str) -> str | None:
    """Return the text of a field, or None if it is missing or empty.

    Raises:
        Unjudgeable: It is a list.

    """
    value = observation.fields.get(field)
    if isinstance(value, list):
        raise Unjudgeable(f"field {field!r} of {observation.kind!r} is a list; expected one value")
    return None if value is None or value == "" else text(value)


def number(observation: Observation, field: str) -> Number:
    """Return a field that counts or weighs something; see `optional_number`.

    Raises:
        Unjudgeable: It is missing, or not a number from 0 to `LARGEST_NUMBER`.

    """
    found = optional_number(observation, field)
    if found is None:
        raise Unjudgeable(f"field {field!r} of {observation.kind!r} is missing")
    return found


def optional_number(observation: Observation, field: str) -> Number | None:
    """Return a field that counts or weighs something, or None if it is missing.

    It is rounded as `total` is: what a PLC holds in 32 bits comes as 12.300000190734863.

    Raises:
        Unjudgeable: It is not a number from 0 to `LARGEST_NUMBER`.

    """
    value = observation.fields.get(field)
    match value:
        case None:
            return None
        case bool():
            pass
        case int() | float() if 0 <= value <= LARGEST_NUMBER:
            return total([value])
    raise Unjudgeable(
        f"field {field!r} of {observation.kind!r} must be a number "
        f"from 0 to {LARGEST_NUMBER}, not {value!r}"
    )


def measurement(observation: Observation, field: str) -> float:
    """Return a field that measures something, below zero, too.

    Raises:
        Unjudgeable: It is missing, or not a number within ±`LARGEST_NUMBER`.

    """
    value = observation.fields.get(field)
    if value is None:
        raise Unjudgeable(f"field {field!r} of {observation.kind!r} is missing")
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float))
        or not -LARGEST_NUMBER <= value <= LARGEST_NUMBER
    ):
        raise Unjudgeable(
            f"field {field!r} of {observation.kind!r} must be a number "
            f"from {-LARGEST_NUMBER} to {LARGEST_NUMBER}, not {value!r}"
        )
    return float(value) + 0.0  # a zero has no sign


def total(numbers: Sequence[Number]) -> Number:
    """Return the sum, the same in whatever order, with ten times 0.1 making 1."""
    summed = round(math.fsum(numbers), _DECIMALS)
    return int(summed) if summed.is_integer() else summed


def rank(fields: Mapping[str, Value]) -> str:
    """Return a text that orders what is told of the same moment, whichever of it is told first."""
    return json.dumps(fields, sort_keys=True)


def key_of(observation: Observation, about: str) -> str:
    """Return the key that the observation is about.

    Raises:
        Unjudgeable: The field is missing or empty.

    """
    return f"{about}:{required(observation, about)}"


def blocked(milestone: Milestone) -> str | None:
    """Return the key of what cannot go on until somebody sees to an exception; else None.

    That is what its attribute `blocks` names, or what it is about where the
    attribute is missing.
    """
    if milestone.severity is None:
        return None
    named = milestone.attributes.get(milestone.blocks or "")
    return milestone.key if named is None or named == "" else f"{milestone.blocks}:{text(named)}"


def joined(key: str, values: Sequence[str | None]) -> str:
    """Return a track's key for a key and the values that divide it further."""
    if not values:
        return key
    return f"{key} {orjson.dumps(values).decode()}"


def matcher(pattern: Pattern) -> Test | None:
    """Return what tells whether fields match `where` and `if`; None if all do.

    The condition is evaluated only on what `where` leaves.
    """
    tests: list[tuple[str, Callable[[str], object]]] = []
    for field, wanted in pattern.where.items():
        if isinstance(wanted, str) and _GLOB.search(wanted):
            tests.append((field, re.compile(fnmatch.translate(wanted)).match))
        else:
            tests.append((field, text(wanted).__eq__))
    condition = pattern.condition
    if not tests:
        return None if condition is None else partial(_is_true, condition)

    def matches(fields: Mapping[str, Value]) -> bool:
        for field, test in tests:
            value = fields.get(field)
            if value is None or isinstance(value, list) or not test(text(value)):
                return False
        return condition is None or _is_true(condition, fields)

    return matches


def _is_true(condition: Condition, fields: Mapping[str, Value]) -> bool:
    try:
        return condition.of(fields)
    except NoResult as why:
        raise Unjudgeable(str(why)) from None
