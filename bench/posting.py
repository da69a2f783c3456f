"""Milestones as they are stored, and posting them with httpx and nothing else."""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from functools import partial

import httpx
import uvloop

from bench.report import percentile
from bench.site import DESTINATION, SITE, Gateway
from buffer import outbox
from buffer.lane import Lane
from buffer.store import Store
from drivers.contract import Entry, system_clock
from drivers.http import encode
from edge.milestones import epcis
from edge.milestones.identity import milestone_id
from edge.milestones.model import Milestone, Name
from edge.milestones.site import Site

BATCH = 500


def milestones(count: int, series: str) -> list[Milestone]:
    """Return milestones of units that are told apart by the series and a number."""
    now, rule = system_clock(), "received"
    keys = [f"unit:{series}{number:09}" for number in range(count)]
    return [
        Milestone(
            id=milestone_id(now, SITE, rule, Name.RECEIVED, key),
            name=Name.RECEIVED,
            rule=rule,
            key=key,
            occurred_at=now,
            attributes={"unit": key.removeprefix("unit:"), "read_point": "dock"},
            evidence=(),
        )
        for key in keys
    ]


def store(gateway: Gateway, owed: Sequence[Milestone]) -> None:
    """Write milestones, undelivered, into the store of a gateway that does not run."""
    uvloop.run(_store(gateway, owed))


async def _store(gateway: Gateway, owed: Sequence[Milestone]) -> None:
    site = Site(SITE)
    rows = [
        outbox.MilestoneRow(
            id=bytes.fromhex(each.id),
            name=each.name,
            rule=each.rule,
            key=each.key,
            occurred_at=each.occurred_at,
            recorded_at=each.occurred_at,
            mark=each.mark,
            retracts=None,
            body=epcis.encode(each, site),
        )
        for each in owed
    ]
    opened = Store.open(gateway.store)
    try:
        for first in range(0, len(rows), BATCH):
            await opened.write(partial(_append, rows=rows[first : first + BATCH]))
    finally:
        await opened.close()


def _append(connection: sqlite3.Connection, rows: Sequence[outbox.MilestoneRow]) -> None:
    for row in rows:
        outbox.append(connection, row, {row.key}, [], {DESTINATION: Lane.NORMAL})


def post(url: str, told: Sequence[Milestone], connections: int) -> tuple[float, list[float]]:
    """Post milestones with a bare httpx client: requests per second, and ms of each."""
    return uvloop.run(_post(url, told, connections))


async def _post(url: str, told: Sequence[Milestone], connections: int) -> tuple[float, list[float]]:
    site = Site(SITE)
    entries = iter(
        [
            Entry(m.id, m.key, m.name, m.occurred_at, SITE, epcis.encode(m, site), attempt=1)
            for m in told
        ]
    )
    times: list[float] = []

    async def worker(client: httpx.AsyncClient) -> None:
        for entry in entries:
            began = time.perf_counter()
            answer = await client.post(url, headers=encode.headers(entry), content=entry.body)
            answer.raise_for_status()
            times.append((time.perf_counter() - began) * 1000)

    async with httpx.AsyncClient(trust_env=False) as client:
        began = time.perf_counter()
        await asyncio.gather(*(worker(client) for _ in range(connections)))
        return len(told) / (time.perf_counter() - began), times


def round_trip(url: str, count: int = 300) -> dict[str, float]:
    """Return p50 and p99 in ms of one posting at a time."""
    _, times = post(url, milestones(count, "ALONE"), connections=1)
    return {"erp_post_p50_ms": percentile(times, 50), "erp_post_p99_ms": percentile(times, 99)}
