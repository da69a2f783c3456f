"""One step of the engine: what is known so far, with what the step itself has changed."""

from collections.abc import Mapping
from typing import Any

from edge.milestones.fields import text
from edge.milestones.model import Decision, Objection, Observation, Track, TrackId, Tracks

State = Mapping[str, Any]
"""A track's state. JSON: dicts with string keys, lists, scalars. Never changed in place."""

MAX_LAG = 60_000
"""Milliseconds by which a device may be behind; what is told later still waits no longer."""


class Step:
    """Tracks as the step sees them, and the decision that grows."""

    def __init__(
        self, tracks: Tracks, key_fields: tuple[str, ...], delays: Mapping[str, int]
    ) -> None:
        """`delays` says by owner how much later than others its deadlines are judged (ms)."""
        self._committed = tracks
        self._key_fields = key_fields
        self._delays = delays
        self.lag = 0
        """How late that was told which is being judged."""
        self.decision = Decision()

    def judging(self, lag: int) -> None:
        """Say how late that was told which is judged next."""
        self.lag = min(lag, MAX_LAG)

    def track(self, track: TrackId) -> Track | None:
        """Return the track with the changes of this step, or None."""
        changed = self.decision.tracks
        return changed[track] if track in changed else self._committed.get(track)

    def recall(self, track: TrackId, shape: str) -> State | None:
        """Return the track's state if it was kept in this shape.

        A rule may get another operator under its old name; what the old one
        knew means nothing to the new one.
        """
        found = self.track(track)
        return found.state if found is not None and found.state.get("shape") == shape else None

    def keep(self, track: TrackId, shape: str, state: State, due_at: int) -> None:
        """Change the track; `due_at` is when the engine must look again, by the devices' clocks.

        The horizon goes by ours. Where devices tell late, or their clocks are
        behind, the track waits as much longer as the latest of them did; and
        as long as rules that its owner listens to may have something to tell.
        """
        known = self.recall(track, shape) or {}
        lag = max(self.lag, known.get("lag", 0))
        due_at += lag + self._delays.get(track.owner, 0)
        self.decision.tracks[track] = Track({"shape": shape, "lag": lag, **state}, due_at)

    def forget(self, track: TrackId) -> None:
        """Remove the track."""
        self.decision.tracks[track] = None

    def object(self, signal: int, reason: str) -> None:
        """Say why a signal could not be judged."""
        self.decision.objections.append(Objection(signal, reason))

    def mention(self, observation: Observation) -> None:
        """Note of which units, orders and trailers the signal tells."""
        for field in self._key_fields:
            value = observation.fields.get(field)
            if value is not None and value != "":
                self.decision.mentions.add((f"{field}:{text(value)}", observation.signal))
