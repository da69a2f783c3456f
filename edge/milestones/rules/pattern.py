"""Which observations a rule means, and which of their fields it reads."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, NamedTuple

from pydantic import Field

from drivers.contract import Settings

FieldName = Annotated[str, Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0, le=366 * 86_400)]
Wait = Annotated[float, Field(ge=0, le=86_400)]
Place = tuple[str | int, ...]
"""Where something stands: the keys and positions that lead there."""


class Pattern(Settings):
    """Which observations are meant: a kind, and what their fields must say."""

    kind: Annotated[str, Field(min_length=1)]
    where: Mapping[FieldName, str | bool | int | float] = {}
    """Field to text or glob (`*`, `?`, `[…]`), compared with the field's text, case and all."""


class FieldUse(NamedTuple):
    """A field that a rule reads, of an observation of at least one of the kinds."""

    place: Place
    field: str
    kinds: tuple[str, ...]


def uses(setting: str, fields: Iterable[str | None], *of: Pattern) -> Iterator[FieldUse]:
    """Yield that a setting's fields are read of observations that match one of the patterns."""
    kinds = tuple(pattern.kind for pattern in of)
    return (FieldUse((setting,), each, kinds) for each in fields if each is not None)
