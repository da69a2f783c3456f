"""Rules in shadow are compared with those in force, from the moment on at which they begin."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import Batch
from edge.config import Configuration, load
from edge.ingest import Ingest
from edge.ingest.configured import judge, rules_engine
from edge.rules.cases import GivenSignal
from edge.rules.shadow import Shadow
from tests.unit.edge.rules.test_backtest import BEGINNING, NAMED, SHIPPED, as_given, changed

MINUTE = 60.0


class Living:
    """The shipped site at work over a store."""

    def __init__(self, store: Store, configuration: Configuration) -> None:
        self.now = BEGINNING
        self._engine = rules_engine(configuration)
        the_judge = judge(configuration, self._engine, lambda: self.now, lambda _: None)
        self._ingest = Ingest(store, the_judge, lambda: None)

    async def say(self, at: float, subject: str, **payload: Any) -> None:
        said: GivenSignal = as_given({"subject": subject, "at": at, "payload": payload})
        one = said.as_signal()
        await self.expire(one.received_at - 1)
        await self._ingest.intake(said.source).commit(Batch(signals=[one]))

    async def expire(self, now: int) -> None:
        self.now = now
        await self._ingest.expire(dict.fromkeys(self._engine.owners(), now))


@pytest.fixture
async def living(store: Store) -> Living:
    return Living(store, load(SHIPPED))


async def shadow_of(reader: Reader, new: Configuration) -> Shadow:
    shadow = Shadow(reader, new, most=100)
    await shadow.begin()
    return shadow


async def test_the_same_rules_differ_in_nothing(living: Living, reader: Reader) -> None:
    await living.say(0, "dc/scanner/dock-in-1/scan", barcode="BEFORE")
    shadow = await shadow_of(reader, load(SHIPPED))
    for number in range(20):
        await living.say(1 + number, "dc/scanner/dock-in-1/scan", barcode=f"U{number}")
        await living.say(1.5 + number, "conveyor", type="scan", unit=f"U{number}")
        await shadow.look()
    await living.say(2 * MINUTE, "dc/scanner/dock-in-1/scan", barcode="LAST")
    await shadow.look()
    assert shadow.found.is_same
    assert shadow.found.counts == {("received", "same"): 21, ("lost", "same"): 20}
    assert (shadow.found.signals, shadow.uncertain) == (41, 0)


async def test_what_differs_is_told_once_it_is_certain(
    living: Living, reader: Reader, tmp_path: Path
) -> None:
    new = changed(
        tmp_path,
        sooner=("within_seconds = 6\n", "within_seconds = 3\n"),
        elsewhere=('"dock-in-*"', '"dock-in-2"'),
        named=NAMED,
    )
    shadow = await shadow_of(reader, new)
    await living.say(0, "dc/scanner/dock-in-1/scan", barcode="A")
    await living.say(1, "dc/scanner/dock-in-2/scan", barcode="B")
    await living.say(2, "conveyor", type="scan", unit="B")
    await living.say(3, "dc/scanner/returns-1/scan", barcode="B", rma="R")
    await living.say(20, "dc/scanner/dock-in-2/scan", barcode="C")
    await shadow.look()
    assert {(each.kind, each.name) for each in shadow.found.differences} == {
        ("changed", "returned")
    }
    assert shadow.uncertain == 3
    await living.say(20 + MINUTE, "dc/scanner/dock-in-2/scan", barcode="D")
    await shadow.look()
    assert {(each.kind, each.name, each.key) for each in shadow.found.differences} == {
        ("changed", "returned", "unit:B"),
        ("only old", "received", "unit:A"),
        ("only old", "lost", "unit:B"),
        ("only new", "lost", "unit:B"),
    }
    assert shadow.found.counts["received", "same"] == 3


async def test_what_began_before_is_known_and_what_ended_before_is_not_compared(
    living: Living, reader: Reader, tmp_path: Path
) -> None:
    pick = {"order": "O", "line": "1", "item": "I"}
    await living.say(0, "dc/scanner/dock-in-1/scan", barcode="A")
    await living.say(MINUTE, "dc/pick/p/pick", **pick, pick="a", quantity=1, requested=2)
    new = changed(tmp_path, elsewhere=('"dock-in-*"', '"dock-in-2"'))
    shadow = await shadow_of(reader, new)
    await living.say(MINUTE + 1, "dc/pick/p/pick", **pick, pick="b", quantity=1, requested=2)
    await living.say(3 * MINUTE, "dc/scanner/dock-in-2/scan", barcode="B")
    await shadow.look()
    assert shadow.found.is_same
    assert shadow.found.counts == {("picked", "same"): 1, ("received", "same"): 1}


@pytest.mark.parametrize("begins", ["before", "meanwhile"])
async def test_what_the_old_rules_conclude_a_little_later_is_the_same(
    living: Living, store: Store, reader: Reader, begins: str
) -> None:
    await living.say(0, "conveyor", type="scan", unit="A")
    if begins == "before":
        shadow = await shadow_of(reader, load(SHIPPED))
    # The daemon hears its sources, but looks at deadlines after the shadow does.
    late = as_given({"subject": "conveyor", "at": 30, "payload": {"type": "scan", "unit": "B"}})
    await living._ingest.intake("plc").commit(Batch(signals=[late.as_signal()]))
    if begins == "meanwhile":
        shadow = await shadow_of(reader, load(SHIPPED))
    await shadow.look()
    assert (shadow.found.counts, shadow.uncertain) == ({}, 1)
    await living.expire(BEGINNING + 29_999)
    await shadow.look()
    assert shadow.found.counts == {("lost", "same"): 1}
    assert store.commits > 0


async def test_the_command_follows_until_it_is_ended(
    living: Living, store: Store, tmp_path: Path
) -> None:
    installed = tmp_path / "installed.toml"
    installed.write_text(
        SHIPPED.read_text().replace("/var/lib/milepost/milepost.db", str(store.path))
    )
    changed(tmp_path, named=NAMED)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "edge", "shadow", "--rules", tmp_path / "new.toml", "--config", installed),
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        assert b"both rule sets judge" in await process.stdout.readline()
        await living.say(1, "dc/scanner/returns-1/scan", barcode="B", rma="R")
        assert (await process.stdout.readline()).split()[0] == b"changed"
        process.send_signal(signal.SIGTERM)
        assert b"returned" in await process.stdout.read()
        assert await process.wait() == 1
