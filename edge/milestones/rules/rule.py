"""What all rules have in common."""

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from drivers.contract import Settings
from edge.milestones.model import SEVERITY, Name, Severity
from edge.milestones.rules.pattern import FieldName, FieldUse, Pattern, Place, uses


def _not_measured(name: Name) -> Name:
    if name is Name.MEASURED:
        raise ValueError("'measured' is what the operator `summarise` concludes, and no other")
    return name


Fact = Annotated[Name, AfterValidator(_not_measured)]
"""A milestone that any rule may conclude: it tells of something that happened, not of a time."""


class RuleSettings(Settings):
    """One way to conclude a milestone; each operator adds settings of its own."""

    milestone: Fact
    """What is concluded."""
    about: FieldName
    """The field that says whose milestone it is: "unit" makes keys like "unit:340…"."""
    remember_days: Annotated[float, Field(gt=0, le=3660)] = 30
    """How long repeats of what was concluded are still recognised."""
    open_tracks: Literal["migrate", "finish"] = "migrate"
    """What becomes of what is open when the rule is changed: it goes on under the new settings, or
    is finished under those that it began with. Under another operator it is always finished."""
    severity: Severity | None = None
    """How bad the exceptions are that it concludes; unless told, as `model.SEVERITY` has it."""
    blocks: FieldName | None = None
    """The field that names what they block; without it, they block what they are about."""

    for_content: bool = False
    """Whether what is concluded of a unit is told of the units in it, too."""

    @model_validator(mode="after")
    def _is_true_of_content(self) -> Self:
        for name in (Name.PACKED, Name.UNPACKED):
            if self.for_content and name in self.concludes():
                raise ValueError(f"`for_content`: what is in a unit is not {name} with it")
        return self

    @model_validator(mode="after")
    def _concludes_exceptions(self) -> Self:
        names = self.concludes()
        for setting in ("severity", "blocks"):
            if getattr(self, setting) is not None and not SEVERITY.keys() & set(names):
                concluded = " and ".join(names)
                raise ValueError(f"`{setting}` is for exceptions, and {concluded} is none")
        return self

    @cached_property
    def version(self) -> str:
        """What tells this rule from what it was or will be: eight digits of a digest.

        It follows from what is set alone: a default that is written out changes nothing.
        """
        told = self.model_dump(mode="json", exclude_defaults=True)
        canonical = json.dumps(told, sort_keys=True)
        return blake2b(canonical.encode("ascii"), digest_size=4).hexdigest()

    @abstractmethod
    def placed_patterns(self) -> Sequence[tuple[Place, Pattern]]:
        """Return the patterns of all observations that it listens to, and where each stands."""

    def patterns(self) -> tuple[Pattern, ...]:
        """Return the patterns of all observations that it listens to."""
        return tuple(each for _, each in self.placed_patterns())

    def concludes(self) -> tuple[Name, ...]:
        """Return the names of the milestones that it can conclude."""
        return (self.milestone,)

    def severity_of(self, name: Name) -> Severity | None:
        """Return how bad it is if the rule concludes that; None if it is no exception."""
        return (self.severity or SEVERITY[name]) if name in SEVERITY else None

    def takes_seconds(self) -> float:
        """Return how long after a milestone happened it may be concluded.

        That is, if all evidence is told at once: what happened until then may
        have a part in the conclusion.
        """
        return 0

    def tells(self, fields_of: Mapping[str, frozenset[str]]) -> frozenset[str]:
        """Return the fields that a rule can read of its milestones.

        `fields_of` has the fields of each kind that it listens to.
        """
        return self.named().union(*(fields_of[each.hears] for each in self.patterns()))

    def named(self) -> frozenset[str]:
        """Return the fields that name what its milestones are about."""
        return frozenset({self.about, "unit", "parent"} if self.for_content else {self.about})

    def about_what(self) -> frozenset[str]:
        """Return the fields of which its milestones have the keys."""
        return frozenset({self.about, "unit"} if self.for_content else {self.about})

    def reads(self) -> Iterator[FieldUse]:
        """Yield every field that it reads, and of which observations."""
        for place, pattern in self.placed_patterns():
            for field in pattern.where:
                yield FieldUse((*place, "where", field), field, (pattern.hears,))
            for field in pattern.condition.reads if pattern.condition else ():
                yield FieldUse((*place, "if"), field, (pattern.hears,))
            yield from uses("about", [self.about], pattern)
