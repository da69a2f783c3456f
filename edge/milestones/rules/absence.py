"""Settings of the operator `absence`."""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

from pydantic import model_validator

from edge.milestones.rules.pattern import Pattern, Place, Seconds, Wait
from edge.milestones.rules.rule import RuleSettings


class AbsenceRule(RuleSettings):
    """Something that should have followed did not: that is a fact."""

    operator: Literal["absence"]
    after: Pattern
    """What starts the time."""
    expect: Pattern
    """What must have happened, about the same key, before the time is over."""
    within_seconds: Seconds
    wait_seconds: Wait = 2
    """How much longer to listen before concluding, for devices that tell late."""

    @model_validator(mode="after")
    def _expects_something_else(self) -> Self:
        if self.after == self.expect:
            raise ValueError("`expect` is what `after` is: each would answer itself, at once")
        return self

    def placed_patterns(self) -> Sequence[tuple[Place, Pattern]]:
        """Return the patterns of what starts the time, and of what is expected."""
        return [(("after",), self.after), (("expect",), self.expect)]

    def takes_seconds(self) -> float:
        """Return how long it listens for what was told late."""
        return self.wait_seconds

    def tells(self, fields_of: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """Return the fields of what starts the time."""
        return fields_of[self.after.hears] | self.named()
