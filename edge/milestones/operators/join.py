"""Several observations about one key, close to each other in time, are a fact."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from edge.milestones.evidence import Evidence, lag_of, last_signal
from edge.milestones.expressions import NoResult
from edge.milestones.fields import Unjudgeable, key_of, present, rank
from edge.milestones.model import Milestone, Observation, TrackId, Value
from edge.milestones.operators.operator import (
    NOTHING,
    Judge,
    Operator,
    milliseconds,
)
from edge.milestones.rules import JoinRule, Pattern
from edge.milestones.step import State, Step

MOST_SEEN = 1_000
"""Pieces of evidence of one key that may wait at once: nothing is forgotten while a source is away.
"""


class _Seen(NamedTuple):
    """A piece of evidence, kept in the track as a list."""

    pattern: int
    at: int
    evidence: Evidence
    fields: dict[str, Value]


class _Known(NamedTuple):
    """A track's state."""

    seen: list[_Seen]
    found: list[_Seen] | None = None
    """Evidence of every pattern that is needed, while optional evidence is waited for."""
    told: bool = False


class Join(Operator[JoinRule]):
    """Concludes, once for each key, when evidence of every pattern lies within the window.

    The order in which the evidence arrives does not matter. Optional evidence
    is waited for until the horizon is past its window; evidence that stays
    alone is forgotten then. The time of the fact is that of what is needed:
    whether optional evidence comes does not change its id.
    """

    shape = "join"

    def __init__(self, site: str, name: str, rule: JoinRule) -> None:
        super().__init__(site, name, rule)
        self._within = milliseconds(rule.within_seconds)
        self._patience = self._within + milliseconds(rule.wait_seconds)
        # Optional evidence may come a whole window before what it belongs to.
        self._kept = self._patience + (self._within if rule.optional else 0)

    def listens(self) -> Sequence[tuple[Pattern, Judge]]:
        """Return what the rule listens to, and who judges it."""
        of = (*self.rule.of, *self.rule.optional)
        return [(each, partial(self.judge, index)) for index, each in enumerate(of)]

    def judge(self, pattern: int, observation: Observation, step: Step) -> Sequence[Milestone]:
        """Take evidence of a pattern; conclude if it was what was missing."""
        step.mention(observation)
        key = key_of(observation, self.rule.about)
        known = self._recall(step, key)
        if known.told:
            return NOTHING
        new = _Seen(pattern, observation.occurred_at, observation.evidence, present(observation))
        same = next((each for each in known.seen if each[:2] == new[:2]), None)
        if same is not None and rank(same.fields) <= rank(new.fields):
            return NOTHING
        if known.found is not None and self._adds_nothing(new, known.found, known.seen):
            return NOTHING
        seen = [*(each for each in known.seen if each is not same), new]
        # What was not complete until now has the new piece in it if it is. While a source is
        # away nothing is forgotten: what is looked at must not grow with what is kept.
        complete = self._complete([each for each in seen if self._is_near(each, new)])
        found = known.found
        if found is None or (complete is not None and _order(complete) < _order(found)):
            found = complete
        if found is not None:
            beside = self._beside(found, seen)
            if len(beside) == len(self.rule.optional):
                return self._conclude(step, key, found, beside)
        if len(seen) > MOST_SEEN:
            raise Unjudgeable(
                f"{key}: {MOST_SEEN} pieces of evidence wait for the rest; retry it when they are "
                "judged, or keep out with `where` what many things share"
            )
        self._wait(step, key, seen, found)
        return NOTHING

    def expire(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:
        """Conclude without optional evidence; forget what stayed alone, and old keys."""
        known = _known(state)
        if known.found is not None and self._complete_at(known.found) <= horizon:
            beside = self._beside(known.found, known.seen)
            return self._conclude(step, track.key, known.found, beside)
        left = [each for each in known.seen if self._kept_until(each) > horizon]
        if left:
            self._wait(step, track.key, left, known.found)
        else:
            step.forget(track)
        return NOTHING

    def open_evidence(self, state: State) -> Sequence[Evidence]:
        """Return what waits for the rest."""
        return [each.evidence for each in _known(state).seen]

    def _recall(self, step: Step, key: str) -> _Known:
        state = self.recall(step, key)
        return _Known([]) if state is None else _known(state)

    def _wait(
        self, step: Step, key: str, seen: Sequence[_Seen], found: Sequence[_Seen] | None
    ) -> None:
        due_at = min(self._kept_until(each) for each in seen)
        if found is not None:
            due_at = min(due_at, self._complete_at(found))
        self._keep(step, key, _Known(list(seen), None if found is None else list(found)), due_at)

    def _conclude(
        self, step: Step, key: str, found: Sequence[_Seen], beside: Sequence[_Seen]
    ) -> Sequence[Milestone]:
        occurred_at = max(each.at for each in found)
        self._keep(step, key, _Known([], told=True), occurred_at + self.remember)
        evidence = [*found, *beside]
        attributes: dict[str, Value] = {}
        for each in reversed(evidence):
            attributes.update(each.fields)
        signals = [each.evidence for each in evidence]
        try:
            holds = self.rule.condition is None or self.rule.condition.of(attributes)
        except NoResult as why:
            self.object(step, max(map(last_signal, signals)), f"{key}: {why}")
            return NOTHING
        return [self.milestone(key, occurred_at, attributes, signals)] if holds else NOTHING

    def _keep(self, step: Step, key: str, known: _Known, due_at: int) -> None:
        state: dict[str, Any] = {"seen": [list(each) for each in known.seen], "told": known.told}
        if known.found is not None:
            state["found"] = [list(each) for each in known.found]
        self.keep(step, key, state, due_at)

    def _complete_at(self, found: Sequence[_Seen]) -> int:
        """Return when nothing optional is on its way any more."""
        return _start(found) + self._patience + lag_of(each.evidence for each in found)

    def _kept_until(self, seen: _Seen) -> int:
        return seen.at + self._kept + lag_of([seen.evidence])

    def _is_near(self, one: _Seen, other: _Seen) -> bool:
        return abs(one.at - other.at) <= self._within

    def _adds_nothing(self, new: _Seen, found: Sequence[_Seen], seen: Sequence[_Seen]) -> bool:
        """Whether an earlier piece of the pattern is there, which goes before it in any case."""
        if new.pattern < len(self.rule.of):
            return new.at > found[new.pattern].at
        is_there = any(
            each.pattern == new.pattern and each.at < new.at for each in self._beside(found, seen)
        )
        return is_there or new.at > _start(found) + self._within

    def _complete(self, seen: Sequence[_Seen]) -> list[_Seen] | None:
        """Return one piece of evidence for each pattern needed, the earliest that fit together."""
        needed = range(len(self.rule.of))
        ordered = sorted(
            (each for each in seen if each.pattern in needed),
            key=lambda each: (each.at, each.pattern),
        )
        if len({each.pattern for each in ordered}) < len(needed):
            return None
        for start in ordered:
            found: dict[int, _Seen] = {}
            for each in ordered:
                if start.at <= each.at <= start.at + self._within:
                    found.setdefault(each.pattern, each)
            if all(pattern in found for pattern in needed):
                return [found[pattern] for pattern in needed]
        return None

    def _beside(self, found: Sequence[_Seen], seen: Sequence[_Seen]) -> list[_Seen]:
        """Return the earliest optional evidence, as far as it fits to what was found."""
        first, last = _start(found), max(each.at for each in found)
        beside: dict[int, _Seen] = {}
        for each in sorted(seen, key=lambda each: each.at):
            if each.pattern >= len(self.rule.of) and (
                last - self._within <= each.at <= first + self._within
            ):
                beside.setdefault(each.pattern, each)
        return [beside[pattern] for pattern in sorted(beside)]


def _order(found: Sequence[_Seen]) -> tuple[int, list[int], list[str]]:
    return _start(found), [each.at for each in found], [rank(each.fields) for each in found]


def _start(found: Sequence[_Seen]) -> int:
    return min(each.at for each in found)


def _known(state: State) -> _Known:
    found = state.get("found")
    return _Known(
        [_Seen(*row) for row in state["seen"]],
        None if found is None else [_Seen(*row) for row in found],
        bool(state["told"]),
    )
