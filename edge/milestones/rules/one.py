"""Settings of the operator `one`."""

from collections.abc import Iterator, Sequence
from typing import Literal

from edge.milestones.rules.pattern import FieldName, FieldUse, Pattern, Place, uses
from edge.milestones.rules.rule import RuleSettings


class OneRule(RuleSettings):
    """One observation is a fact."""

    operator: Literal["one"]
    of: Pattern
    occurrence: tuple[FieldName, ...] = ()
    """Fields that tell two facts about one key apart; without them there is only one."""

    def placed_patterns(self) -> Sequence[tuple[Place, Pattern]]:
        """Return the pattern of the observations that it listens to."""
        return [(("of",), self.of)]

    def reads(self) -> Iterator[FieldUse]:
        """Yield every field that it reads."""
        yield from super().reads()
        yield from uses("occurrence", self.occurrence, self.of)
