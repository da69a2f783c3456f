"""What is known so far of each key, and its deadline."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from buffer.statements import statements

SQL = statements("tracks")


class TrackRow(NamedTuple):
    """A track as stored; its state is JSON."""

    owner: str
    key: str
    state: bytes
    due_at: int | None
    changed_at: int


def get(connection: sqlite3.Connection, owner: str, key: str) -> tuple[bytes, int | None] | None:
    """Return (state, due_at) of a track, or None."""
    row: tuple[bytes, int | None] | None = connection.execute(SQL["track"], (owner, key)).fetchone()
    return row


def put(connection: sqlite3.Connection, tracks: Iterable[TrackRow]) -> None:
    """Store tracks, replacing what was there."""
    connection.executemany(SQL["put_track"], tracks)


def remove(connection: sqlite3.Connection, tracks: Iterable[tuple[str, str]]) -> None:
    """Remove tracks by (owner, key)."""
    connection.executemany(SQL["remove_track"], tracks)


def of_owner(connection: sqlite3.Connection, owner: str) -> list[TrackRow]:
    """Return all tracks of an owner."""
    return [TrackRow(*row) for row in connection.execute(SQL["tracks_of"], (owner,))]


def owners(connection: sqlite3.Connection, prefix: str) -> list[str]:
    """Return the owners that begin so, each once; looks at all tracks of theirs."""
    after = f"{prefix[:-1]}{chr(ord(prefix[-1]) + 1)}"
    return [owner for (owner,) in connection.execute(SQL["owners"], (prefix, after))]


def replace(
    connection: sqlite3.Connection, owners: Iterable[str], tracks: Iterable[TrackRow]
) -> None:
    """Store tracks in the place of all that owners had."""
    connection.executemany(SQL["remove_tracks_of"], [(owner,) for owner in owners])
    put(connection, tracks)


def due(connection: sqlite3.Connection, owner: str, until: int, limit: int) -> list[str]:
    """Return keys of an owner whose deadline is at or before `until`, the earliest first."""
    return [key for (key,) in connection.execute(SQL["due"], (owner, until, limit))]


def between(
    connection: sqlite3.Connection, owner: str, after: str, until: str, limit: int
) -> list[tuple[str, bytes, int | None]]:
    """Return (key, state, due_at) of an owner's tracks after and before a key, by key."""
    return connection.execute(SQL["between"], (owner, after, until, limit)).fetchall()
