"""Settings of the operator `summarise`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from edge.milestones.measurements import is_measure, is_unit, likely_measure
from edge.milestones.model import Name
from edge.milestones.rules.pattern import FieldName, FieldUse, Pattern, Place, Seconds, Wait, uses
from edge.milestones.rules.rule import RuleSettings

MOST_WINDOWS = 1500
"""Windows that a key remembers, or that a state lasts: a day of minutes fits."""


class SummariseRule(RuleSettings):
    """What is sampled all the time is told once for each stretch of time."""

    operator: Literal["summarise"]
    milestone: Literal[Name.MEASURED] = Name.MEASURED
    of: Pattern
    """The samples."""
    value: FieldName | None = None
    """The field with the number of which count, sum, least, most and mean are told."""
    measures: str | None = None
    """What the number is: a measurement type of GS1's, or a URI of one's own."""
    uom: str | None = None
    """The number's unit, as UN/ECE Recommendation 20 has it: AMP, CEL, KGM."""
    state: FieldName | None = None
    """The field with the state of which is told how many seconds it lasted."""
    holds_seconds: Seconds = 3600
    """How long a state counts without being told again; what follows is unknown."""
    every_seconds: Annotated[float, Field(ge=1, le=86_400)]
    """How long a window is; windows are aligned to 1970-01-01 in UTC."""
    wait_seconds: Wait = 5
    """How long after a window's end its samples are waited for."""
    correct_seconds: Annotated[float, Field(ge=0, le=31 * 86_400)] = 3600
    """How much longer late samples are taken; then what was told is corrected, once."""

    @model_validator(mode="after")
    def _summarises_something(self) -> Self:
        if self.value is None and self.state is None:
            raise ValueError("nothing to summarise: set `value`, `state` or both")
        if self.value is None and (self.measures or self.uom):
            raise ValueError("`measures` and `uom` speak of a number: set `value` too")
        if self.value is not None:
            if self.measures is None or self.uom is None:
                raise ValueError("a number needs to be named: set `measures` and `uom`")
            if not is_measure(self.measures):
                likely = likely_measure(self.measures)
                raise ValueError(f"`measures` is {self.measures!r}; did you mean {likely!r}?")
            if not is_unit(self.uom):
                raise ValueError(f"`uom` is {self.uom!r}; expected a code like 'AMP'")
        return self

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        lasting = {"correct_seconds": self.correct_seconds}
        if self.state is not None:
            lasting["holds_seconds"] = self.holds_seconds
        for name, seconds in lasting.items():
            if seconds > MOST_WINDOWS * self.every_seconds:
                raise ValueError(
                    f"`{name}` is more than {MOST_WINDOWS} windows; "
                    f"set at most {MOST_WINDOWS * self.every_seconds:g}, or longer windows"
                )
        return self

    def placed_patterns(self) -> Sequence[tuple[Place, Pattern]]:
        """Return the pattern of the samples."""
        return [(("of",), self.of)]

    def takes_seconds(self) -> float:
        """Return how long after its window a milestone is concluded, unless it is a correction."""
        return self.wait_seconds

    def tells(self, fields_of: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """Return the fields of the samples but those summarised, and what they come to."""
        told = super().tells(fields_of) - {self.value, self.state}
        numbers = {"measures", "uom", "sum", "min", "max", "mean"} if self.value else set()
        states = {"unknown_seconds"} if self.state else set()
        return told | {"since", "count"} | numbers | states

    def reads(self) -> Iterator[FieldUse]:
        """Yield every field that it reads."""
        yield from super().reads()
        yield from uses("value", [self.value], self.of)
        yield from uses("state", [self.state], self.of)
