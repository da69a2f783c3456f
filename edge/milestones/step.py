"""One step of the engine: what is known so far, with what the step itself has changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from edge.milestones.fields import text
from edge.milestones.model import (
    LATE_NOTE,
    Decision,
    Mark,
    Milestone,
    Objection,
    Observation,
    TimeFrom,
    Track,
    TrackId,
    Tracks,
)

State = Mapping[str, Any]
"""A track's state. JSON: dicts with string keys, lists, scalars. Never changed in place."""

NEVER = -(1 << 63)
"""Before all time."""

_NOTED = 16


class Step:
    """Tracks as the step sees them, and the decision that grows."""

    def __init__(
        self, tracks: Tracks, key_fields: tuple[str, ...], delays: Mapping[str, int]
    ) -> None:
        """`delays` says by owner how much later than others its deadlines are judged (ms)."""
        self.committed = tracks
        self._key_fields = key_fields
        self._delays = delays
        self.notes: dict[int, Sequence[str]] = {}
        """What must be told of signals that it may rest on."""
        self.decision = Decision()
        self.before = NEVER
        """Everything that the rule listens to and that happened before has been judged."""
        self.overdue: list[Milestone] = []
        """What deadlines have brought that were over before that which is judged next."""

    def judging(self, notes: Iterable[tuple[int, Sequence[str]]] = (), before: int = NEVER) -> None:
        """Say what to note of the signals of what is judged next.

        `before` is the time before which everything that the rule listens to has been judged.
        """
        self.notes = dict(notes)
        self.before = before

    def take_overdue(self) -> list[Milestone]:
        """Return what overdue deadlines have brought, once."""
        taken, self.overdue = self.overdue, []
        return taken

    def is_overdue(self, track: TrackId) -> bool:
        """Tell whether the track's deadline was over before that which is judged next."""
        known = self.track(track)
        return known is not None and known.due_at is not None and known.due_at < self.before

    def track(self, track: TrackId) -> Track | None:
        """Return the track with the changes of this step, or None."""
        changed = self.decision.tracks
        return changed[track] if track in changed else self.committed.get(track)

    def recall(self, track: TrackId, shape: str) -> State | None:
        """Return the track's state if it was kept in this shape.

        A rule may get another operator under its old name; what the old one
        knew means nothing to the new one.
        """
        found = self.track(track)
        if found is None or found.state.get("shape") != shape:
            return None
        self.notes.update(found.state.get("notes", ()))
        return found.state

    def keep(self, track: TrackId, shape: str, state: State, due_at: int) -> None:
        """Change the track; `due_at` is when the engine must look again, by the devices' clocks.

        What has been noted of its signals stays, for it has been recalled. The horizon goes
        by ours: the track waits as much longer as rules that its owner listens to may take
        to tell.
        """
        kept = {"shape": shape, **state}
        if self.notes:
            kept["notes"] = [list(each) for each in sorted(self.notes.items())[-_NOTED:]]
        self.put(track, Track(kept, due_at + self.delay(track.owner)))

    def delay(self, owner: str) -> int:
        """Return how much later than it happened rules that the owner listens to may tell (ms)."""
        return self._delays.get(owner, 0)

    def put(self, track: TrackId, changed: Track) -> None:
        """Change the track as it stands; nothing is added to it."""
        self.decision.tracks[track] = changed

    def forget(self, track: TrackId) -> None:
        """Remove the track."""
        self.decision.tracks[track] = None

    def noted(self, milestone: Milestone) -> Milestone:
        """Return the milestone with what must be told of the signals that it rests on."""
        if not self.notes:
            return milestone
        notes = {note for signal in milestone.evidence for note in self.notes.get(signal, ())}
        if LATE_NOTE in notes and milestone.mark is Mark.IN_ORDER:
            milestone = replace(milestone, mark=Mark.LATE)
        for clock in (TimeFrom.ARRIVAL, TimeFrom.PROTOCOL):  # the one that is known less well
            if clock in notes:
                told = {**milestone.attributes, "time_from": clock.value}
                return replace(milestone, attributes=told)
        return milestone

    def object(self, signal: int, reason: str) -> None:
        """Say why a signal could not be judged."""
        self.decision.objections.append(Objection(signal, reason))

    def mention(self, observation: Observation) -> None:
        """Note of which units, orders and trailers the signal tells."""
        for field in self._key_fields:
            value = observation.fields.get(field)
            if value is not None and value != "":
                self.decision.mentions.add((f"{field}:{text(value)}", observation.signal))
