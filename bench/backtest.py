"""How fast the journal is judged again."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from bench.publisher import PAYLOAD_BYTES, TELEMETRY_TOPIC
from bench.report import Figure
from bench.site import Gateway
from buffer import journal
from buffer.opening import open_for_writing
from buffer.reader import Reader
from drivers.contract import system_clock
from edge.config import load
from edge.rules.backtest import Backtest
from edge.rules.comparing import Comparison

DAY_MS = 24 * 3600 * 1000
CHUNK = 50_000
JOURNALS = {"few": (1_000_000, 20), "all": (100_000, 1)}
"""Signals, and of how many one is a scan that makes a milestone; the others are telemetry."""


def figures(scratch: Path) -> list[Figure]:
    """Judge a day of signals, of which one in twenty concerns a rule, and one where each does."""
    return [_measure(scratch / name, name, *sizes) for name, sizes in JOURNALS.items()]


def _measure(directory: Path, name: str, count: int, every: int) -> Figure:
    gateway = Gateway(directory, 1, "http://127.0.0.1:1")
    with closing(open_for_writing(gateway.store)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for first in range(1, count + 1, CHUNK):
            connection.execute("BEGIN IMMEDIATE")
            journal.append(connection, [*_signals(range(first, first + CHUNK), count, every)])
            connection.execute("COMMIT")
    began = time.perf_counter()
    found = asyncio.run(_judge(gateway.store, gateway.configuration))
    seconds = time.perf_counter() - began
    assert found.signals == count
    return Figure(
        f"backtest_{name}",
        seconds,
        "s",
        also={"milestones": sum(found.counts.values()), "us_per_signal": seconds * 1e6 / count},
        note=f"{count} signals of {PAYLOAD_BYTES} bytes; 1 of {every} is a milestone",
    )


async def _judge(store: Path, configuration: Path) -> Comparison:
    async with Reader.open(store) as reader:
        return await Backtest(reader, load(configuration), since=0, most=20).run()


def _signals(numbers: range, count: int, every: int) -> Iterator[journal.SignalRow]:
    begin = system_clock() - DAY_MS
    telemetry = b"x" * PAYLOAD_BYTES
    for number in numbers:
        at = begin + number * DAY_MS // count
        if number % every == 0:
            text = f'{{"time": {at}, "unit": "U{number}", "fill": "'
            payload = (text + "x" * (PAYLOAD_BYTES - len(text) - 2) + '"}').encode()
            yield journal.SignalRow(number, "floor", "scan/dock", payload, None, at, at, True)
        else:
            yield journal.SignalRow(number, "floor", TELEMETRY_TOPIC, telemetry, None, at, at, True)
