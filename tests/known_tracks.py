"""Tracks as a test's engine has left them."""

from collections.abc import Sequence

import orjson

from edge.milestones.model import Decision, Track, TrackId


class KnownTracks(dict[TrackId, Track]):
    """Implements `model.Tracks`: JSON between any two steps, as in the store."""

    def between(
        self, owner: str, after: str, until: str, limit: int
    ) -> Sequence[tuple[str, Track]]:
        """Return an owner's tracks, by key: the first after `after` and before `until`."""
        found = sorted(
            (track.key, known)
            for track, known in self.items()
            if track.owner == owner and after < track.key < until
        )
        return found[:limit]

    def due(self, owner: str, horizon: int) -> list[TrackId]:
        """Return an owner's tracks whose deadline is at or before the horizon."""
        return [
            track
            for track, known in self.items()
            if track.owner == owner and known.due_at is not None and known.due_at <= horizon
        ]

    def is_any_due(self, horizon: int) -> bool:
        """Tell whether any owner has a track whose deadline is at or before the horizon."""
        return any(known.due_at is not None and known.due_at <= horizon for known in self.values())

    def commit(self, decision: Decision) -> None:
        """Take over what a step decided."""
        for track, new in decision.tracks.items():
            if new is None:
                self.pop(track, None)
            else:
                state = orjson.loads(orjson.dumps(new.state))
                assert state == new.state, "a state must come back from JSON as it was"
                self[track] = Track(state, new.due_at)
