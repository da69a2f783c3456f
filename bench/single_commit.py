"""What one signal alone waits for: a transaction of its own, on an idle store."""

import os
import sqlite3
import time
from pathlib import Path

import uvloop

from bench import fdatasync
from bench.publisher import PAYLOAD_BYTES, TELEMETRY_TOPIC
from bench.report import Figure, percentile
from buffer import journal
from buffer.store import Store
from drivers.contract import system_clock

ROUNDS = 500
PAYLOAD = os.urandom(PAYLOAD_BYTES)


def figures(scratch: Path) -> list[Figure]:
    """G2: the time from submitting a signal until it is durable."""
    of = {"fdatasync": fdatasync.measure(scratch)}
    times = uvloop.run(_measure(scratch / "single.db"))
    return [
        Figure(
            "single_commit",
            percentile(times, 50),
            "ms, p50",
            of,
            ratio_to="fdatasync",
            also={"p99_ms": percentile(times, 99)},
            note=f"{ROUNDS} signals, one after the other; event loop and thread included",
        )
    ]


async def _measure(path: Path) -> list[float]:
    store = Store.open(path)
    times = []
    try:
        for _ in range(ROUNDS):
            began = time.perf_counter()
            await store.write(_append)
            times.append((time.perf_counter() - began) * 1000)
    finally:
        await store.close()
    return times


def _append(connection: sqlite3.Connection) -> None:
    now, seq = system_clock(), journal.next_sequence(connection)
    row = journal.SignalRow(seq, "floor", TELEMETRY_TOPIC, PAYLOAD, None, now, now, good=True)
    journal.append(connection, [row])
