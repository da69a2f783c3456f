"""The guard of a lifecycle: which milestone of a key may be told now."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from edge.milestones.model import Mark, Milestone, Name, Severity, TrackId, Value
from edge.milestones.operators.operator import DAY, NOTHING, milliseconds
from edge.milestones.rules import Lifecycle
from edge.milestones.step import State, Step

# A label that every unreadable barcode shares must not make a track grow for ever.
_REFUSED_REMEMBERED = 16


class _Known(NamedTuple):
    """What is known of one key; a track's state."""

    accepted: dict[str, tuple[str, int]]
    """By milestone name: its id, and when it occurred."""
    held: list[Milestone]
    """Waiting for an earlier stage, in the order of the stages."""
    refused: list[str]
    """Ids that were illegal: no destination has seen them."""
    carried: dict[str, Value]
    """What accepted stages told of the fields to carry."""
    last_at: int
    """When the latest of all of them occurred."""


class Guard:
    """Puts the milestones of each key in the order of the lifecycle's stages.

    A stage is legal when the one before it, or a later one, has been accepted;
    an end, when any stage has been and none is held. What is not legal is held
    for `wait_seconds` of event time, then accepted and marked. Holding changes
    neither a milestone's id nor when it occurred.
    """

    shape = "lifecycle"

    def __init__(self, name: str, lifecycle: Lifecycle) -> None:
        self.name = name
        self.lifecycle = lifecycle
        self._wait = milliseconds(lifecycle.wait_seconds)
        self._remember = round(lifecycle.remember_days * DAY)
        self._places = {name: i for i, name in enumerate((*lifecycle.stages, *lifecycle.ends))}

    def admit(self, milestone: Milestone, step: Step) -> Sequence[Milestone]:
        """Return what may be told now that this milestone has been concluded."""
        track = TrackId(self.name, milestone.key)
        state = step.recall(track, self.shape)
        known = _UNKNOWN if state is None else _known(state)
        known = known._replace(last_at=max(known.last_at, milestone.occurred_at))
        if milestone.retracts is not None:
            return self._retract(track, known, milestone, step)
        there = self._already(milestone, known)
        if there == milestone.id:
            return NOTHING
        if there is not None:
            self._refuse(track, known, milestone, there, step)
            return NOTHING
        held = sorted([*known.held, milestone], key=lambda each: self._place(each.name))
        return self._release(track, known._replace(held=held), None, step)

    def expire(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:
        """Accept what has waited long enough; forget a key after its time."""
        known = _known(state)
        if not known.held:
            step.forget(track)
            return NOTHING
        return self._release(track, known, horizon, step)

    def _release(
        self, track: TrackId, known: _Known, horizon: int | None, step: Step
    ) -> Sequence[Milestone]:
        """Accept held milestones that are legal or, at a horizon, have waited long enough."""
        # One that has waited long enough takes along the earlier stages that still
        # wait: told after it, they would be out of order for certain.
        takes_along = -1
        if horizon is not None:
            due = [each for each in known.held if each.occurred_at + self._wait <= horizon]
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
            told.append(self._carry(milestone, known, mark))
            known = self._accept(milestone, known)
        self._keep(track, known._replace(held=left), step)
        return told

    def _place(self, name: Name) -> int:
        # What is held may have left the lifecycle with the last change of the configuration.
        return self._places.get(name, -1)

    def _already(self, milestone: Milestone, known: _Known) -> str | None:
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

    def _is_seen(self, known: _Known, after: int, until: int | None = None) -> bool:
        """Tell whether a stage was reached after a time, up to another."""
        reached = (
            known.accepted[each][1] for each in self.lifecycle.stages if each in known.accepted
        )
        return any(after < at and (until is None or at <= until) for at in reached)

    def _is_legal(self, name: Name, known: _Known, waiting: Sequence[Milestone]) -> bool:
        stages = self.lifecycle.stages
        if name in self.lifecycle.ends:
            return not waiting and any(stage in known.accepted for stage in stages)
        place = self._place(name)
        return place <= 0 or any(stage in known.accepted for stage in stages[place - 1 :])

    def _mark(self, milestone: Milestone, known: _Known) -> Mark:
        if milestone.name in self.lifecycle.ends:
            return Mark.LATE if self._is_seen(known, milestone.occurred_at) else milestone.mark
        ends = (known.accepted[end][1] for end in self.lifecycle.ends if end in known.accepted)
        if any(not self._is_seen(known, at) for at in ends):
            return Mark.OUT_OF_ORDER
        later = self.lifecycle.stages[self._place(milestone.name) + 1 :]
        return Mark.LATE if any(stage in known.accepted for stage in later) else milestone.mark

    def _accept(self, milestone: Milestone, known: _Known) -> _Known:
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

    def _carry(self, milestone: Milestone, known: _Known, mark: Mark) -> Milestone:
        lacking = {
            field: value
            for field, value in known.carried.items()
            if milestone.attributes.get(field) is None
        }
        return replace(milestone, mark=mark, attributes={**milestone.attributes, **lacking})

    def _retract(
        self, track: TrackId, known: _Known, retraction: Milestone, step: Step
    ) -> Sequence[Milestone]:
        """Undo what is retracted. What no destination has seen needs no retraction."""
        held = [each for each in known.held if each.id != retraction.retracts]
        accepted = {
            name: (id_, at)
            for name, (id_, at) in known.accepted.items()
            if id_ != retraction.retracts
        }
        was_told = len(held) == len(known.held) and retraction.retracts not in known.refused
        self._keep(track, known._replace(held=held, accepted=accepted), step)
        return [self._carry(retraction, known, retraction.mark)] if was_told else NOTHING

    def _refuse(
        self, track: TrackId, known: _Known, milestone: Milestone, there: str, step: Step
    ) -> None:
        for signal in milestone.evidence:
            step.object(
                signal,
                f"illegal: {milestone.key} cannot be {milestone.name.value} again, "
                f"milestone {there} of lifecycle {self.name} already says so",
            )
        refused = [*known.refused, milestone.id][-_REFUSED_REMEMBERED:]
        self._keep(track, known._replace(refused=refused), step)

    def _keep(self, track: TrackId, known: _Known, step: Step) -> None:
        if known.held:
            due_at = min(each.occurred_at for each in known.held) + self._wait
        else:
            due_at = known.last_at + self._remember
        state = {
            "accepted": {name: list(entry) for name, entry in known.accepted.items()},
            "held": [to_json(each) for each in known.held],
            "refused": known.refused,
            "carried": known.carried,
            "last_at": known.last_at,
        }
        step.keep(track, self.shape, state, due_at)


_UNKNOWN = _Known({}, [], [], {}, 0)


def _known(state: State) -> _Known:
    return _Known(
        accepted={name: (id_, at) for name, (id_, at) in state["accepted"].items()},
        held=[from_json(each) for each in state["held"]],
        refused=state["refused"],
        carried=state["carried"],
        last_at=state["last_at"],
    )


def to_json(milestone: Milestone) -> dict[str, Any]:
    """Return a milestone as tracks keep it; no retraction is ever kept."""
    return {
        "id": milestone.id,
        "name": milestone.name.value,
        "rule": milestone.rule,
        "key": milestone.key,
        "occurred_at": milestone.occurred_at,
        "attributes": milestone.attributes,
        "evidence": list(milestone.evidence),
        "mark": milestone.mark.value,
        "rule_version": milestone.rule_version,
        "severity": milestone.severity,
        "blocks": milestone.blocks,
    }


def from_json(state: State) -> Milestone:
    """Return a milestone that was kept."""
    return Milestone(
        id=state["id"],
        name=Name(state["name"]),
        rule=state["rule"],
        key=state["key"],
        occurred_at=state["occurred_at"],
        attributes=state["attributes"],
        evidence=tuple(state["evidence"]),
        mark=Mark(state["mark"]),
        rule_version=state.get("rule_version", ""),
        severity=state.get("severity") and Severity(state["severity"]),
        blocks=state.get("blocks"),
    )
