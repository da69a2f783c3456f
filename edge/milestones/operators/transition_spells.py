"""A level that must hold a value for some time, or that comes back to it, makes facts."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from edge.milestones.evidence import Evidence, lag_of
from edge.milestones.fields import Unjudgeable, joined, optional, present, required, text
from edge.milestones.model import Mark, Milestone, Observation, TrackId
from edge.milestones.operators.operator import NOTHING, Judge, Operator, milliseconds
from edge.milestones.operators.spell import Sample, before, settled, spells, with_sample
from edge.milestones.rules import Pattern, TransitionRule
from edge.milestones.step import State, Step

_MOST_OPEN = {True: 16, False: 128}
"""Samples between which something may still be on its way, by whether they are told in order.

Earlier ones count as settled, whatever the horizon: a track must not grow for ever.
"""


class _Known(NamedTuple):
    """A track's state."""

    level_of: list[str]
    samples: list[Sample]
    settled: int | None = None
    """What happened up to then is judged; what is told of it later is late."""
    forgotten: int | None = None
    """What happened before then is not known any more."""
    is_over: bool = False
    """Whether a level that makes one fact has made it for good."""
    heard: int = 0
    """When the level was told last, give or take half the time for which it is remembered."""

    def is_forgotten(self, at: int) -> bool:
        """Tell whether what happened then can change nothing any more."""
        return self.is_over or (self.forgotten is not None and at < self.forgotten)


class _Candidate(NamedTuple):
    """A spell that is a fact if nothing else is told up to `at`."""

    start: int
    """Position of the sample that begins it."""
    tells: int
    """Position of the first of its samples that says whose the milestone is."""
    at: int


class TransitionSpells(Operator[TransitionRule]):
    """Concludes when a level has held the value for `for_seconds`; with `recurs`, each time.

    A fact is a spell that is long enough, of all that is told, in the order in
    which it happened. It is concluded at the deadline, once the horizon says
    that nothing from before is on its way. If it is told later still that the
    value was not held, the conclusion was false, and a retraction says so.

    A track holds the last changes, and all that may not be in its final order
    yet. Where a level is told `in_order`, a repeat costs a look-up.
    """

    shape = "transition_spells"

    def __init__(self, site: str, name: str, rule: TransitionRule) -> None:
        super().__init__(site, name, rule)
        self._for = milliseconds(rule.for_seconds)
        self._wait = milliseconds(rule.wait_seconds)
        self._is_reached = _reader(rule)

    def listens(self) -> Sequence[tuple[Pattern, Judge]]:
        """Return what the rule listens to, and who judges it."""
        return [(self.rule.of, self.judge)]

    def judge(self, observation: Observation, step: Step) -> Sequence[Milestone]:
        """Take a sample; retract what it contradicts if it is late."""
        level_of = [required(observation, field) for field in self.rule.level_of]
        reached = self._is_reached(observation)
        state = self.recall(step, joined("level", level_of))
        known = _Known(level_of, []) if state is None else _known(state)
        at = observation.occurred_at
        is_late = known.settled is not None and at <= known.settled
        samples = None
        if reached is not None and not known.is_forgotten(at):
            new = self._sample(observation, reached=reached)
            samples = with_sample(
                known.samples, new, in_order=self.rule.in_order, is_settled=is_late
            )
        if samples is None:
            if state is not None and at >= known.heard + self.remember // 2:
                self._keep(step, known._replace(heard=at))
            return NOTHING
        step.mention(observation)
        if reached:
            self._check(observation, known, is_late=is_late, step=step)
        until = known.settled
        most = _MOST_OPEN[self.rule.in_order]
        if len(samples) - len(before(samples, until)) > most:
            until = samples[-most].at
        known = known._replace(samples=samples, heard=max(at, known.heard))
        return self._judge(known, until, Mark.LATE if is_late else Mark.IN_ORDER, step)

    def expire(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:
        """Conclude what has been held for long enough; forget a level after its time."""
        known = _known(state)
        if not any(self._candidates(known.samples)) and known.heard + self.remember <= horizon:
            step.forget(track)
            return NOTHING
        return self._judge(known, horizon - self._waits(known), Mark.IN_ORDER, step)

    def open_evidence(self, state: State) -> Sequence[Evidence]:
        """Return what has begun the spells that may yet be facts."""
        samples = _known(state).samples
        return [samples[each.tells].evidence for each in self._candidates(samples)]

    def _waits(self, known: _Known) -> int:
        """Return for how long what has not been judged yet is waited for."""
        judged = len(before(known.samples, known.settled))
        return self._wait + lag_of(each.evidence for each in known.samples[judged:])

    def _sample(self, observation: Observation, *, reached: bool) -> Sample:
        is_whose = optional(observation, self.rule.about) is not None
        fields = present(observation) if reached and is_whose else None
        return Sample(observation.occurred_at, reached, observation.evidence, fields)

    def _check(self, observation: Observation, known: _Known, *, is_late: bool, step: Step) -> None:
        """Object to the value as none can judge it: too late, or nobody's."""
        if is_late:
            # For how long it was held is not known: repeats of what followed are not kept.
            raise Unjudgeable(
                f"{self.rule.level!r} is told after what happened then was judged; "
                "`wait_seconds` is how late it may be told"
            )
        is_repeat = any(
            each.reached for each in before(known.samples, observation.occurred_at)[-1:]
        )
        if optional(observation, self.rule.about) is None and not is_repeat:
            reason = f"field {self.rule.about!r} of {observation.kind!r} is missing"
            self.object(step, observation.signal, reason)

    def _judge(
        self, known: _Known, until: int | None, mark: Mark, step: Step
    ) -> Sequence[Milestone]:
        """Conclude, and retract, by what happened up to then."""
        if until is None:
            self._keep(step, known)
            return NOTHING
        samples = [*known.samples]
        concluded = [*self._retract(known.level_of, samples)]
        for each in [*self._candidates(samples)]:
            if each.at <= until:
                began_at = samples[each.start].at
                told = samples[each.tells]._replace(at=began_at, told_at=began_at + self._for)
                samples[each.start] = told
                concluded.append(self._conclude(known.level_of, told, mark=mark))
        left, forgotten = settled(samples, until)
        known = known._replace(samples=left, settled=until)
        if forgotten:
            known = known._replace(forgotten=left[0].at)
            if not self.rule.recurs and any(each.told_at is not None for each in forgotten):
                known = known._replace(samples=[], is_over=True)
        self._keep(step, known)
        return concluded

    def _candidates(self, samples: Sequence[Sample]) -> Iterator[_Candidate]:
        """Yield what may be a fact and is not told, earliest first."""
        if not self.rule.recurs and any(each.told_at is not None for each in samples):
            return
        for start, stop in spells(samples):
            spell = samples[start:stop]
            is_short = stop < len(samples) and samples[stop].at - spell[0].at < self._for
            tells = next(
                (i for i, each in enumerate(spell, start) if each.fields is not None), None
            )
            if is_short or tells is None or spell[0].told_at is not None:
                continue
            yield _Candidate(start, tells, max(spell[0].at + self._for, samples[tells].at))
            if not self.rule.recurs:
                return

    def _retract(self, level_of: Sequence[str], samples: list[Sample]) -> Iterator[Milestone]:
        """Yield a retraction for what is told and was not held, and have it not told."""
        for start, stop in spells(samples):
            told = samples[start]
            if told.told_at is None or stop == len(samples) or samples[stop].at >= told.told_at:
                continue
            samples[start] = told._replace(told_at=None)
            yield self._conclude(level_of, told, ended_by=samples[stop], mark=Mark.LATE)

    def _conclude(
        self,
        level_of: Sequence[str],
        told: Sample,
        *,
        mark: Mark,
        ended_by: Sample | None = None,
    ) -> Milestone:
        """Return that the value was held since then or, if something ended it, that it was not."""
        assert told.fields is not None
        assert told.told_at is not None
        attributes: dict[str, Any] = {**told.fields}
        if told.told_at > told.at:
            attributes["since"] = told.at
        return self.milestone(
            f"{self.rule.about}:{text(attributes[self.rule.about])}",
            told.told_at,
            attributes,
            [told.evidence] if ended_by is None else [told.evidence, ended_by.evidence],
            # Spells of one level differ in when they began, and that is part of every id.
            occurrence=level_of,
            mark=mark,
            retraction=ended_by is not None,
        )

    def _keep(self, step: Step, known: _Known) -> None:
        state = {**known._asdict(), "samples": [list(each) for each in known.samples]}
        due_at = min(
            (each.at + self._waits(known) for each in self._candidates(known.samples)),
            default=known.heard + self.remember,
        )
        self.keep(step, joined("level", known.level_of), state, due_at)


def _reader(rule: TransitionRule) -> Callable[[Observation], bool | None]:
    """Return what tells whether the value is reached; None if that stays as it is."""
    if rule.above is not None:
        begins, ends, sign = rule.above, rule.until_below, 1
    elif rule.below is not None:
        begins, ends, sign = rule.below, rule.until_above, -1
    else:
        values = frozenset(text(value) for value in rule.to)
        return lambda observation: required(observation, rule.level) in values
    if ends is None:
        ends = begins

    def is_reached(observation: Observation) -> bool | None:
        value = observation.fields.get(rule.level)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            required(observation, rule.level)
            raise Unjudgeable(
                f"field {rule.level!r} of {observation.kind!r} must be a number, not {value!r}"
            )
        if sign * (value - begins) > 0:
            return True
        return False if sign * (value - ends) < 0 else None

    return is_reached


def _known(state: State) -> _Known:
    kept = {name: state[name] for name in _Known._fields}
    return _Known(**{**kept, "samples": [Sample(*row) for row in state["samples"]]})
