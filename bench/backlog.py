"""What an entry costs with few and with very many undelivered: it must be the same."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

from bench import stock
from bench.report import Figure
from bench.site import DESTINATION
from buffer import outbox
from buffer.lane import Lane
from buffer.outbox import Attempt, MilestoneRow
from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import system_clock

SIZES = (1_000, 100_000, 5_000_000)
ROUNDS = 15
"""Each measures every size once, so that what else the machine does meets all of them."""
BATCH = 500


def figures(scratch: Path) -> list[Figure]:
    """G5: insert, claim, settle and restart, by backlog."""
    paths = {size: scratch / f"{size}.db" for size in SIZES}
    for size, path in paths.items():
        stock.fill(path, size)
    times = asyncio.run(_measure(paths))
    return [
        Figure(
            f"backlog_{what}",
            of_size[max(SIZES)],
            unit,
            {f"with_{size}": value for size, value in of_size.items()},
            ratio_to=f"with_{ratio_to}",
            note=f"with {max(SIZES)} undelivered; medians of {ROUNDS}; {BATCH} at a time; "
            "units numbered in order",
        )
        for what, unit, ratio_to, of_size in times
    ]


async def _measure(
    paths: dict[int, Path],
) -> list[tuple[str, str, int, dict[int, float]]]:
    times: dict[str, dict[int, list[float]]] = {
        what: {size: [] for size in paths} for what in ("insert", "claim", "settle", "restart")
    }
    for number in range(ROUNDS):
        for size, path in paths.items():
            began = time.perf_counter()
            store = Store.open(path)
            try:
                async with Reader.open(path) as reader:
                    first = await reader.pending(DESTINATION, Lane.NORMAL, 0, BATCH)
                    times["restart"][size].append((time.perf_counter() - began) * 1000)
                    rows = partial(_insert, number=number)
                    times["insert"][size].append(await _each(store, rows))
                    began = time.perf_counter()
                    claimed = await reader.pending(DESTINATION, Lane.NORMAL, first[-1].seq, BATCH)
                    times["claim"][size].append((time.perf_counter() - began) * 1e6 / BATCH)
                    settled = partial(_settle, entries=[row.seq for row in claimed])
                    times["settle"][size].append(await _each(store, settled))
            finally:
                await store.close()
    units = {"restart": "ms, until the first entries are read"}
    return [
        (
            what,
            units.get(what, "us per entry"),
            1_000 if what == "restart" else 100_000,
            {size: median(values) for size, values in of_size.items()},
        )
        for what, of_size in times.items()
    ]


async def _each(store: Store, work: Callable[[sqlite3.Connection], None]) -> float:
    began = time.perf_counter()
    await store.write(work)
    return (time.perf_counter() - began) * 1e6 / BATCH


def _insert(connection: sqlite3.Connection, number: int) -> None:
    now = system_clock()
    for each in range(BATCH):
        key = stock.key(10 * max(SIZES) + number * BATCH + each)
        id_ = now.to_bytes(6) + number.to_bytes(5) + each.to_bytes(5)
        row = MilestoneRow(
            id_, "received", "received", key, now, now, "in_order", None, b"{}" * 300
        )
        outbox.append(connection, row, [key], [each], {DESTINATION: Lane.NORMAL})


def _settle(connection: sqlite3.Connection, entries: list[int]) -> None:
    now = system_clock()
    receipt = '201 {"receipt":"ERP-000001"}'
    attempts = [Attempt(entry, 1, now, now, "accepted", receipt) for entry in entries]
    outbox.settle(connection, DESTINATION, [(attempt, "delivered") for attempt in attempts])
