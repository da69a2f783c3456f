"""Settings of the operator `transition`."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field

from edge.milestones.rules.pattern import FieldName, FieldUse, Pattern, Place, uses
from edge.milestones.rules.rule import RuleSettings


class TransitionRule(RuleSettings):
    """A level that is told again and again; reaching one of its values is a fact."""

    operator: Literal["transition"]
    of: Pattern
    level: FieldName
    """The field that carries the level's value."""
    level_of: Annotated[tuple[FieldName, ...], Field(min_length=1)]
    """The fields that together say which level it is; each level makes at most one fact."""
    to: Annotated[tuple[str | bool | int | float, ...], Field(min_length=1)]
    """Values that make the fact."""

    def placed_patterns(self) -> Sequence[tuple[Place, Pattern]]:
        """Return the pattern of the observations that it listens to."""
        return [(("of",), self.of)]

    def reads(self) -> Iterator[FieldUse]:
        """Yield every field that it reads."""
        yield from super().reads()
        yield from uses("level", [self.level], self.of)
        yield from uses("level_of", self.level_of, self.of)
