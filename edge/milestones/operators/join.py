"""Several observations about one key, close to each other in time, are a fact."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from edge.milestones.fields import key_of, present
from edge.milestones.model import Milestone, Observation, TrackId, Value
from edge.milestones.operators.operator import NOTHING, Judge, Operator, milliseconds
from edge.milestones.rules import JoinRule, Pattern
from edge.milestones.step import State, Step


class _Seen(NamedTuple):
    """A piece of evidence, kept in the track as a list."""

    pattern: int
    at: int
    signal: int
    fields: dict[str, Value]


class Join(Operator[JoinRule]):
    """Concludes, once for each key, when evidence of every pattern lies within the window.

    The order in which the evidence arrives does not matter. Evidence that
    stays alone is forgotten when the horizon is past its window.
    """

    shape = "join"

    def __init__(self, site: str, name: str, rule: JoinRule) -> None:
        super().__init__(site, name, rule)
        self._within = milliseconds(rule.within_seconds)
        self._patience = self._within + milliseconds(rule.wait_seconds)

    def listens(self) -> Sequence[tuple[Pattern, Judge]]:
        """Return what the rule listens to, and who judges it."""
        return [(of, partial(self.judge, index)) for index, of in enumerate(self.rule.of)]

    def judge(self, pattern: int, observation: Observation, step: Step) -> Sequence[Milestone]:
        """Take evidence of a pattern; conclude if it was what was missing."""
        step.mention(observation)
        key = key_of(observation, self.rule.about)
        known = self.recall(step, key) or {"seen": [], "told": False}
        if known["told"]:
            return NOTHING
        new = _Seen(pattern, observation.occurred_at, observation.signal, present(observation))
        seen = [_Seen(*row) for row in known["seen"]]
        if any((each.pattern, each.at) == (new.pattern, new.at) for each in seen):
            return NOTHING
        seen.append(new)
        # Until now nothing was complete, so what is complete now has the new piece in it. While
        # a source is away nothing is forgotten: what is looked at must not grow with what is kept.
        complete = self._complete([each for each in seen if self._is_near(each, new)])
        if complete is None:
            self._wait(step, key, seen)
            return NOTHING
        occurred_at = max(each.at for each in complete)
        self.keep(step, key, {"seen": [], "told": True}, occurred_at + self.remember)
        attributes: dict[str, Value] = {}
        for each in reversed(complete):
            attributes.update(each.fields)
        return [self.milestone(key, occurred_at, attributes, [each.signal for each in complete])]

    def expire(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:
        """Forget evidence whose window has passed; a concluded key after its time."""
        seen = [_Seen(*row) for row in state["seen"]]
        left = [each for each in seen if each.at + self._patience > horizon]
        if left:
            self._wait(step, track.key, left)
        else:
            step.forget(track)
        return NOTHING

    def _wait(self, step: Step, key: str, seen: Sequence[_Seen]) -> None:
        due_at = min(each.at for each in seen) + self._patience
        self.keep(step, key, {"seen": [list(each) for each in seen], "told": False}, due_at)

    def _is_near(self, one: _Seen, other: _Seen) -> bool:
        return abs(one.at - other.at) <= self._within

    def _complete(self, seen: Sequence[_Seen]) -> list[_Seen] | None:
        """Return one piece of evidence for each pattern, the earliest that fit together."""
        ordered = sorted(seen, key=lambda each: (each.at, each.pattern))
        for start in ordered:
            found: dict[int, _Seen] = {}
            for each in ordered:
                if start.at <= each.at <= start.at + self._within:
                    found.setdefault(each.pattern, each)
            if all(pattern in found for pattern in range(len(self.rule.of))):
                return [found[pattern] for pattern in range(len(self.rule.of))]
        return None
