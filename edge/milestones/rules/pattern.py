"""Which observations a rule means, and which of their fields it reads."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from drivers.contract import Settings
from edge.milestones.expressions import Condition
from edge.milestones.model import Name, kind_of

FieldName = Annotated[str, Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0, le=366 * 86_400)]
Wait = Annotated[float, Field(ge=0, le=86_400)]
Place = tuple[str | int, ...]
"""Where something stands: the keys and positions that lead there."""


class Pattern(Settings):
    """Which observations are meant: a kind, or a milestone, and what their fields must say."""

    kind: Annotated[str, Field(min_length=1)] | None = None
    """The kind of observations, as `[[observations]]` name it."""
    milestone: Name | None = None
    """Instead of a kind: what other rules conclude."""
    rule: Annotated[str, Field(min_length=1)] | None = None
    """With `milestone`: only what this rule concludes."""
    where: Mapping[FieldName, str | bool | int | float] = {}
    """Field to text or glob (`*`, `?`, `[…]`), compared with the field's text, case and all."""
    condition: Annotated[Condition | None, Field(alias="if")] = None
    """What must be true of the fields besides: an expression."""

    @model_validator(mode="after")
    def _means_one_thing(self) -> Self:
        if (self.kind is None) == (self.milestone is None):
            raise ValueError(
                "a pattern is of observations or of milestones: set one of `kind` and `milestone`"
            )
        if self.rule is not None and self.milestone is None:
            raise ValueError("`rule` says whose milestone is meant: set `milestone` too")
        return self

    @property
    def hears(self) -> str:
        """The kind of observation that it means; a milestone, too, is heard as one."""
        if self.milestone is not None:
            return kind_of(self.milestone, self.rule)
        assert self.kind is not None
        return self.kind


class FieldUse(NamedTuple):
    """A field that a rule reads, of an observation of at least one of the kinds."""

    place: Place
    field: str
    kinds: tuple[str, ...]


def uses(setting: str, fields: Iterable[str | None], *of: Pattern) -> Iterator[FieldUse]:
    """Yield that a setting's fields are read of observations that match one of the patterns."""
    kinds = tuple(pattern.hears for pattern in of)
    return (FieldUse((setting,), each, kinds) for each in fields if each is not None)
