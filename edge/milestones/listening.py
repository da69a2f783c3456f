"""Which rules an observation concerns, found by its kind."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

from edge.milestones.fields import Test, Unjudgeable, matcher
from edge.milestones.model import Name, Observation, kind_of
from edge.milestones.operators import Judge, Operator
from edge.milestones.rules import Rule


class Listener(NamedTuple):
    """Who judges observations of a kind, and what their fields must say."""

    operator: Operator[Rule]
    matches: Test | None
    judge: Judge


class Listeners:
    """All rules by the kinds that they listen to.

    The index is what makes telemetry that concerns no rule cost next to nothing.
    """

    def __init__(self, operators: Iterable[Operator[Rule]]) -> None:
        self._by_kind: dict[str, list[Listener]] = {}
        for operator in operators:
            for pattern, judge in operator.listens():
                listener = Listener(operator, matcher(pattern), judge)
                self._by_kind.setdefault(pattern.hears, []).append(listener)
        self.kinds_of = cache(self._kinds_of)

    def of(self, kind: str) -> Sequence[Listener]:
        """Return who listens to a kind, in the order of the operators."""
        return self._by_kind.get(kind, ())

    def has_successor(self, former: Operator[Rule], kind: str) -> bool:
        """Tell whether the rule that took the place of another listens to a kind, too."""
        return any(
            each.operator.name == former.name and not each.operator.is_finishing
            for each in self.of(kind)
        )

    def _kinds_of(self, name: Name, rule: str) -> Sequence[str]:
        """Return the kinds under which somebody listens to what a rule concludes."""
        return [each for each in (kind_of(name), kind_of(name, rule)) if each in self._by_kind]

    def concern(self, observation: Observation) -> bool:
        """Tell whether somebody judges the observation."""
        try:
            return any(
                listener.matches is None or listener.matches(observation.fields)
                for listener in self.of(observation.kind)
            )
        except Unjudgeable:
            return True  # and is objected to when it is judged
