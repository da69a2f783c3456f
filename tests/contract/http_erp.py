"""Sinks that are pointed at the simulated ERP, and entries for them."""

import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import drivers
from drivers.contract import (
    Entry,
    Sink,
    system_clock,
)
from simulators.erp import Booking
from simulators.erp_process import ErpProcess

SEED = 20260301


@contextlib.asynccontextmanager
async def opened(erp: ErpProcess, **settings: object) -> AsyncIterator[Sink]:
    driver = drivers.find("http")
    assert driver.sink_settings is not None
    assert driver.open_sink is not None
    given = {"url": erp.url, "look_up": erp.look_up, "timeout_seconds": 1, **settings}
    sink = driver.open_sink(driver.sink_settings.model_validate(given), system_clock)
    try:
        yield sink
    finally:
        await sink.close()


def new_entry(name: str) -> Entry:
    """Return an entry that is that test's own."""
    event = {"type": "ObjectEvent", "eventTime": "2026-03-01T08:00:00.125Z"}
    return Entry(
        id=hashlib.md5(name.encode()).hexdigest(),
        key=f"order:Größe {name}",
        name="picked",
        occurred_at=1_772_352_000_125,
        site="https://dc-north.example",
        body=json.dumps(event).encode(),
        attempt=1,
    )


def several(entry: Entry, count: int) -> list[Entry]:
    return [
        replace(
            entry, id=hashlib.md5(f"{entry.id} {number}".encode()).hexdigest(), key=f"u:{number}"
        )
        for number in range(count)
    ]


def booked(erp: ErpProcess, *entries: Entry) -> list[Booking]:
    return [line for line in erp.book() if line.key in {entry.id for entry in entries}]
