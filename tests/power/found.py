"""What is found in a store after a cut."""

from contextlib import closing
from pathlib import Path
from sqlite3 import Connection

from buffer import tally
from buffer.opening import open_for_writing


def works(path: Path) -> set[int]:
    """Open the store as the daemon does, check it; return the numbers of the works in it."""
    with closing(open_for_writing(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        signals = dict(connection.execute("SELECT seq, CAST(payload AS INTEGER) FROM journal"))
        assert sorted(signals) == list(range(1, len(signals) + 1)), "a commit before it is missing"
        _assert_works_are_whole(connection, signals)
        return set(signals.values())


def _assert_works_are_whole(connection: Connection, signals: dict[int, int]) -> None:
    """Nothing of a work is there without all of it."""
    milestones = dict(connection.execute("SELECT seq, id FROM milestone"))
    assert {seq: int.from_bytes(id) for seq, id in milestones.items()} == signals  # noqa: A001
    states = [state for (state,) in connection.execute("SELECT state FROM entry ORDER BY seq")]
    assert len(states) == len(signals)
    delivered = states.count("delivered")
    assert states == ["delivered"] * delivered + ["pending"] * (len(states) - delivered)
    attempts = connection.execute("SELECT entry FROM attempt ORDER BY entry").fetchall()
    assert attempts == [(seq,) for seq in range(1, delivered + 1)]
    if signals:
        (last,) = connection.execute("SELECT value FROM bookmark WHERE name = 'last'").fetchone()
        assert int(last) == signals[max(signals)]
        counted = dict(connection.execute("SELECT name, n FROM tally"))
        assert counted[tally.SIGNALS] == len(signals)
        assert counted[tally.milestones("picked")] == len(signals)
        assert counted[tally.entries("erp", "pending")] == len(states) - delivered
        assert counted.get(tally.entries("erp", "delivered"), 0) == delivered
