"""What a format makes of a payload, and how it says that it cannot."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from edge.milestones.model import Value

_LONGEST_TEXT = 1024
_LONGEST_SHOWN = 60
_EXACT = 2**53


class Malformed(Exception):
    """A payload is not what its mapping says; the message is for the operator."""


class Misread(Malformed):
    """A barcode of a known form that cannot be: its check digit is wrong."""


class Part(NamedTuple):
    """One thing that a payload tells. A state of a vehicle tells one for each action."""

    document: object
    """JSON; the paths of a mapping start here."""
    occurred_at: int | None = None
    """The time that the format itself states, milliseconds since the Unix epoch."""
    fields: Mapping[str, Value] = MappingProxyType({})
    """Fields that the format itself knows; a mapping adds to them or replaces them."""


Format = Callable[[bytes], Sequence[Part]]
"""Reads a payload. Raises Malformed, and nothing else, for whatever bytes."""


def scalar(found: object, where: str) -> str | int | float | bool:
    """Return the value if it can be a field of an observation.

    Raises:
        Malformed: An object, a list, a text that is longer than 1024 characters
            or holds U+0000, where many programs take it to end, or a number that
            JSON readers round: two barcodes could become one.

    """
    if isinstance(found, str):
        if len(found) > _LONGEST_TEXT:
            raise Malformed(
                f"{where}: {len(found)} characters; expected at most {_LONGEST_TEXT}",
            )
        if "\0" in found:
            raise Malformed(f"{where}: {described(found)} holds U+0000; expected a text without")
        return found
    if isinstance(found, float):
        if not -_EXACT < found < _EXACT:
            raise Malformed(f"{where}: {found!r} is not exact; expected it as a text")
        return found
    if isinstance(found, (bool, int)):
        return found
    raise Malformed(f"{where}: {described(found)}; expected a text, a number, true or false")


def described(value: object) -> str:
    """Return a JSON value for a message: short, and safe however deep it is nested."""
    match value:
        case None:
            return "nothing"
        case dict():
            return "an object"
        case list():
            return "a list"
        case str() if len(value) > _LONGEST_SHOWN:
            return f"{value[:_LONGEST_SHOWN]!r}…"
        case _:
            return repr(value)
