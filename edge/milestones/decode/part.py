"""What a format makes of a payload, and how it says that it cannot."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from edge.milestones.model import Observation, Value

_LONGEST_TEXT = 1024
_LONGEST_SHOWN = 60
_EXACT = 2**53


class Malformed(Exception):
    """A payload is not what its mapping says; the message is for the operator.

    `observations` are what else it tells: one thing that is wrong takes none of the others along.
    """

    def __init__(self, message: str, observations: Sequence[Observation] = ()) -> None:
        super().__init__(message)
        self.observations = observations


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


Format = Callable[[bytes], Iterable[Part | Malformed]]
"""Reads a payload: what it tells, and what is wrong with single things that it tells.

Raises Malformed, and nothing else, for whatever bytes of which nothing can be read.
"""


def each_of(
    told: Sequence[object], where: str, read: Callable[[object], Part]
) -> Iterator[Part | Malformed]:
    """Yield what each thing of a list is, or what is wrong with it and with which one."""
    for position, one in enumerate(told):
        try:
            yield read(one)
        except Malformed as fault:
            yield Malformed(f"{where}{position}: {fault}")


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
