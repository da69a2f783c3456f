"""A level is told again and again; reaching a value is a fact, being told it again is not."""

from collections.abc import Sequence

from edge.milestones.evidence import Evidence
from edge.milestones.fields import joined, key_of, optional, present, required, text
from edge.milestones.model import Milestone, Observation, TrackId
from edge.milestones.operators.operator import NOTHING, Judge, Operator
from edge.milestones.rules import Pattern, TransitionRule
from edge.milestones.step import State, Step


class Transition(Operator[TransitionRule]):
    """Concludes once for each level, when it is first told at one of the values.

    A track holds the last value and since when. It is written when the value
    changes, so a vehicle that repeats its state every second costs a look-up; and once in half
    the time for which it is remembered, lest a vehicle that stands still is told of again.
    """

    shape = "transition"

    def __init__(self, site: str, name: str, rule: TransitionRule) -> None:
        super().__init__(site, name, rule)
        self._to = frozenset(text(value) for value in rule.to)

    def listens(self) -> Sequence[tuple[Pattern, Judge]]:
        """Return what the rule listens to, and who judges it."""
        return [(self.rule.of, self.judge)]

    def judge(self, observation: Observation, step: Step) -> Sequence[Milestone]:
        """Conclude if the level is reached now and was not before."""
        level = required(observation, self.rule.level)
        identity = [required(observation, field) for field in self.rule.level_of]
        which = joined("level", identity)
        known = self.recall(step, which)

        told = known is not None and bool(known["told"])
        reached = level in self._to and not told
        about = optional(observation, self.rule.about)
        at, now = observation.occurred_at, level
        heard = at if known is None else known.get("heard", known["at"])
        if known is not None and known["level"] == level and not (reached and about):
            if at >= heard + self.remember // 2:
                self._keep(step, which, level, known["at"], told=known["told"], heard=at)
            return NOTHING

        step.mention(observation)
        concludes = reached and about is not None
        if known is not None and at < known["at"]:
            # Told late: the level has moved on, but what it reached, it did reach.
            at, now = known["at"], known["level"]
        if concludes or known is None or at != known["at"] or now != known["level"]:
            self._keep(step, which, now, at, told=told or concludes, heard=max(at, heard))
        if not reached:
            return NOTHING
        # If the key is missing, the kept value sees to it that only the first of the repeats
        # is objected to.
        key = key_of(observation, self.rule.about)
        return [
            self.milestone(
                key,
                observation.occurred_at,
                present(observation),
                [observation.evidence],
                occurrence=identity,
            )
        ]

    def _keep(self, step: Step, which: str, level: str, at: int, *, told: bool, heard: int) -> None:
        """Remember the level; `heard` is when it was told last, give or take half of that time."""
        state = {"level": level, "at": at, "told": told, "heard": heard}
        self.keep(step, which, state, heard + self.remember)

    def expire(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:  # noqa: ARG002 - nothing is concluded, whatever is known
        """Forget a level that has not been told for so long that nobody tells it any more."""
        step.forget(track)
        return NOTHING

    def open_evidence(self, state: State) -> Sequence[Evidence]:  # noqa: ARG002 - nothing waits
        """Return nothing: what is kept is what has been told."""
        return ()
