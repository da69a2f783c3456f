"""What two rule sets conclude from the same signals, side by side."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

import orjson

Kind = Literal["same", "only old", "only new", "changed"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A milestone that is not the same by both rules."""

    kind: Kind
    id: str
    name: str
    key: str
    occurred_at: int


@dataclass(slots=True)
class Comparison:
    """What the journal leads to by the rules that judged it then, and by the others."""

    most: int
    """How many differences are kept; all are counted."""
    counts: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    """By name of the milestone and kind."""
    differences: list[Difference] = field(default_factory=list)
    """The first of them."""
    signals: int = 0
    began_at: int | None = None
    ended_at: int | None = None
    """When the first and the last signal were recorded."""
    quarantined: int = 0
    """Signals that could not be judged by the new rules."""
    unexplained: int = 0
    """Milestones of which the journal no longer has all evidence; they are not compared."""

    @property
    def is_same(self) -> bool:
        """Whether both conclude the same."""
        return all(kind == "same" for _, kind in self.counts)

    def add(self, difference: Difference) -> None:
        """Count a difference."""
        self.counts[difference.name, difference.kind] += 1
        if len(self.differences) < self.most:
            self.differences.append(difference)


def is_same_event(old: bytes, new: bytes) -> bool:
    """Tell whether two events say the same, by whatever version of the rule."""
    return old == new or _without_version(old) == _without_version(new)


def _without_version(event: bytes) -> object:
    told = orjson.loads(event)
    if "errorDeclaration" in told:  # what it says beside is what was told
        return told["eventID"], told["errorDeclaration"]
    told.pop("milepost:ruleVersion", None)
    return told
