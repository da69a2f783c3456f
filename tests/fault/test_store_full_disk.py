"""Promise 4 at the store: on a disk that is full to the last byte it goes on as far as it can."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from buffer import journal, tally
from buffer.lane import Lane
from buffer.opening import open_for_writing
from buffer.store import Store
from buffer.writing.reserve import reserve_of
from edge import upkeep
from tests.fault.tmpfs import Volume, mounted
from tests.unit.buffer.rows import owe, settle, signal

OWED = 300


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    with mounted(tmp_path / "volume", megabytes=16) as small:
        yield small


@pytest.fixture
async def store(volume: Volume) -> AsyncIterator[Store]:
    opened = Store.open(volume.path / "milepost.db")
    yield opened
    await opened.close()


def append(size: int) -> Callable[[sqlite3.Connection], int]:
    """Return work that appends a signal of that size and returns its sequence."""

    def work(connection: sqlite3.Connection) -> int:
        seq = journal.next_sequence(connection)
        journal.append(connection, [signal(seq)._replace(payload=bytes(size))])
        return seq

    return work


def owe_all(connection: sqlite3.Connection) -> None:
    for number in range(1, OWED + 1):
        owe(connection, number, f"unit:{number}")


def owe_more(connection: sqlite3.Connection) -> None:
    owe(connection, OWED + 1)


async def settle_all(store: Store) -> None:
    """Settle every entry, each in a transaction of its own, as a slow destination would."""
    for entry in range(1, OWED + 1):
        await store.write(lambda c, entry=entry: settle(c, entry, "delivered"))  # type: ignore[misc]


def settled(path: Path) -> int:
    connection = sqlite3.connect(path)
    (count,) = connection.execute("SELECT count(*) FROM entry WHERE state = 'delivered'").fetchone()
    connection.close()
    return int(count)


@pytest.mark.parametrize("signals", [0, 40, 90, 200, 700, 2000])
async def test_with_not_a_byte_free_upkeep_goes_on_and_intake_waits_until_there_is_room(
    store: Store, volume: Volume, signals: int
) -> None:
    """However far the -wal file has got when the disk fills up."""
    await store.write(owe_all)
    for _ in range(signals):
        await store.write(append(2000), intake=Lane.NORMAL)
    volume.fill()
    waiting = [store.submit(append(1_000_000), intake=lane) for lane in Lane]
    async with asyncio.timeout(30):
        await settle_all(store)
    assert settled(store.path) == OWED
    assert set(store.room.held) == set(Lane)
    assert not any(work.done() for work in waiting)
    volume.release()
    async with asyncio.timeout(30):
        assert sorted(await asyncio.gather(*waiting)) == [signals + n for n in (1, 2, 3)]
    assert store.room.held == {}
    assert reserve_of(store.path).exists()


async def test_upkeep_that_finds_no_room_either_waits_and_nothing_fails(
    store: Store, volume: Volume
) -> None:
    await store.write(owe_all)
    volume.fill()
    waiting = store.submit(append(3_000_000))  # more than the reserve
    async with asyncio.timeout(20):
        while reserve_of(store.path).exists():  # noqa: ASYNC110 - no event of the store's
            await asyncio.sleep(0.01)
    volume.fill()  # somebody takes the reserve as well
    intake = store.submit(append(1_000_000), intake=Lane.CRITICAL)
    done, _ = await asyncio.wait([waiting, intake], timeout=2.5)  # two looks, and no room
    assert not done
    volume.release()
    async with asyncio.timeout(30):
        await asyncio.gather(waiting, intake)
        await settle_all(store)


async def test_a_disk_that_others_have_filled_has_old_signals_go_so_that_intake_goes_on(
    store: Store, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "LEAST_SECONDS", 0.1)
    monkeypatch.setattr(upkeep, "LOOK_SECONDS", 0.1)
    for _ in range(60):
        await store.write(append(100_000), intake=Lane.NORMAL)
    assert store.room.used < upkeep.PRESSED_ABOVE * store.room.budget
    volume.fill()
    keeping = asyncio.create_task(
        upkeep.Upkeep(
            store,
            keep_signals_days=30,
            keep_milestones_days=400,
            used_share=lambda: store.room.used / store.room.budget,
            clock=lambda: signal(1).recorded_at,
        ).run()
    )
    async with asyncio.timeout(60):
        for _ in range(5):
            await store.write(append(1_000_000), intake=Lane.NORMAL)
    keeping.cancel()
    await asyncio.wait([keeping])


async def test_with_the_reserve_taken_too_upkeep_goes_on_once_a_long_reader_lets_go(
    volume: Volume,
) -> None:
    """The reader keeps the -wal file from beginning anew: superseriousbusiness/gotosocial#2808."""
    path = volume.path / "milepost.db"
    await Store.open(path).close()  # the file has all its pages
    store = Store.open(path)
    beats = count(1)

    def beat(connection: sqlite3.Connection) -> None:
        tally.beat(connection, 1, next(beats))

    await store.write(beat)
    with closing(sqlite3.connect(store.path)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM tally").fetchall()
        volume.fill()
        async with asyncio.timeout(60):
            waiting = store.submit(beat)
            while (await asyncio.wait([waiting], timeout=2.5))[0]:  # two looks
                if not reserve_of(store.path).exists():
                    volume.fill()
                waiting = store.submit(beat)
    async with asyncio.timeout(20):
        await waiting
    assert volume.free == 0
    await store.close()


async def test_intake_that_cannot_be_committed_at_a_stop_is_told_and_the_next_start_succeeds(
    volume: Volume,
) -> None:
    store = Store.open(volume.path / "milepost.db")
    await store.write(owe_all)
    volume.fill()
    intake = store.submit(append(1_000_000), intake=Lane.CRITICAL)
    await settle_all(store)
    await store.close()
    with pytest.raises(Exception, match="the store is closed"):
        await intake
    assert settled(store.path) == OWED
    volume.fill()
    store = Store.open(store.path)  # of what was given up, enough was kept again
    assert store.stopped_cleanly
    await store.write(owe_more)
    await store.close()


async def test_a_store_comes_up_on_a_full_disk_after_a_clean_stop(volume: Volume) -> None:
    path = volume.path / "milepost.db"
    store = Store.open(path)
    await store.write(owe_all)
    await store.close()
    volume.fill()
    store = Store.open(path)  # SQLite has to make files for it
    async with asyncio.timeout(30):
        await settle_all(store)
    volume.release()
    async with asyncio.timeout(30):
        await store.write(append(1000), intake=Lane.BULK)
    await store.close()


def write_and_die(path: Path) -> list[int]:
    """Have a process write to a store and kill it; return what it acknowledged."""
    command = [sys.executable, "-m", "tests.fault.store_writer", str(path), "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline()) for _ in range(300)]
        writer.kill()
    return acknowledged


async def test_a_store_comes_up_on_a_full_disk_after_a_kill(volume: Volume) -> None:
    path = volume.path / "milepost.db"
    acknowledged = write_and_die(path)
    volume.fill()
    store = Store.open(path)
    assert not store.stopped_cleanly
    async with asyncio.timeout(30):
        await store.write(owe_all)
        await settle_all(store)
    await store.close()
    volume.release()
    connection = open_for_writing(path)
    stored = {seq for (seq,) in connection.execute("SELECT seq FROM journal")}
    connection.close()
    assert set(acknowledged) <= stored
