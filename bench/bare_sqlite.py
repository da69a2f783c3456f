"""What SQLite reaches with the store's own schema and settings, and nothing around it."""

import os
import time
from contextlib import closing
from pathlib import Path

from bench import fdatasync
from bench.publisher import PAYLOAD_BYTES, TELEMETRY_TOPIC
from bench.report import Figure
from buffer import journal
from buffer.opening import open_for_writing
from drivers.contract import system_clock

ROWS = 100_000
BATCH = 1000


def measure(scratch: Path) -> float:
    """Return rows per second: the journal's INSERT, 1000 of them in each transaction, FULL."""
    now, payload = system_clock(), os.urandom(PAYLOAD_BYTES)
    rows = [
        journal.SignalRow(seq, "floor", TELEMETRY_TOPIC, payload, None, now, now, good=True)
        for seq in range(1, ROWS + 1)
    ]
    path = scratch / "bare.db"
    with closing(open_for_writing(path)) as connection:
        began = time.perf_counter()
        for first in range(0, ROWS, BATCH):
            connection.execute("BEGIN IMMEDIATE")
            journal.append(connection, rows[first : first + BATCH])
            connection.execute("COMMIT")
        seconds = time.perf_counter() - began
    path.unlink()
    return ROWS / seconds


def figures(scratch: Path) -> list[Figure]:
    """S: the bound of everything that is stored."""
    of = {"fdatasync_ms": fdatasync.measure(scratch)}
    note = f"{BATCH} rows of {PAYLOAD_BYTES} bytes in each transaction, WAL, synchronous=FULL"
    return [Figure("bare_sqlite", measure(scratch), "rows/s", of, note=note)]
