"""The rules engine: from what machines said to what the business must know."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType

from edge.milestones.evidence import signals_of
from edge.milestones.feeding import as_observation
from edge.milestones.fields import Barred, Unjudgeable
from edge.milestones.fitting import misfits
from edge.milestones.lifecycle import Guard
from edge.milestones.listening import Listeners
from edge.milestones.model import (
    KEY_FIELDS,
    Decision,
    Milestone,
    Name,
    Notes,
    Observation,
    TrackId,
    Tracks,
)
from edge.milestones.nesting import Nesting
from edge.milestones.operators import Operator, operator_of
from edge.milestones.operators.operator import NotBegun
from edge.milestones.owners import Owners
from edge.milestones.reordering import Hold, judged_until
from edge.milestones.rules import Lifecycle, Rule
from edge.milestones.step import NEVER, State, Step


class RulesEngine:
    """Implements `model.Engine` for the rules and lifecycles of one site.

    Args:
        site: Part of every milestone's id.
        rules: By name.
        lifecycles: By name.
        sources_of: For each kind of observation, the sources that it comes from.
        reorder: For sources that tell things out of order, by how many milliseconds.
        former: By rule, what it was before: those go on with what they have begun.
        gone: Sources that told what may still be held, though nothing is mapped from them.

    Raises:
        ValueError: The parts do not fit together; the message names all faults.

    """

    def __init__(
        self,
        site: str,
        rules: Mapping[str, Rule],
        lifecycles: Mapping[str, Lifecycle],
        sources_of: Mapping[str, frozenset[str]],
        reorder: Mapping[str, int] = MappingProxyType({}),
        *,
        former: Mapping[str, Sequence[Rule]] = MappingProxyType({}),
        gone: Iterable[str] = (),
    ) -> None:
        found = [str(each) for each in misfits(rules, lifecycles, sources_of)]
        if found:
            raise ValueError("; ".join(found))
        # Who has begun something comes before who would begin it anew.
        finishing = [
            operator_of(site, name, rule).finishing()
            for name in rules
            for rule in former.get(name, ())
        ]
        current = [operator_of(site, name, rule) for name, rule in rules.items()]
        self._operators = {each.owner: each for each in (*finishing, *current)}
        tells_of_content = any(rule.for_content for rule in rules.values())
        self._nesting = Nesting(site, rules) if tells_of_content else None
        self._guards = {name: Guard(site, name, each) for name, each in lifecycles.items()}
        self._guard_of: dict[Name, Guard] = {
            stage: self._guards[name]
            for name, each in lifecycles.items()
            for stage in (*each.stages, *each.ends)
        }
        self._listeners = Listeners(self._operators.values())
        self._key_fields = tuple({*KEY_FIELDS, *(rule.about for rule in rules.values())})
        self._reorder = reorder
        self._owners = Owners(rules, lifecycles, sources_of, {*reorder, *gone}, finishing)
        self._of_one_source = {
            name
            for name, rule in rules.items()
            if len(self._owners.sources[name]) == 1
            and all(each.kind for each in rule.patterns())
            and name not in former
        }

    def collapse(self, observations: Iterable[Observation], tracks: Tracks) -> Decision:
        """Judge observations in the order given, or in event time; see `model.Engine.collapse`."""
        step = Step(tracks, self._key_fields, self._owners.delays)
        holds: dict[str, Hold] = {}
        for source, told in groupby(observations, key=attrgetter("source")):
            if self._bound(source):
                hold = holds.get(source) or Hold(source, self._bound(source), step)
                holds[source] = hold
                self._take(told, hold, step)
            else:
                for observation in told:
                    self._judge(observation, step)
        for hold in holds.values():
            hold.keep()
        return step.decision

    def expire(self, due: Iterable[TrackId], tracks: Tracks, horizon: int) -> Decision:
        """Judge tracks whose deadline has passed; see `model.Engine.expire`.

        A track that is not due at the horizon is left alone; one of a rule
        that the configuration no longer has is removed, and so is what has
        been known of content for too long.
        """
        step = Step(tracks, self._key_fields, self._owners.delays)
        due = sorted(due, key=lambda each: (self._owners.rank(each.owner), each))
        for source, of_source in groupby(
            due, key=lambda each: self._owners.holding.get(each.owner)
        ):
            if source is None:
                for track in of_source:
                    self._expire(track, horizon, step)
            else:
                hold = Hold(source, self._bound(source), step)
                for track in of_source:
                    hold.give_up(track, horizon)
                self._release(hold, step)
                hold.keep()
        return step.decision

    def open_evidence(self, track: TrackId, state: State) -> tuple[int, ...]:
        """Return the signals from which a rule may yet conclude something of a track."""
        operator = self._operators.get(track.owner)
        if operator is None or state.get("shape") != operator.shape:
            return ()
        return signals_of(operator.open_evidence(state))

    def tell(self, milestones: Sequence[Milestone], tracks: Tracks) -> Decision:
        """Take milestones that were concluded elsewhere, as if these rules had done so."""
        step = Step(tracks, self._key_fields, self._owners.delays)
        self._tell(milestones, step)
        return step.decision

    def owners(self) -> Mapping[str, frozenset[str]]:
        """Return whose tracks there are, with the sources of each; see `model.Engine.owners`."""
        return self._owners.sources

    def horizon(self, owner: str, heard: int, tracks: Tracks) -> int:
        """Return up to when an owner's deadlines may be judged; see `model.Engine.horizon`.

        What is held may be the very thing that a deadline waits for.
        """
        if owner in self._owners.holding:
            return heard
        sources = self._owners.sources.get(owner, ())
        return min(
            (judged_until(each, self._bound(each), heard, tracks) for each in sources),
            default=heard,
        )

    def _bound(self, source: str) -> int:
        return self._reorder.get(source, 0)

    def _take(self, told: Iterable[Observation], hold: Hold, step: Step) -> None:
        for observation in told:
            if not self._listeners.concern(observation):
                continue
            if hold.is_late(observation):
                self._release(hold, step)
                self._judge(replace(hold.allowed(observation), late=True), step)
            else:
                hold.take(observation)
        self._release(hold, step)

    def _release(self, hold: Hold, step: Step) -> None:
        for observation in hold.release():
            try:
                self._judge(hold.allowed(observation), step, hold.position(observation))
            except Exception as error:  # noqa: BLE001 - all that comes later waits behind it
                step.object(observation.signal, f"the engine failed on it: {error!r}")

    def _judge(self, observation: Observation, step: Step, before: int = NEVER) -> None:
        """Judge what a source has told, all of whose that happened `before` has been judged."""
        self._hear(observation, observation.kind, step, observation.notes, before)

    def _hear(
        self,
        observation: Observation,
        kind: str,
        step: Step,
        notes: Notes,
        before: int = NEVER,
    ) -> None:
        finished: dict[str, Operator[Rule]] = {}
        for operator, matches, judge in self._listeners.of(kind):
            if finished.get(operator.name, operator) is not operator:
                continue
            concluded: Sequence[Milestone] = ()
            try:
                if matches is not None and not matches(observation.fields):
                    continue
                # Who listens to others, too, may have to hear what happened before from them.
                known_before = before if operator.name in self._of_one_source else NEVER
                step.judging(notes.items(), known_before)
                concluded = judge(observation, step)
                if operator.is_finishing:
                    finished[operator.name] = operator
            except NotBegun:
                continue
            except Unjudgeable as reason:
                if operator.is_finishing and isinstance(reason, Barred):
                    finished[operator.name] = operator
                elif operator.is_finishing and self._listeners.has_successor(operator, kind):
                    continue  # which judges it, or says why not
                step.object(observation.signal, f"rule {operator.name}: {reason}")
            self._tell([*step.take_overdue(), *concluded], step)

    def _expire(self, track: TrackId, horizon: int, step: Step) -> None:
        known = step.track(track)
        if known is None or known.due_at is None or known.due_at > horizon:
            return
        owner = self._operators.get(track.owner) or self._guards.get(track.owner)
        state = step.recall(track, owner.shape) if owner else None
        if owner is None or state is None:
            step.forget(track)
            return
        step.judging(state.get("notes", ()))
        # The deadline was put off by as much: see `Step.keep`.
        known_until = horizon - step.delay(track.owner)
        if isinstance(owner, Guard):
            step.decision.milestones += owner.expire(track, state, known_until, step)
        else:
            self._tell(owner.expire(track, state, known_until, step), step)

    def _tell(self, concluded: Sequence[Milestone], step: Step) -> None:
        if not concluded:
            return
        notes = dict(step.notes)  # telling others goes on to what they judge
        for milestone in [step.noted(each) for each in concluded]:
            self._pass(milestone, notes, step)
            if self._nesting is not None:
                inside = self._nesting.admit(milestone, step)
                known = dict(step.notes)  # of the packings, too
                for told in [step.noted(each) for each in inside]:
                    self._pass(told, known, step)

    def _pass(self, milestone: Milestone, notes: Notes, step: Step) -> None:
        """Tell a milestone as far as its lifecycle lets it, and let rules hear of it."""
        guard = self._guard_of.get(milestone.name)
        if guard is None:
            step.decision.milestones.append(milestone)
        else:
            step.decision.milestones += guard.admit(milestone, step)
        # Whatever the lifecycle makes of it: rules never wait for a lifecycle.
        if milestone.retracts is None:
            for kind in self._listeners.kinds_of(milestone.name, milestone.rule):
                self._hear(as_observation(milestone), kind, step, notes)
