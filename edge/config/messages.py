"""What the checks of the settings find, in an operator's words. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from edge.milestones.fitting import meant, offered

_TAGGED = {"use": "profile"}
"""What a key names that tells tables apart, if it is not called so itself."""
_LIMITS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
SHAPES = {
    "string_type": "text, in quotes",
    "path_type": "a path, in quotes",
    "path_not_file": "a file that is there and can be read",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "byte_size": 'a size, e.g. "8 GB"',
    "byte_size_unit": 'a size, e.g. "8 GB"',
    "tuple_type": "a list, [ … ]",
    "dict_type": "a table",
    "mapping_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}
"""What a value must be, by the type of the error that says that it is not."""


def message(
    details: ErrorDetails, keys: Sequence[str] = (), *, are_parameters: bool = False
) -> str:
    """Say what is wrong with a value; `keys` are those that its table may have."""
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    match kind:
        case "extra_forbidden":
            what = "parameter" if are_parameters else "key"
            words = f"no such {what}; {offered(f'{what}s', str(details['loc'][-1]), keys)}"
        case "missing":
            words = "missing; it has no default"
        case "union_tag_invalid":
            words = _no_such(context)
        case "union_tag_not_found":
            words = f"missing {context['discriminator']}"
        case "literal_error" | "enum":
            words = f"{given!r} is none of {context['expected']}"
            words += meant(str(given), re.findall("'([^']*)'", context["expected"]))
        case "too_short" | "string_too_short" if context["min_length"] == 1:
            words = "must not be empty"
        case "string_pattern_mismatch":
            words = f"{given!r} is not of the form {context['pattern']}"
        case _ if kind in _LIMITS:
            bound, limit = _LIMITS[kind]
            words = f"{given!r} is out of range: must be {bound} {_limit(context[limit], given)}"
        case _ if kind in SHAPES:
            words = f"must be {SHAPES[kind]}"
        case _:
            words = details["msg"].removeprefix("Value error, ")
    return words


def _no_such(context: Mapping[str, Any]) -> str:
    """Say that a key names something, e.g. a driver, that there is not."""
    key, given = context["discriminator"].strip("'"), context["tag"]
    what = _TAGGED.get(key, key)
    known = re.findall("'([^']*)'", context["expected_tags"])
    return f"no such {what}: {given!r}; {offered(f'{what}s', given, known)}"


def _limit(limit: float, given: object) -> str:
    """Return a limit in the form of what was given: only a size is a number with a unit."""
    if isinstance(given, str) and given[-1:].isalpha():
        return f"{limit / 1_000_000:.3g} MB"
    return f"{limit:.15g}"


def either(words: Sequence[str]) -> str:
    """Return one message for what is wrong with a value that may be any of several things."""
    shapes = list(dict.fromkeys(each.removeprefix("must be ") for each in words))
    if "a number" in shapes and "a whole number" in shapes:
        shapes.remove("a whole number")
    *others, last = shapes
    return f"must be {', '.join(others)}{' or ' if others else ''}{last}"


def without_echoes(errors: Sequence[ErrorDetails]) -> Iterator[ErrorDetails]:
    """Leave out that a list is too short if that only follows from faults of what is in it."""
    places = [error["loc"] for error in errors]
    for error in errors:
        place = error["loc"]
        inside = (other != place and other[: len(place)] == place for other in places)
        if error["type"] != "too_short" or not any(inside):
            yield error
