"""The rules engine: from what machines said to what the business must know."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from edge.milestones.feeding import delays, sources_by_rule
from edge.milestones.fields import Test, Unjudgeable, matcher
from edge.milestones.fitting import misfits
from edge.milestones.lifecycle import Guard
from edge.milestones.model import (
    KEY_FIELDS,
    Decision,
    Milestone,
    Name,
    Observation,
    TrackId,
    Tracks,
    Value,
    kind_of,
)
from edge.milestones.operators import Judge, Operator, operator_of
from edge.milestones.rules import Lifecycle, Rule
from edge.milestones.step import Step

Listener = tuple[str, Test | None, Judge]
"""Rule, what the fields must say, who judges."""


class RulesEngine:
    """Implements `model.Engine` for the rules and lifecycles of one site.

    Args:
        site: Part of every milestone's id.
        rules: By name.
        lifecycles: By name.
        sources_of: For each kind of observation, the sources that it comes from.

    Raises:
        ValueError: The parts do not fit together; the message names all faults.

    """

    def __init__(
        self,
        site: str,
        rules: Mapping[str, Rule],
        lifecycles: Mapping[str, Lifecycle],
        sources_of: Mapping[str, frozenset[str]],
    ) -> None:
        found = [str(each) for each in misfits(rules, lifecycles, sources_of)]
        if found:
            raise ValueError("; ".join(found))
        self._operators: dict[str, Operator[Rule]] = {
            name: operator_of(site, name, rule) for name, rule in rules.items()
        }
        self._guards = {name: Guard(name, each) for name, each in lifecycles.items()}
        self._guard_of: dict[Name, Guard] = {
            stage: self._guards[name]
            for name, each in lifecycles.items()
            for stage in (*each.stages, *each.ends)
        }
        self._listeners: dict[str, list[Listener]] = {}
        for name, operator in self._operators.items():
            for pattern, judge in operator.listens():
                listener = (name, matcher(pattern), judge)
                self._listeners.setdefault(pattern.hears, []).append(listener)
        self._key_fields = tuple({*KEY_FIELDS, *(rule.about for rule in rules.values())})
        self._owners = _owners(rules, lifecycles, sources_of)
        self._ranks = {owner: rank for rank, owner in enumerate(self._owners)}
        self._delays = _delays(rules, lifecycles)

    def collapse(self, observations: Iterable[Observation], tracks: Tracks) -> Decision:
        """Judge observations in the order given; see `model.Engine.collapse`."""
        step = Step(tracks, self._key_fields, self._delays)
        for observation in observations:
            self._hear(observation, observation.kind, step)
        return step.decision

    def expire(self, due: Iterable[TrackId], tracks: Tracks, horizon: int) -> Decision:
        """Judge tracks whose deadline has passed; see `model.Engine.expire`.

        A track that is not due at the horizon is left alone; one of a rule
        that the configuration no longer has is removed.
        """
        step = Step(tracks, self._key_fields, self._delays)
        # Rules before those that listen to them, and before lifecycles: what they conclude may
        # be what is waited for.
        for track in sorted(due, key=lambda each: (self._ranks.get(each.owner, -1), each)):
            known = step.track(track)
            if known is None or known.due_at is None or known.due_at > horizon:
                continue
            owner = self._operators.get(track.owner) or self._guards.get(track.owner)
            state = step.recall(track, owner.shape) if owner else None
            if owner is None or state is None:
                step.forget(track)
                continue
            step.judging(state["lag"])
            known_until = horizon - self._delays.get(track.owner, 0)
            if isinstance(owner, Guard):
                step.decision.milestones += owner.expire(track, state, known_until, step)
            else:
                self._tell(owner.expire(track, state, known_until, step), step)
        return step.decision

    def owners(self) -> Mapping[str, frozenset[str]]:
        """Return each rule and lifecycle with its sources; see `model.Engine.owners`."""
        return self._owners

    def _hear(self, observation: Observation, kind: str, step: Step) -> None:
        # The index is what makes telemetry that concerns no rule cost next to nothing.
        for rule, matches, judge in self._listeners.get(kind, ()):
            try:
                if matches is None or matches(observation.fields):
                    step.judging(observation.lag)
                    self._tell(judge(observation, step), step)
            except Unjudgeable as reason:
                step.object(observation.signal, f"rule {rule}: {reason}")

    def _tell(self, concluded: Sequence[Milestone], step: Step) -> None:
        for milestone in concluded:
            guard = self._guard_of.get(milestone.name)
            if guard is None:
                step.decision.milestones.append(milestone)
            else:
                step.decision.milestones += guard.admit(milestone, step)
            # Whatever the lifecycle makes of it: rules never wait for a lifecycle.
            for kind in (kind_of(milestone.name), kind_of(milestone.name, milestone.rule)):
                if milestone.retracts is None and kind in self._listeners:
                    self._hear(_heard(milestone, step.lag), kind, step)


def _heard(milestone: Milestone, lag: int) -> Observation:
    """Return the milestone as rules that listen to it hear of it."""
    about, _, value = milestone.key.partition(":")
    *earlier, last = milestone.evidence
    return Observation(
        signal=last,
        source=milestone.rule,
        kind=kind_of(milestone.name),
        occurred_at=milestone.occurred_at,
        fields={about: value, **_plain(milestone.attributes)},
        lag=lag,
        earlier=tuple(earlier),
    )


def _plain(attributes: Mapping[str, Any]) -> dict[str, Value]:
    """Return what can be a field: not the seconds of states by their names."""
    return {name: value for name, value in attributes.items() if not isinstance(value, Mapping)}


def _owners(
    rules: Mapping[str, Rule],
    lifecycles: Mapping[str, Lifecycle],
    sources_of: Mapping[str, frozenset[str]],
) -> dict[str, frozenset[str]]:
    owners = sources_by_rule(rules, sources_of)
    for name, lifecycle in lifecycles.items():
        guarded = {*lifecycle.stages, *lifecycle.ends}
        feeding = [owners[rule] for rule in rules if guarded & set(rules[rule].concludes())]
        owners[name] = frozenset[str]().union(*feeding)
    return owners


def _delays(rules: Mapping[str, Rule], lifecycles: Mapping[str, Lifecycle]) -> dict[str, int]:
    found = delays(rules)
    for name, lifecycle in lifecycles.items():
        guarded = {*lifecycle.stages, *lifecycle.ends}
        feeding = [found[rule] for rule in rules if guarded & set(rules[rule].concludes())]
        found[name] = max(feeding)
    return found
