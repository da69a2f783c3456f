"""How much room the store takes, told truly, and kept to."""

import asyncio
import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from buffer import journal, tally
from buffer.failures import StoreFailed
from buffer.lane import Lane
from buffer.store import Store
from buffer.suspicion import suspicion
from buffer.writing.reserve import Reserve, free_on_volume, reserve_of
from buffer.writing.room import Growth, Room
from buffer.writing.waiting import NEEDS_NO_ROOM
from buffer.writing.writer import SHARE_OF_VOLUME
from tests.unit.buffer.disk import files_no_larger_than
from tests.unit.buffer.rows import signal

MEGABYTE = 1024 * 1024


def size_of(path: Path) -> int:
    return path.stat().st_size


def append(size: int) -> Callable[[sqlite3.Connection], int]:
    """Return work that appends a signal of that size and returns its sequence."""

    def work(connection: sqlite3.Connection) -> int:
        seq = journal.next_sequence(connection)
        journal.append(connection, [signal(seq)._replace(payload=bytes(size))])
        return seq

    return work


def remove(count: int) -> Callable[[sqlite3.Connection], object]:
    """Return work that removes that many signals."""
    statement = "DELETE FROM journal WHERE seq IN (SELECT seq FROM journal ORDER BY seq LIMIT ?)"
    return lambda connection: connection.execute(statement, (count,))


async def test_lanes_stop_one_after_the_other_and_go_on_by_themselves_when_rows_are_gone(
    path: Path,
) -> None:
    store = Store.open(path, max_size=4 * MEGABYTE)
    order = list[list[Lane]]()
    while len(store.room.held) < len(Lane):
        await store.write(append(20_000))  # upkeep is not held
        held = sorted(store.room.held, reverse=True)
        if held and (not order or order[-1] != held):
            order.append(held)
    assert order == [
        [Lane.BULK],
        [Lane.BULK, Lane.NORMAL],
        [Lane.BULK, Lane.NORMAL, Lane.CRITICAL],
    ]
    waiting = {lane: store.submit(append(1), intake=lane) for lane in Lane}
    await store.write(remove(10))  # 5 % of the budget
    await waiting[Lane.CRITICAL]
    assert list(store.room.held) == [Lane.BULK, Lane.NORMAL]
    await store.write(remove(10))
    await waiting[Lane.NORMAL]
    assert not waiting[Lane.BULK].done()
    await store.write(remove(20))
    await waiting[Lane.BULK]
    assert store.room.held == {}
    await store.close()


async def test_the_file_stays_within_the_budget_and_what_finds_no_room_waits_whole(
    path: Path,
) -> None:
    store = Store.open(path, max_size=4 * MEGABYTE)
    await store.write(append(2 * MEGABYTE), intake=Lane.NORMAL)
    large = store.submit(append(3 * MEGABYTE), intake=Lane.NORMAL)
    small = [store.submit(append(10), intake=Lane.BULK) for _ in range(5)]
    async with asyncio.timeout(20):
        await asyncio.gather(*small)  # what would fit is not blocked by what does not
    assert not large.done()
    await store.write(remove(1))
    async with asyncio.timeout(20):
        await large
    assert size_of(path) <= 4 * MEGABYTE
    await store.close()


async def test_one_statement_of_many_rows_that_finds_no_room_leaves_none_of_them(
    path: Path,
) -> None:
    """SQLite undoes such a statement alone, where it else undoes the transaction."""
    many = """
        WITH RECURSIVE n (n) AS (SELECT 1000 UNION ALL SELECT n + 1 FROM n LIMIT 500)
        INSERT INTO journal SELECT n, 'floor', 's', zeroblob(10000), 1, 1, 1, 1 FROM n
    """
    store = Store.open(path, max_size=4 * MEGABYTE)

    def append_many(connection: sqlite3.Connection) -> None:
        journal.append(connection, [signal(900)])
        connection.execute(many)

    large = store.submit(append_many, intake=Lane.NORMAL)
    async with asyncio.timeout(20):
        assert await store.write(append(1)) == 1
        assert await store.write(append(1), intake=Lane.CRITICAL) == 2
    assert not large.done()
    await store.close()
    with pytest.raises(StoreFailed, match="closed"):
        await large


async def test_upkeep_may_use_what_is_kept_for_it_beyond_the_budget(path: Path) -> None:
    store = Store.open(path, max_size=4 * MEGABYTE)
    while store.room.used < store.room.budget - 20_000:
        await store.write(append(10_000))
    async with asyncio.timeout(20):
        for _ in range(10):
            await store.write(append(10_000))
    assert store.room.used > store.room.budget
    assert not reserve_of(path).exists()  # what it took on the disk is ours to use
    await store.write(remove(100))
    async with asyncio.timeout(20):
        await store.write(append(10), intake=Lane.BULK)
    assert reserve_of(path).exists()
    await store.close()


async def test_pruning_passes_the_upkeep_that_waits_for_its_room(path: Path) -> None:
    store = Store.open(path, max_size=4 * MEGABYTE)
    while store.room.used < store.room.budget - 20_000:
        await store.write(append(10_000))
    large = [store.submit(append(MEGABYTE)) for _ in range(2)]
    beat = store.submit(lambda connection: tally.beat(connection, 1, 2), size=NEEDS_NO_ROOM)
    async with asyncio.timeout(20):
        await beat
        assert not any(work.done() for work in large)
        await store.write(remove(300), size=NEEDS_NO_ROOM)
        assert await asyncio.gather(*large) == sorted(await asyncio.gather(*large))
    await store.close()


async def test_rows_that_are_gone_do_not_count_as_used_also_right_after_a_start(path: Path) -> None:
    """fluent/fluent-bit#3060, eclipse-kura/kura#2006."""
    store = Store.open(path)
    before = store.room.used
    for _ in range(20):
        await store.write(append(100_000))
    full = store.room.used
    assert full > before + 20 * 100_000
    await store.write(remove(20))
    assert store.room.used < before + 100_000
    await store.close()
    assert size_of(path) >= full
    store = Store.open(path)
    assert store.room.used < before + 100_000
    await store.close()


async def test_the_budget_is_what_the_store_has_and_most_of_what_is_free(path: Path) -> None:
    store = Store.open(path)
    room = store.room
    expected = size_of(path) + room.free_on_volume * SHARE_OF_VOLUME
    assert room.budget == pytest.approx(expected, rel=0.05)
    await store.close()


def test_growth_is_told_over_the_last_hour_and_not_in_the_first_minute() -> None:
    growth = Growth()
    assert growth.bytes_per_hour(0, 0.0) is None
    for minute in range(180):
        used = 0 if minute < 120 else (minute - 120) * 100
        growth.measured(used, minute * 60.0)
        growth.measured(used, minute * 60.0 + 1)
    assert growth.bytes_per_hour(5900, 179 * 60.0) == pytest.approx(6000, rel=0.02)
    fresh = Growth()
    fresh.measured(0, 0.0)
    assert fresh.bytes_per_hour(1000, 59.0) is None
    assert fresh.bytes_per_hour(1000, 60.0) == 60_000


@pytest.mark.parametrize(
    ("bytes_per_hour", "hours"), [(10, 9.0), (0, None), (-5, None), (None, None)]
)
def test_the_room_lasts_as_long_as_it_grows_as_it_did(
    bytes_per_hour: int | None, hours: float | None
) -> None:
    assert Room(10, 100, 500, {}, bytes_per_hour).hours_left == hours


def test_the_room_lasts_no_longer_than_the_volume() -> None:
    assert Room(10, 100, 30, {}, 10).hours_left == 3.0


async def test_a_spent_quota_is_no_room_and_no_failing_disk(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says the same of both: that a write has failed."""
    fallocate, is_spent = os.posix_fallocate, True

    def kept(*given: int) -> None:
        if is_spent:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        fallocate(*given)

    def written(connection: sqlite3.Connection) -> int:
        if is_spent:
            failure = sqlite3.OperationalError("disk I/O error")
            failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
            raise failure
        return append(1)(connection)

    monkeypatch.setattr(os, "posix_fallocate", kept)
    work = store.submit(written, intake=Lane.CRITICAL)
    async with asyncio.timeout(20):
        assert await store.write(remove(1))
    assert set(store.room.held) == set(Lane)
    is_spent = False
    async with asyncio.timeout(20):
        assert await work == 1
    assert not suspicion(store.path).exists()


def test_the_reserve_takes_room_and_gives_it_back(path: Path) -> None:
    reserve = Reserve(path, 64 * MEGABYTE)
    before = free_on_volume(path)
    assert reserve.make()
    assert reserve_of(path).stat().st_blocks * 512 >= reserve.size == 4 * MEGABYTE
    assert reserve.give_up()
    assert not reserve.give_up()
    assert free_on_volume(path) == pytest.approx(before, rel=0.01)


async def test_where_no_room_can_be_kept_the_store_does_without(path: Path) -> None:
    store = Store.open(path, max_size=64 * MEGABYTE)
    await store.close()
    reserve_of(path).unlink()
    with files_no_larger_than(2 * MEGABYTE):
        store = Store.open(path, max_size=64 * MEGABYTE)
        assert not reserve_of(path).exists()
        await store.write(append(1), intake=Lane.BULK)
        await store.close()
