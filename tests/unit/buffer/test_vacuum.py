"""What was deleted becomes room on the disk again, and the -wal file does not keep it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from buffer import journal
from buffer.journal import SignalRow
from buffer.maintenance import vacuum
from buffer.opening import open_for_writing, read_only
from buffer.store import Store

MIB = 1024 * 1024


def fill(connection: sqlite3.Connection, size: int) -> None:
    """Append signals of 10 kB until so many bytes are in there."""
    first = journal.next_sequence(connection)
    journal.append(
        connection,
        [
            SignalRow(seq, "floor", "s", bytes(10_000), None, 1, 1, good=True)
            for seq in range(first, first + size // 10_000)
        ],
    )


def size_of(path: Path) -> int:
    return path.stat().st_size


def test_free_pages_are_cut_off_the_file_step_by_step(path: Path) -> None:
    with closing(open_for_writing(path)) as connection:
        small = vacuum.pages(connection).total
        fill(connection, 4 * MIB)
        connection.execute("DELETE FROM journal WHERE seq < 400")
        assert vacuum.pages(connection).free > 400
        while (before := vacuum.pages(connection)).free:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("SAVEPOINT work")  # as the store runs it
            vacuum.give_back(connection, 100)
            connection.execute("RELEASE work")
            connection.execute("COMMIT")
            assert vacuum.pages(connection).free == max(before.free - 100, 0)
        page_bytes, total, _ = vacuum.pages(connection)
        assert total < small + 70  # the signals that are left
    assert size_of(path) == total * page_bytes


async def test_an_empty_wal_takes_no_room_and_has_lost_nothing(store: Store) -> None:
    await store.write(lambda c: fill(c, 4 * MIB))
    assert vacuum.wal_bytes(store.path) > 4 * MIB
    assert vacuum.empty_wal(store.path)
    assert vacuum.wal_bytes(store.path) == 0
    assert size_of(store.path) > 4 * MIB
    assert await store.write(journal.next_sequence) > 400


async def test_a_wal_that_a_long_reader_has_made_long_is_emptied_when_the_reader_lets_go(
    store: Store,
) -> None:
    """The disk filled behind a reader at superseriousbusiness/gotosocial#2808."""
    with closing(sqlite3.connect(read_only(store.path), uri=True)) as reader:
        await store.write(lambda c: fill(c, MIB))
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM journal").fetchone()
        for _ in range(10):
            await store.write(lambda c: fill(c, 10 * MIB))
        assert vacuum.wal_bytes(store.path) > 100 * MIB
        assert not vacuum.empty_wal(store.path)  # and waits for nobody
        await store.write(lambda c: fill(c, MIB))  # nor does anybody wait for it
        assert reader.execute("SELECT count(*) FROM journal").fetchone() == (MIB // 10_000,)
    assert vacuum.empty_wal(store.path)
    assert vacuum.wal_bytes(store.path) == 0


async def test_a_commit_that_is_under_way_is_not_waited_for(store: Store) -> None:
    with closing(sqlite3.connect(store.path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert not vacuum.empty_wal(store.path)
        writer.execute("ROLLBACK")


def test_a_store_without_a_wal_has_none_to_empty(path: Path) -> None:
    assert vacuum.wal_bytes(path) == 0
