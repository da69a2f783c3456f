"""One observation is a fact, once for each occurrence."""

from collections.abc import Sequence

from edge.milestones.evidence import Evidence, lag_of
from edge.milestones.fields import joined, key_of, optional, present
from edge.milestones.model import Milestone, Observation, TrackId
from edge.milestones.operators.operator import NOTHING, Judge, Operator
from edge.milestones.rules import OneRule, Pattern
from edge.milestones.step import State, Step


class One(Operator[OneRule]):
    """Concludes from the first observation that comes; its repeats are ignored."""

    shape = "one"

    def listens(self) -> Sequence[tuple[Pattern, Judge]]:
        """Return what the rule listens to, and who judges it."""
        return [(self.rule.of, self.judge)]

    def judge(self, observation: Observation, step: Step) -> Sequence[Milestone]:
        """Conclude, unless this occurrence has been told."""
        step.mention(observation)
        key = key_of(observation, self.rule.about)
        occurrence = [optional(observation, field) for field in self.rule.occurrence]
        told = joined(key, occurrence)
        if self.recall(step, told) is not None:
            return NOTHING
        lag = lag_of([observation.evidence])
        self.keep(step, told, {}, observation.occurred_at + lag + self.remember)
        return [
            self.milestone(
                key,
                observation.occurred_at,
                present(observation),
                [observation.evidence],
                occurrence=occurrence,
            )
        ]

    def expire(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:  # noqa: ARG002 - nothing is concluded, whatever is known
        """Forget what was told so long ago that no device repeats it."""
        step.forget(track)
        return NOTHING

    def open_evidence(self, state: State) -> Sequence[Evidence]:  # noqa: ARG002 - nothing waits
        """Return nothing: what is kept is what has been told."""
        return ()
