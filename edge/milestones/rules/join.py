"""Settings of the operator `join`."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge.milestones.expressions import Condition
from edge.milestones.rules.pattern import FieldUse, Pattern, Place, Seconds, Wait, uses
from edge.milestones.rules.rule import RuleSettings


class JoinRule(RuleSettings):
    """Several observations about one key, close to each other in time, are a fact."""

    operator: Literal["join"]
    of: Annotated[tuple[Pattern, ...], Field(min_length=1)]
    """One observation of each is needed. Where two carry the same field, the first pattern wins."""
    optional: tuple[Pattern, ...] = ()
    """What is told, too, if it is there: the fact waits for it, but not beyond the time."""
    condition: Annotated[Condition | None, Field(alias="if")] = None
    """What must be true of the fields of all together: an expression. Else nothing is concluded."""
    within_seconds: Seconds
    """How far apart the earliest and the latest of them may have happened."""
    wait_seconds: Wait = 2
    """How much longer incomplete evidence is kept, for devices that tell late."""

    @model_validator(mode="after")
    def _joins_two(self) -> Self:
        if len(self.of) + len(self.optional) == 1:
            raise ValueError("a join is of two or more: add to `of`, or use the operator `one`")
        return self

    def placed_patterns(self) -> Sequence[tuple[Place, Pattern]]:
        """Return the patterns of the evidence, needed and optional."""
        needed = [(("of", position), each) for position, each in enumerate(self.of)]
        told = [(("optional", position), each) for position, each in enumerate(self.optional)]
        return [*needed, *told]

    def reads(self) -> Iterator[FieldUse]:
        """Yield every field that it reads, and of which observations."""
        yield from super().reads()
        if self.condition is not None:
            yield from uses("if", self.condition.reads, *self.patterns())

    def takes_seconds(self) -> float:
        """Return how long it waits for what is optional."""
        return self.within_seconds + self.wait_seconds if self.optional else 0
