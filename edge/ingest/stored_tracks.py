"""The engine's view of the tracks in the store."""

import sqlite3

import orjson

from buffer import tracks
from edge.milestones.model import Track, TrackId


class StoredTracks:
    """Implements `model.Tracks` over the store, as of the running transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def get(self, track: TrackId) -> Track | None:
        """Return the track, or None."""
        row = tracks.get(self._connection, track.owner, track.key)
        return None if row is None else Track(orjson.loads(row[0]), row[1])

    def between(self, owner: str, after: str, until: str, limit: int) -> list[tuple[str, Track]]:
        """Return an owner's tracks, by key: the first after `after` and before `until`."""
        found = tracks.between(self._connection, owner, after, until, limit)
        return [(key, Track(orjson.loads(state), due_at)) for key, state, due_at in found]
