"""The guard of a lifecycle: which milestone of a key may be told now."""

from collections.abc import Sequence
from dataclasses import replace

from edge.milestones.lifecycle_exceptions import illegal, not_unknown, unknown
from edge.milestones.lifecycle_track import NOTHING_KNOWN, Known, Refused
from edge.milestones.model import Mark, Milestone, Name, TrackId
from edge.milestones.operators.operator import DAY, NOTHING, milliseconds
from edge.milestones.rules import Lifecycle
from edge.milestones.step import State, Step

# A label that every unreadable barcode shares must not make a track grow for ever.
_REFUSED_REMEMBERED = 16


class Guard:
    """Puts the milestones of each key in the order of the lifecycle's stages.

    A stage is legal when the one before it, or a later one, has been accepted;
    an end, when any stage has been and none is held. What is not legal is held
    for `wait_seconds` of event time, then accepted and marked. Holding changes
    neither a milestone's id nor when it occurred. What this says of the key,
    it tells as an exception if the lifecycle asks for it.
    """

    shape = "lifecycle"

    def __init__(self, site: str, name: str, lifecycle: Lifecycle) -> None:
        self.site = site
        self.name = name
        self.lifecycle = lifecycle
        self._wait = milliseconds(lifecycle.wait_seconds)
        self._remember = round(lifecycle.remember_days * DAY)
        self._places = {name: i for i, name in enumerate((*lifecycle.stages, *lifecycle.ends))}

    def admit(self, milestone: Milestone, step: Step) -> Sequence[Milestone]:
        """Return what may be told now that this milestone has been concluded."""
        track = TrackId(self.name, milestone.key)
        state = step.recall(track, self.shape)
        known = NOTHING_KNOWN if state is None else Known.of(state)
        known = known._replace(last_at=max(known.last_at, milestone.occurred_at))
        if milestone.retracts is not None:
            return self._retract(track, known, milestone, step)
        there = self._already(milestone, known)
        if there == milestone.id or any(
            each.milestone.id == milestone.id for each in known.refused
        ):
            return NOTHING
        if there is not None:
            return self._refuse(track, known, milestone, there, step)
        held = sorted([*known.held, milestone], key=lambda each: self._place(each.name))
        return self._release(track, known._replace(held=held), None, step)

    def expire(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:
        """Accept what has waited long enough; forget a key after its time."""
        known = Known.of(state)
        if not known.held:
            step.forget(track)
            return NOTHING
        return self._release(track, known, horizon, step)

    def _release(
        self, track: TrackId, known: Known, horizon: int | None, step: Step
    ) -> Sequence[Milestone]:
        """Accept held milestones that are legal or, at a horizon, have waited long enough."""
        # One that has waited long enough takes along the earlier stages that still
        # wait: told after it, they would be out of order for certain.
        due = (each for each in known.held if horizon is not None and self._due_at(each) <= horizon)
        takes_along = max((self._place(each.name) for each in due), default=-1)
        told: list[Milestone] = []
        left: list[Milestone] = []
        for milestone in known.held:
            if self._is_legal(milestone.name, known, left):
                mark = self._mark(milestone, known)
            elif self._place(milestone.name) <= takes_along:
                mark = Mark.OUT_OF_ORDER
            else:
                left.append(milestone)
                continue
            carried = self._carry(milestone, known, mark)
            told.append(carried)
            found, unknown = self._judge_unknown(carried, known)
            told += found
            known = self._accept(milestone, known)._replace(unknown=unknown)
        self._keep(track, known._replace(held=left), step)
        return told

    def _due_at(self, held: Milestone) -> int:
        return held.occurred_at + self._wait + held.lag

    def _place(self, name: Name) -> int:
        # What is held may have left the lifecycle with the last change of the configuration.
        return self._places.get(name, -1)

    def _already(self, milestone: Milestone, known: Known) -> str | None:
        """Return the id of what says the same already, or None."""
        for each in known.held:
            if each.name is milestone.name:
                return each.id
        if milestone.name not in known.accepted:
            return None
        id_, at = known.accepted[milestone.name]
        if milestone.name in self.lifecycle.ends:
            # Seen at a stage in between, it was found, and this is another end.
            return None if self._is_seen(known, at, milestone.occurred_at) else id_
        return id_

    def _is_seen(self, known: Known, after: int, until: int | None = None) -> bool:
        """Tell whether a stage was reached after a time, up to another."""
        reached = (
            known.accepted[each][1] for each in self.lifecycle.stages if each in known.accepted
        )
        return any(after < at and (until is None or at <= until) for at in reached)

    def _is_legal(self, name: Name, known: Known, waiting: Sequence[Milestone]) -> bool:
        stages = self.lifecycle.stages
        if name in self.lifecycle.ends:
            return not waiting and any(stage in known.accepted for stage in stages)
        place = self._place(name)
        return place <= 0 or any(stage in known.accepted for stage in stages[place - 1 :])

    def _mark(self, milestone: Milestone, known: Known) -> Mark:
        if milestone.name in self.lifecycle.ends:
            return Mark.LATE if self._is_seen(known, milestone.occurred_at) else milestone.mark
        ends = (known.accepted[end][1] for end in self.lifecycle.ends if end in known.accepted)
        if any(not self._is_seen(known, at) for at in ends):
            return Mark.OUT_OF_ORDER
        later = self.lifecycle.stages[self._place(milestone.name) + 1 :]
        return Mark.LATE if any(stage in known.accepted for stage in later) else milestone.mark

    def _accept(self, milestone: Milestone, known: Known) -> Known:
        learned = {
            field: milestone.attributes[field]
            for field in self.lifecycle.carry
            if milestone.attributes.get(field) is not None
        }
        return known._replace(
            accepted={
                **known.accepted,
                milestone.name.value: (milestone.id, milestone.occurred_at),
            },
            carried={**known.carried, **learned},
        )

    def _carry(self, milestone: Milestone, known: Known, mark: Mark) -> Milestone:
        lacking = {
            field: value
            for field, value in known.carried.items()
            if milestone.attributes.get(field) is None
        }
        return replace(milestone, mark=mark, attributes={**milestone.attributes, **lacking})

    def _retract(
        self, track: TrackId, known: Known, retraction: Milestone, step: Step
    ) -> Sequence[Milestone]:
        """Undo what is retracted. What no destination has seen needs no retraction."""
        held = [each for each in known.held if each.id != retraction.retracts]
        accepted = {
            name: (id_, at)
            for name, (id_, at) in known.accepted.items()
            if id_ != retraction.retracts
        }
        left = known._replace(held=held, accepted=accepted)
        refused = next((r for r in known.refused if r.milestone.id == retraction.retracts), None)
        if refused is not None:
            others = [each for each in known.refused if each is not refused]
            left = left._replace(refused=[*others, refused._replace(there=None)])
            self._keep(track, left, step)
            return self._not_illegal(retraction, refused.there)
        was_told = len(held) == len(known.held)
        told = [self._carry(retraction, known, retraction.mark)] if was_told else []
        return [*told, *self._admit_refused(track, left, retraction, step)]

    def _admit_refused(
        self, track: TrackId, known: Known, retraction: Milestone, step: Step
    ) -> Sequence[Milestone]:
        """Let what was refused for what is retracted take its place: of several the earliest."""
        waiting = [each for each in known.refused if each.there == retraction.retracts]
        if not waiting:
            self._keep(track, known, step)
            return NOTHING
        first = min(waiting, key=lambda each: (each.milestone.occurred_at, each.milestone.id))
        milestone = first.milestone
        others = [
            each._replace(there=milestone.id) if each in waiting else each
            for each in known.refused
            if each is not first
        ]
        held = sorted([*known.held, milestone], key=lambda each: self._place(each.name))
        evidence = tuple(sorted({*milestone.evidence, *retraction.evidence}))
        undone = replace(milestone, retracts=milestone.id, evidence=evidence, mark=Mark.LATE)
        told = self._not_illegal(undone, first.there)
        known = known._replace(held=held, refused=others)
        return [*told, *self._release(track, known, None, step)]

    def _not_illegal(self, retraction: Milestone, there: str | None) -> Sequence[Milestone]:
        """Return the retraction of the exception that was told of what is retracted, if one was."""
        if there is None or Name.ILLEGAL not in self.lifecycle.exceptions:
            return NOTHING
        return [illegal(self.site, self.name, retraction, there)]

    def _judge_unknown(
        self, milestone: Milestone, known: Known
    ) -> tuple[Sequence[Milestone], Milestone | None]:
        """Return what follows from the next that is told for what was known of the key before.

        That is what is told of it, and what has been told of it and not been retracted.
        """
        place, told = self._place(milestone.name), known.unknown
        if told is not None:
            if place == 0 and milestone.occurred_at <= told.occurred_at:
                return [not_unknown(self.site, told, milestone)], None
            return NOTHING, told
        if place <= 0 or known.accepted or Name.UNKNOWN not in self.lifecycle.exceptions:
            return NOTHING, None
        told = unknown(self.site, self.name, milestone)
        return [told], told

    def _refuse(
        self, track: TrackId, known: Known, milestone: Milestone, there: str, step: Step
    ) -> Sequence[Milestone]:
        refused = [*known.refused, Refused(milestone, there)][-_REFUSED_REMEMBERED:]
        self._keep(track, known._replace(refused=refused), step)
        if Name.ILLEGAL in self.lifecycle.exceptions:
            return [illegal(self.site, self.name, milestone, there)]
        for signal in milestone.evidence:
            step.object(
                signal,
                f"illegal: {milestone.key} cannot be {milestone.name.value} again, "
                f"milestone {there} of lifecycle {self.name} already says so",
            )
        return NOTHING

    def _keep(self, track: TrackId, known: Known, step: Step) -> None:
        if known.held:
            due_at = min(map(self._due_at, known.held))
        else:
            due_at = known.last_at + self._remember
        step.keep(track, self.shape, known.state(), due_at)
