"""Settings of the operator `gather`."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Literal, Self

from pydantic import model_validator

from edge.milestones.model import Name
from edge.milestones.rules.pattern import (
    FieldName,
    FieldUse,
    Pattern,
    Place,
    Seconds,
    Wait,
    uses,
)
from edge.milestones.rules.rule import Fact, RuleSettings


class GatherRule(RuleSettings):
    """Members are counted until they are as many as needed, or until something closes the count."""

    operator: Literal["gather"]
    of: Pattern
    """The members."""
    by: tuple[FieldName, ...] = ()
    """Fields that, with `about`, say which count a member belongs to: the line of an order."""
    distinct: FieldName
    """A member counts once for each value of this field."""
    quantity: FieldName | None = None
    """The field that says how much a member counts; without it each counts 1."""
    until: FieldName | None = None
    """The field that says how much is requested; reaching it completes the count at once."""
    closed_by: Pattern | None = None
    """What ends the count."""
    total: FieldName | None = None
    """The closing's field that says how much there is; what is missing is waited for."""
    partial: Fact | None = None
    """What is concluded when the count ends below `until`."""
    over: Name | None = None
    """What is concluded of each member that takes the count beyond `until`, beside `milestone`."""
    children: FieldName | None = None
    """The members' field whose values the milestone lists."""
    children_are: Literal["items", "units"] = "items"
    """Whether the children are units, of which something can be told when it is of their parent."""
    each: FieldName | None = None
    """One milestone for each member, about this field of it, instead of one for the whole."""
    within_seconds: Seconds
    """How long after its first member a count that nothing closes is given up."""
    wait_seconds: Wait = 5
    """How long after the closing missing members are waited for."""

    @model_validator(mode="after")
    def _has_an_end(self) -> Self:
        if self.until is None and self.closed_by is None:
            raise ValueError("a gather needs an end: set `until`, `closed_by` or both")
        if self.total is not None and self.closed_by is None:
            raise ValueError("`total` is a field of the closing: set `closed_by` too")
        if self.partial is not None and self.until is None:
            raise ValueError("`partial` is less than requested: set `until` too")
        if self.over is not None and self.until is None:
            raise ValueError("`over` is more than requested: set `until` too")
        for first, second in combinations(("over", "partial", "milestone"), 2):
            name = getattr(self, first)
            if name is not None and name is getattr(self, second):
                raise ValueError(f"`{first}` and `{second}` are both '{name}'")
        return self

    @model_validator(mode="after")
    def _has_children(self) -> Self:
        if self.children is None and self.children_are == "units":
            raise ValueError("`children_are` says what the children are: set `children` too")
        return self

    @model_validator(mode="after")
    def _each_has_a_closing(self) -> Self:
        if self.each is not None:
            if self.closed_by is None:
                raise ValueError("`each` concludes at the closing: set `closed_by` too")
            for name in ("until", "children"):
                if getattr(self, name) is not None:
                    raise ValueError(f"`each` and `{name}` exclude each other")
        return self

    def placed_patterns(self) -> Sequence[tuple[Place, Pattern]]:
        """Return the patterns of the members, and of the closing."""
        members: tuple[Place, Pattern] = (("of",), self.of)
        if self.closed_by is None:
            return [members]
        return [members, (("closed_by",), self.closed_by)]

    def concludes(self) -> tuple[Name, ...]:
        """Return the names of the milestones that it can conclude."""
        names = (self.milestone, self.partial, self.over)
        return tuple(name for name in names if name is not None)

    def takes_seconds(self) -> float:
        """Return how long it waits for missing members, or for the word that there are enough.

        If only the closing says how much is requested, the count was complete
        with its last member, and nobody knew.
        """
        if self.until is None or self.closed_by is None:
            return self.wait_seconds
        return self.within_seconds + self.wait_seconds

    def tells(self, fields_of: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """Return the fields of members and closing; of the whole, its sums instead of theirs."""
        if self.each is not None:
            return super().tells(fields_of)
        told = fields_of[self.of.hears] - {self.quantity}
        if self.over is None:
            told -= {self.distinct}
        if self.closed_by is not None:
            told |= fields_of[self.closed_by.hears]
        sums = {"quantity", *(["requested"] if self.until else [])}
        return frozenset((told - {self.until}) | sums | {*self.by}) | self.named()

    def about_what(self) -> frozenset[str]:
        """Return the fields of which its milestones have the keys."""
        if self.each is None:
            return super().about_what()
        return frozenset({self.each, "unit"} if self.for_content else {self.each})

    def reads(self) -> Iterator[FieldUse]:
        """Yield every field that it reads, and of which observations."""
        yield from super().reads()
        for pattern in self.patterns():
            yield from uses("by", self.by, pattern)
        for setting in ("distinct", "quantity", "children", "each"):
            yield from uses(setting, [getattr(self, setting)], self.of)
        yield from uses("until", [self.until], *self.patterns())
        if self.closed_by is not None:
            yield from uses("total", [self.total], self.closed_by)
