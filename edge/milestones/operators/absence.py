"""Something that should have followed did not: that is a fact, until the contrary is told."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from edge.milestones.evidence import Evidence, lag_of
from edge.milestones.fields import Unjudgeable, key_of, present, rank
from edge.milestones.model import Mark, Milestone, Observation, TrackId, Value
from edge.milestones.operators.operator import NOTHING, Judge, Operator, milliseconds
from edge.milestones.rules import AbsenceRule, Pattern
from edge.milestones.step import State, Step

# A label that every unreadable barcode shares must not make a track grow for ever.
_REMEMBERED = 16
MOST_OPEN = 1_000
"""Starts of one key that may wait at once: nothing is concluded while a source is away."""


class _After(NamedTuple):
    """What started the time, kept in the track as a list."""

    at: int
    evidence: Evidence
    fields: dict[str, Value]


class _Lost(NamedTuple):
    """What was concluded, kept in the track as a list."""

    at: int
    evidence: Evidence
    fields: dict[str, Value]
    until: int
    """When the time was over: the milestone happened then, whatever the rule says since."""


class _Known(NamedTuple):
    """A track's state."""

    open: list[_After]
    """Not yet followed, earliest first."""
    lost: list[_Lost]
    """Concluded to be never followed, and not retracted."""
    judged_until: int | None
    """What started up to then has been followed or is concluded: telling it again is a repeat."""
    followed_at: list[int]
    """When the expected happened after that. What it followed may be told long after it."""


_UNKNOWN = _Known([], [], None, [])


class Absence(Operator[AbsenceRule]):
    """Concludes at the deadline, once the horizon says that nothing more is on its way.

    What is judged is when things happened, not when they were told: an
    expected observation counts if it happened within the time, whether it
    comes before the start, after it, or when the conclusion has been told. In
    the last case the conclusion was false, and a retraction says so.
    """

    shape = "absence"

    def __init__(self, site: str, name: str, rule: AbsenceRule) -> None:
        super().__init__(site, name, rule)
        self._within = milliseconds(rule.within_seconds)
        self._patience = self._within + milliseconds(rule.wait_seconds)

    def listens(self) -> Sequence[tuple[Pattern, Judge]]:
        """Return what the rule listens to, and who judges it."""
        return [(self.rule.after, self.start), (self.rule.expect, self.follow)]

    def start(self, observation: Observation, step: Step) -> Sequence[Milestone]:
        """Open a deadline, unless one is open or this start has been judged."""
        step.mention(observation)
        key = key_of(observation, self.rule.about)
        known = self._recall(step, key)
        at = observation.occurred_at
        started = _After(at, observation.evidence, present(observation))
        is_repeat = known.judged_until is not None and at <= known.judged_until
        is_followed = any(self._follows(each, started) for each in known.followed_at)
        same = next((each for each in known.open if each.at == at), None)
        is_there = same is not None and rank(same.fields) <= rank(started.fields)
        if is_repeat or is_followed or is_there:
            return NOTHING
        others = [each for each in known.open if each is not same]
        if len(others) >= MOST_OPEN:
            raise Unjudgeable(
                f"{key}: {MOST_OPEN} starts wait for what should follow; retry it when they are "
                "judged, or keep out with `where` what many things share"
            )
        self._keep(step, key, known._replace(open=sorted([*others, started], key=_time)))
        return NOTHING

    def follow(self, observation: Observation, step: Step) -> Sequence[Milestone]:
        """Clear what this follows in time; retract what was concluded wrongly."""
        step.mention(observation)
        key = key_of(observation, self.rule.about)
        known = self._recall(step, key)
        at = observation.occurred_at
        wrong = [each for each in known.lost if each.at <= at <= each.until]
        left = known._replace(
            open=[each for each in known.open if not self._follows(at, each)],
            lost=[each for each in known.lost if each not in wrong],
        )
        if known.judged_until is None or at > known.judged_until:
            left = _with_follower(left, at)
        if left != known:
            self._keep(step, key, left)
        return [
            self._conclude(key, each, [each.evidence, observation.evidence], retraction=True)
            for each in wrong
        ]

    def expire(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:
        """Conclude what has not been followed in time; forget a key after its time."""
        known = self._known(state)
        if not known.open:
            step.forget(track)
            return NOTHING
        concluded: list[_Lost] = []
        left = known.open
        judged_until = known.judged_until
        while left and self._due_at(left[0]) <= horizon:
            deadline = left[0].at + self._within
            concluded.append(_Lost(*left[0], deadline))
            judged_until = max(deadline, judged_until or deadline)
            # Starts before the deadline were repeats of this one.
            left = [each for each in left if each.at > deadline]
        lost = [*known.lost, *concluded][-_REMEMBERED:]
        self._keep(step, track.key, _Known(left, lost, judged_until, known.followed_at))
        return [self._conclude(track.key, each, [each.evidence]) for each in concluded]

    def open_evidence(self, state: State) -> Sequence[Evidence]:
        """Return what has not been followed yet."""
        return [each.evidence for each in self._known(state).open]

    def _due_at(self, start: _After) -> int:
        return start.at + self._patience + lag_of([start.evidence])

    def _follows(self, at: int, start: _After) -> bool:
        return start.at <= at <= start.at + self._within

    def _conclude(
        self, key: str, lost: _Lost, evidence: Sequence[Evidence], *, retraction: bool = False
    ) -> Milestone:
        return self.milestone(
            key,
            lost.until,
            lost.fields,
            evidence,
            mark=Mark.LATE if retraction else Mark.IN_ORDER,
            retraction=retraction,
        )

    def _recall(self, step: Step, key: str) -> _Known:
        state = self.recall(step, key)
        return _UNKNOWN if state is None else self._known(state)

    def _known(self, state: State) -> _Known:
        return _Known(
            open=[_After(*row) for row in state["open"]],
            lost=[_Lost(*row, *self._unless_kept(row)) for row in state["lost"]],
            judged_until=state["judged_until"],
            followed_at=state.get("followed_at", []),
        )

    def _unless_kept(self, row: Sequence[Any]) -> tuple[int, ...]:
        return () if len(row) == len(_Lost._fields) else (row[0] + self._within,)

    def _keep(self, step: Step, key: str, known: _Known) -> None:
        state = {
            "open": [list(each) for each in known.open],
            "lost": [list(each) for each in known.lost],
            "judged_until": known.judged_until,
            "followed_at": known.followed_at,
        }
        if known.open:
            due_at = self._due_at(known.open[0])
        else:
            due_at = max([known.judged_until or 0, *known.followed_at]) + self.remember
        self.keep(step, key, state, due_at)


def _time(start: _After) -> int:
    return start.at


def _with_follower(known: _Known, at: int) -> _Known:
    """Return what is known with one more time at which the expected happened."""
    times = sorted({*known.followed_at, at})
    judged = [known.judged_until, *times[:-_REMEMBERED]]
    judged_until = max((each for each in judged if each is not None), default=None)
    return known._replace(judged_until=judged_until, followed_at=times[-_REMEMBERED:])
