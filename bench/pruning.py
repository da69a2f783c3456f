"""What pruning costs those who wait for a commit."""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import uvloop

from bench import fdatasync
from bench.publisher import PAYLOAD_BYTES, TELEMETRY_TOPIC
from bench.report import Figure, percentile
from buffer import journal, tally
from buffer.store import Store
from drivers.contract import system_clock
from edge.upkeep import DAY_MILLISECONDS, Upkeep

OLD_SIGNALS = 600_000
RATE, BATCH = 5000, 25
"""Signals per second, and how many of them are handed in at once."""
SECONDS = 15
ROUNDS = 3
PAYLOAD = os.urandom(PAYLOAD_BYTES)


def figures(scratch: Path) -> list[Figure]:
    """G7: the commits of a steady intake while old signals are pruned beside it, and without."""
    return uvloop.run(_measure(scratch))


async def _measure(scratch: Path) -> list[Figure]:
    of = {"fdatasync_ms": fdatasync.measure(scratch)}
    store = Store.open(scratch / "pruning.db")
    alone, beside, pruned = list[float](), list[float](), 0
    try:
        await _fill(store)
        for _ in range(ROUNDS):  # in turns: the machine is not the same all the time
            alone += await _take_in(store)
            before = await store.write(_oldest)
            async with _pruning(store):
                beside += await _take_in(store)
            pruned += await store.write(_oldest) - before
    finally:
        await store.close()
    return [
        Figure(
            f"pruning_commit_p{percent}",
            percentile(beside, percent),
            "ms",
            {**of, "without_pruning": percentile(alone, percent)},
            ratio_to="without_pruning",
            also={"pruned_per_second": pruned / (ROUNDS * SECONDS)},
            note=f"{RATE} signals/s taken in, {BATCH} at once; {len(beside)} commits",
        )
        for percent in (50, 99)
    ]


async def _fill(store: Store) -> None:
    long_ago = system_clock() - 100 * DAY_MILLISECONDS
    for _ in range(0, OLD_SIGNALS, 1000):
        await store.write(partial(_append, count=1000, at=long_ago))


def _append(connection: sqlite3.Connection, count: int, at: int) -> None:
    first = journal.next_sequence(connection)
    rows = [
        journal.SignalRow(seq, "floor", TELEMETRY_TOPIC, PAYLOAD, None, at, at, good=True)
        for seq in range(first, first + count)
    ]
    journal.append(connection, rows)
    tally.count(connection, {tally.SIGNALS: count})


def _oldest(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT min(seq) FROM journal").fetchone()[0])


async def _take_in(store: Store) -> list[float]:
    """Commit signals at a steady rate; return how long each batch waited, in milliseconds."""
    loop = asyncio.get_running_loop()
    times, waiting = list[float](), set[asyncio.Task[None]]()

    async def commit() -> None:
        began = time.perf_counter()
        await store.write(partial(_append, count=BATCH, at=system_clock()), weight=BATCH)
        times.append((time.perf_counter() - began) * 1000)

    began = loop.time()
    for number in range(SECONDS * RATE // BATCH):
        await asyncio.sleep(max(0, began + number * BATCH / RATE - loop.time()))
        task = loop.create_task(commit())
        waiting.add(task)
        task.add_done_callback(waiting.discard)
    await asyncio.gather(*waiting)
    return times


@asynccontextmanager
async def _pruning(store: Store) -> AsyncIterator[None]:
    upkeep = Upkeep(
        store,
        keep_signals_days=30,
        keep_milestones_days=400,
        used_share=lambda: 0.0,
        clock=system_clock,
    )
    task = asyncio.create_task(upkeep.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
