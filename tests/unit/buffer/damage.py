"""A store worth recovering, and what may happen to its file."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from buffer import journal, outbox, tally, tracks
from buffer.journal import GapRow, SignalRow
from buffer.lane import Lane
from buffer.maintenance.recovery import TABLES
from buffer.opening import open_for_writing
from buffer.outbox import Attempt, MilestoneRow, State, VerdictName
from buffer.setting_aside import set_aside

PAGE = 8192
SIGNALS, MILESTONES, TRACKS, GAPS = 1000, 200, 300, 30
NOW = 1_800_000_000_000
ENDS: tuple[tuple[State, VerdictName], ...] = (
    ("delivered", "accepted"),
    ("delivered", "accepted"),
    ("dead", "rejected"),
    ("pending", "retry"),
)
FIRST: tuple[VerdictName, ...] = ("retry", "unknown")

Rows = dict[str, list[tuple[Any, ...]]]


def fill(path: Path, seed: int = 0) -> Rows:
    """Make a store with some of everything; return its rows by table."""
    draw = random.Random(seed)
    with closing(open_for_writing(path)) as connection:
        connection.execute("BEGIN")
        for seq in range(1, SIGNALS + 1):
            _say(connection, seq, draw)
        for number in range(1, MILESTONES + 1):
            _conclude(connection, number, draw)
        for number in range(GAPS):
            gap = GapRow("floor", f"subject/{number}", NOW, "lost on the way " * 40, None)
            journal.append_gaps(connection, [gap])
        for number in range(TRACKS):
            key = f"unit:00340{draw.randrange(10**12):012}"
            due_at = draw.choice((None, NOW))
            row = tracks.TrackRow(f"rule-{number % 2}", key, bytes(200), due_at, NOW)
            tracks.put(connection, [row])
        tally.count(connection, {tally.SIGNALS: SIGNALS, tally.GAPS: GAPS})
        connection.execute("COMMIT")
        return rows_of(connection)


def _say(connection: sqlite3.Connection, seq: int, draw: random.Random) -> None:
    payload = draw.randbytes(draw.randrange(100, 500))
    row = SignalRow(seq, "floor", f"scan/{seq % 7}", payload, None, NOW, NOW, good=True)
    journal.append(connection, [row])
    journal.append_keys(connection, [(f"unit:{draw.randrange(500)}", seq)])
    if seq % 10 == 0:
        journal.quarantine(connection, [(seq, f"nothing that we know: {payload.hex()}", NOW)])
        tally.count(connection, {tally.QUARANTINED: 1})


def _conclude(connection: sqlite3.Connection, number: int, draw: random.Random) -> None:
    key = f"unit:{draw.randrange(500)}"
    body = b'{"n": %d, "pad": "%s"}' % (number, draw.randbytes(400).hex().encode())
    name = ("picked", "packed")[number % 2]
    row = MilestoneRow(number.to_bytes(16), name, "rule", key, NOW, NOW, "in_order", None, body)
    evidence = draw.sample(range(1, SIGNALS + 1), 5)
    owed = {"erp": Lane.NORMAL, "wms": Lane.BULK}
    outbox.append(connection, row, [key, f"order:{number % 20}"], evidence, owed)
    for entry, destination in ((2 * number - 1, "erp"), (2 * number, "wms")):
        state, verdict = draw.choice(ENDS)
        ends: list[tuple[Attempt, State]] = [
            (Attempt(entry, 1, NOW, NOW, draw.choice(FIRST), "no answer " * 20), "pending"),
            (Attempt(entry, 2, NOW, NOW, verdict, "what was said"), state),
        ]
        outbox.settle(connection, destination, ends)


def rows_of(connection: sqlite3.Connection) -> Rows:
    """Return all rows, by table."""
    return {t: connection.execute(f"SELECT * FROM {t}").fetchall() for t in TABLES}


def pages_of(path: Path) -> dict[str, list[tuple[int, str, int]]]:
    """Return (page, "leaf" or "internal" or "overflow", cells) of each table and index."""
    pages: dict[str, list[tuple[int, str, int]]] = {}
    with closing(sqlite3.connect(path)) as connection:
        for name, *page in connection.execute("SELECT name, pageno, pagetype, ncell FROM dbstat"):
            pages.setdefault(name, []).append((page[0], page[1], page[2]))
    return pages


def overwrite(path: Path, page: int, content: bytes) -> None:
    """Put something else in the place of a page."""
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE)
        file.write(content[:PAGE].ljust(PAGE, b"\0"))


def put_aside(path: Path) -> Path:
    """Set the store aside as the daemon does; return where."""
    return set_aside(path, NOW)
