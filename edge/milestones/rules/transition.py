"""Settings of the operator `transition`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge.milestones.rules.pattern import FieldName, FieldUse, Pattern, Place, Wait, uses
from edge.milestones.rules.rule import RuleSettings

_Threshold = Annotated[float, Field(allow_inf_nan=False)]
_OF_SPELLS = ("wait_seconds", "in_order")


class TransitionRule(RuleSettings):
    """A level that is told again and again; reaching one of its values is a fact."""

    operator: Literal["transition"]
    of: Pattern
    level: FieldName
    """The field that carries the level's value."""
    level_of: Annotated[tuple[FieldName, ...], Field(min_length=1)]
    """The fields that together say which level it is."""
    to: tuple[str | bool | int | float, ...] = ()
    """Values that make the fact."""
    above: _Threshold | None = None
    """Instead of `to`: the fact is made by a number that is more than this."""
    until_below: _Threshold | None = None
    """What is above stays so until a number is less than this; without it, less than `above`."""
    below: _Threshold | None = None
    """Instead of `to`: the fact is made by a number that is less than this."""
    until_above: _Threshold | None = None
    """What is below stays so until a number is more than this; without it, more than `below`."""
    for_seconds: Wait = 0
    """How long the value must hold before it is a fact; what holds shorter is none."""
    recurs: bool = False
    """Whether each time that the level reaches the value again is a fact of its own."""
    wait_seconds: Wait = 2
    """How much longer to listen before concluding, for devices that tell late."""
    in_order: bool = True
    """Whether what is told of one level is told in the order in which it happened."""

    @property
    def is_of_spells(self) -> bool:
        """Whether it matters for how long, or how often, the value is held."""
        return bool(self.for_seconds or self.recurs or not self.to)

    @model_validator(mode="after")
    def _has_one_way_to_reach(self) -> Self:
        ways = [name for name in ("to", "above", "below") if getattr(self, name) not in ((), None)]
        if not ways:
            raise ValueError("nothing can be reached: set `to`, `above` or `below`")
        if len(ways) > 1:
            raise ValueError(f"`{ways[0]}` and `{ways[1]}` exclude each other")
        for begins, ends in (("above", "until_below"), ("below", "until_above")):
            if getattr(self, ends) is not None and getattr(self, begins) is None:
                raise ValueError(f"`{ends}` ends what `{begins}` begins: set `{begins}` too")
        return self

    @model_validator(mode="after")
    def _ends_beyond_its_beginning(self) -> Self:
        for upper, lower, words in (
            (self.above, self.until_below, "`until_below` is more than `above`"),
            (self.until_above, self.below, "`until_above` is less than `below`"),
        ):
            if upper is not None and lower is not None and upper < lower:
                raise ValueError(f"{words}: it would end as it begins")
        return self

    @model_validator(mode="after")
    def _waits_for_something(self) -> Self:
        if not self.is_of_spells:
            for name in _OF_SPELLS:
                if name in self.model_fields_set:
                    raise ValueError(
                        f"`{name}` changes nothing where a value is a fact at once and once only: "
                        "set `for_seconds` or `recurs` too, or leave it out"
                    )
        return self

    def placed_patterns(self) -> Sequence[tuple[Place, Pattern]]:
        """Return the pattern of the observations that it listens to."""
        return [(("of",), self.of)]

    def takes_seconds(self) -> float:
        """Return how long after a milestone happened it may be concluded."""
        return self.wait_seconds if self.is_of_spells else 0

    def tells(self, fields_of: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """Return the fields of the observations, and since when the value was held."""
        return super().tells(fields_of) | ({"since"} if self.for_seconds else set())

    def reads(self) -> Iterator[FieldUse]:
        """Yield every field that it reads."""
        yield from super().reads()
        yield from uses("level", [self.level], self.of)
        yield from uses("level_of", self.level_of, self.of)
