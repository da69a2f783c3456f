"""The watchdog hears of a daemon that works, and of one that hangs it hears nothing."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from buffer.failures import StoreFailed
from buffer.lane import Lane
from buffer.reader import Reader
from buffer.store import Store
from buffer.writing.writer import Work, Writer
from edge import heartbeat, notify

STARTED_AT, NOW = 1_700_000_000_000, 1_800_000_000_000


class Watchdog:
    """Counts the signs of life."""

    def __init__(self) -> None:
        self.heard = 0

    def hear(self) -> None:
        self.heard += 1


@pytest.fixture
def watchdog(monkeypatch: pytest.MonkeyPatch) -> Watchdog:
    made = Watchdog()
    monkeypatch.setattr(notify, "watchdog", made.hear)
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.05)
    return made


@asynccontextmanager
async def beating(store: Store) -> AsyncIterator[None]:
    task = asyncio.create_task(heartbeat.keep_beating(store, STARTED_AT, lambda: NOW))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until_heard(watchdog: Watchdog, more: int) -> None:
    before = watchdog.heard
    async with asyncio.timeout(60):
        while watchdog.heard < before + more:  # noqa: ASYNC110 - of a patched function
            await asyncio.sleep(0.01)


async def test_each_beat_is_committed_and_heard(
    store: Store, reader: Reader, watchdog: Watchdog
) -> None:
    async with beating(store):
        await until_heard(watchdog, 3)
    assert store.commits >= 3
    written = await reader.heartbeat()
    assert written is not None
    assert (written.started_at, written.alive_at) == (STARTED_AT, NOW)


async def test_a_store_that_finds_no_room_is_alive(
    store: Store, watchdog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commit(writer: Writer, works: Sequence[Work]) -> None:
        writer._connection.execute("BEGIN IMMEDIATE")
        for work in works:
            work(writer._connection)
        writer._connection.execute("ROLLBACK")
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(Writer, "commit", commit)
        async with beating(store):
            await until_heard(watchdog, 3)
    assert store.commits == 0
    assert set(store.room.held) == set(Lane)


async def test_of_a_store_that_hangs_nothing_is_heard(store: Store, watchdog: Watchdog) -> None:
    going_on = threading.Event()
    hanging = store.submit(lambda _: going_on.wait())
    async with beating(store):
        try:
            done, _ = await asyncio.wait([hanging], timeout=0.5)
            assert not done
            assert watchdog.heard == 0
        finally:
            going_on.set()
        await until_heard(watchdog, 1)


async def test_a_store_that_failed_ends_it(store: Store, watchdog: Watchdog) -> None:
    def fail(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(StoreFailed):
        await store.write(fail)
    with pytest.raises(StoreFailed):
        async with asyncio.timeout(20):
            await heartbeat.keep_beating(store, STARTED_AT, lambda: NOW)
    assert watchdog.heard == 0
