"""Signals and what belongs to them come back as they went in."""

import sqlite3

import pytest

from buffer import journal, tracks
from buffer.journal import GapRow
from buffer.tracks import TrackRow
from tests.unit.buffer.rows import signal


def test_signals_are_numbered_from_one_without_a_hole(connection: sqlite3.Connection) -> None:
    assert journal.next_sequence(connection) == 1
    journal.append(connection, [signal(1), signal(2)])
    assert journal.next_sequence(connection) == 3


def test_a_number_is_never_given_twice(connection: sqlite3.Connection) -> None:
    journal.append(connection, [signal(1)])
    with pytest.raises(sqlite3.IntegrityError):
        journal.append(connection, [signal(1)])


def test_bookmarks_are_replaced_forgotten_and_each_source_s_own(
    connection: sqlite3.Connection,
) -> None:
    journal.put_bookmarks(connection, "plc", {"counter": b"\x00\x01", "other": b""})
    journal.put_bookmarks(connection, "floor", {"counter": b"theirs"})
    assert journal.bookmarks(connection, "plc") == {"counter": b"\x00\x01", "other": b""}
    journal.put_bookmarks(connection, "plc", {"counter": b"2", "other": None, "never": None})
    assert journal.bookmarks(connection, "plc") == {"counter": b"2"}
    assert journal.bookmarks(connection, "floor") == {"counter": b"theirs"}
    assert journal.bookmarks(connection, "nobody") == {}


def test_the_newest_signal_of_a_key_is_found(connection: sqlite3.Connection) -> None:
    journal.append_keys(connection, [("unit:1", 4), ("unit:1", 9), ("unit:2", 12)])
    journal.append_keys(connection, [("unit:1", 9)])  # mentioned again
    assert journal.last_of_key(connection, "unit:1") == 9
    assert journal.last_of_key(connection, "unit:3") is None


def test_gaps_and_quarantine_are_kept(connection: sqlite3.Connection) -> None:
    journal.append_gaps(connection, [GapRow("plc", "conveyor", 5, "lost", 3)])
    journal.append_gaps(connection, [GapRow("plc", "conveyor", 6, "lost", None)])
    journal.quarantine(connection, [(7, "why", 8), (7, "why again", 9)])
    gaps = connection.execute("SELECT source, subject, noticed_at, reason, missed FROM gap")
    assert gaps.fetchall() == [
        ("plc", "conveyor", 5, "lost", 3),
        ("plc", "conveyor", 6, "lost", None),
    ]
    rows = connection.execute("SELECT signal, reason, recorded_at FROM quarantine ORDER BY seq")
    assert rows.fetchall() == [(7, "why", 8), (7, "why again", 9)]


def _track(key: str, state: bytes, due_at: int | None, owner: str = "rule") -> TrackRow:
    return TrackRow(owner, key, state, due_at, changed_at=7)


def test_a_track_comes_back_as_it_was_last_put(connection: sqlite3.Connection) -> None:
    tracks.put(connection, [_track("unit:1", b"{}", 10), _track("u", b"1", 5)])
    tracks.put(connection, [_track("unit:1", b'{"seen":1}', None)])
    assert tracks.get(connection, "rule", "unit:1") == (b'{"seen":1}', None)
    assert tracks.get(connection, "other rule", "unit:1") is None
    tracks.remove(connection, [("rule", "unit:1"), ("rule", "never")])
    assert tracks.get(connection, "rule", "unit:1") is None
    assert tracks.get(connection, "rule", "u") == (b"1", 5)


def test_deadlines_come_the_earliest_first_up_to_the_horizon(
    connection: sqlite3.Connection,
) -> None:
    due = {"a": 30, "b": 10, "c": 20, "d": 21, "never": None}
    tracks.put(connection, [_track(key, b"0", at) for key, at in due.items()])
    tracks.put(connection, [_track("e", b"0", 1, owner="other")])
    assert tracks.due(connection, "rule", 20, 10) == ["b", "c"]
    assert tracks.due(connection, "rule", 100, 3) == ["b", "c", "d"]
