"""The functions that expressions may call."""

import math
from collections.abc import Callable, Mapping

_EXACT = 2**53

Argument = str | int | float | bool | None

CEL = frozenset({"contains", "double", "endsWith", "int", "size", "startsWith", "string"})
"""Those of CEL's own; the others are about time, types and regular expressions.

`matches` compiles its expression at every evaluation, for up to 7 ms.
"""


def _absolute(value: Argument) -> float:
    return abs(_number("abs", value))


def _smallest(*values: Argument) -> float:
    return min(_number("min", value) for value in _some("min", values))


def _largest(*values: Argument) -> float:
    return max(_number("max", value) for value in _some("max", values))


def _rounded(value: Argument, digits: Argument = 0) -> float:
    number = _number("round", value)
    places = _whole("round", digits)
    if not 0 <= places <= _MOST_DIGITS:
        raise ValueError(f"round takes 0 to {_MOST_DIGITS} digits, not {places}")
    # Half goes away from zero, as on a weighing slip; what is infinite stays so.
    scale = 10.0**places
    scaled = abs(number) * scale
    if not scaled < _EXACT:
        return number
    whole = math.floor(scaled)
    return math.copysign((whole + (scaled - whole >= 0.5)) / scale, number)  # noqa: PLR2004


def _substring(value: Argument, start: Argument, end: Argument = None) -> str:
    text = _text("substring", value)
    first = _whole("substring", start)
    last = len(text) if end is None else _whole("substring", end)
    if not 0 <= first <= last <= len(text):
        raise ValueError(f"substring from {first} to {last} is not in {len(text)} characters")
    return text[first:last]


def _lower(value: Argument) -> str:
    return _text("lowerAscii", value).translate(_LOWER)


def _upper(value: Argument) -> str:
    return _text("upperAscii", value).translate(_UPPER)


def _trim(value: Argument) -> str:
    return _text("trim", value).strip()


def _some(function: str, values: tuple[Argument, ...]) -> tuple[Argument, ...]:
    if not values:
        raise TypeError(f"{function} takes at least one number")
    return values


def _number(function: str, value: Argument) -> float:
    # In Python, True is a number.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{function} takes numbers, not {_named(value)}")
    return float(value)


def _whole(function: str, value: Argument) -> int:
    number = _number(function, value)
    if not number.is_integer():
        raise ValueError(f"{function} takes whole numbers there, not {value}")
    return int(number)


def _text(function: str, value: Argument) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{function} takes a text, not {_named(value)}")
    return value


def _named(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case _:
            return "a list"


_MOST_DIGITS = 9
_CAPITALS, _SMALL = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"
_LOWER, _UPPER = str.maketrans(_CAPITALS, _SMALL), str.maketrans(_SMALL, _CAPITALS)

OURS: Mapping[str, Callable[..., Argument]] = {
    "abs": _absolute,
    "max": _largest,
    "min": _smallest,
    "round": _rounded,
    "lowerAscii": _lower,
    "substring": _substring,
    "trim": _trim,
    "upperAscii": _upper,
}
"""Those that CEL lacks. The ones for texts are those of its extension `strings`.

They take numbers of both its types and give doubles, as fields are.
Raise TypeError for what they never take, ValueError for what they do not take this time.
"""

FUNCTIONS = CEL | OURS.keys()
