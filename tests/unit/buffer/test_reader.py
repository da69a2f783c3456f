"""Reading beside the writer: only what was committed, and never a wait for a commit."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from buffer import journal, tally
from buffer.failures import StoreFailed
from buffer.journal import GapRow
from buffer.lane import Lane
from buffer.opening import open_for_writing
from buffer.reader import Heartbeat, Quarantined, Reader
from buffer.store import Store
from tests.accounts import somebody, takes_root
from tests.unit.buffer.rows import milestone, owe, settle, signal


@pytest.fixture
async def reader(store: Store) -> AsyncIterator[Reader]:
    async with Reader.open(store.path) as opened:
        yield opened


async def test_entries_are_read_in_order_behind_a_sequence(store: Store, reader: Reader) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        for number in range(1, 7):
            owe(connection, number, f"unit:{number % 2}", ("erp", "wms"))
        owe(connection, 7, "unit:1", ("erp",), Lane.BULK)
        settle(connection, 1, "delivered")
        settle(connection, 3, "dead", 1, "rejected")

    await store.write(fill)
    rows = await reader.pending("erp", Lane.NORMAL, 0, 10)
    assert [(row.seq, row.key, row.body) for row in rows] == [
        (5, "unit:1", milestone(3).body),
        (7, "unit:0", milestone(4).body),
        (9, "unit:1", milestone(5).body),
        (11, "unit:0", milestone(6).body),
    ]
    assert [row.seq for row in await reader.pending("erp", Lane.NORMAL, 7, 1)] == [9]
    assert [row.seq for row in await reader.pending("erp", Lane.BULK, 0, 10)] == [13]
    assert [row.seq for row in await reader.pending_of_key("erp", "unit:1", 0, 2)] == [5, 9]
    assert [row.seq for row in await reader.pending_of_key("erp", "unit:1", 0, 9)] == [5, 9, 13]
    assert await reader.dead_keys("erp") == {"unit:0"}
    assert await reader.dead_keys("wms") == set()
    assert await reader.oldest_pending("erp") == milestone(3).recorded_at
    assert await reader.oldest_pending("nobody") is None
    assert [(row.seq, row.outcome) for row in await reader.entries("erp", "dead", 10)] == [
        (3, "rejected 1")
    ]
    assert [row.seq for row in await reader.entries(None, "pending", 3)] == [2, 4, 5]


async def test_a_story_can_be_read(store: Store, reader: Reader) -> None:
    def fill(connection: sqlite3.Connection) -> None:
        journal.append(connection, [signal(1), signal(2), signal(3)])
        journal.append_keys(connection, [("unit:1", 1), ("unit:1", 3)])
        journal.quarantine(connection, [(3, "no such unit", 5)])
        journal.append_gaps(connection, [GapRow("plc", "ring", 6, "overrun", 2)])
        owe(connection, 2)
        owe(connection, 1)
        settle(connection, 1, "pending", 1, "unknown")
        tally.beat(connection, 1, 2)

    await store.write(fill)
    assert await reader.signals_of_key("unit:1", 10) == [1, 3]
    assert await reader.signals([3, 1, 99]) == [signal(1), signal(3)]
    assert await reader.quarantined([1, 2, 3]) == {3: "no such unit"}
    assert await reader.latest_quarantine(5) == [
        Quarantined(5, "floor", "subject/3", "no such unit")
    ]
    assert await reader.latest_gaps(5) == [GapRow("plc", "ring", 6, "overrun", 2)]
    told = await reader.milestones_of_key("unit:1", 10)
    assert [row.id for row in told] == [milestone(1).id, milestone(2).id]  # as they happened
    assert await reader.milestone_by_id(milestone(2).id) == told[1]
    assert await reader.milestone_by_id(b"unknown") is None
    (owed,) = await reader.entries_of(told[1].seq)
    assert (owed.destination, owed.state, owed.outcome) == ("erp", "pending", "unknown 1")
    assert [attempt.verdict for attempt in await reader.attempts_of(owed.seq)] == ["unknown"]
    assert await reader.heartbeat() == Heartbeat(1, 2)
    assert (await reader.tallies())["entries/erp/pending"] == 2


async def test_a_store_that_never_ran_has_nothing_to_tell(reader: Reader) -> None:
    assert await reader.heartbeat() is None
    assert await reader.tallies() == {}
    assert await reader.latest_quarantine(1) == []


async def test_reading_neither_waits_for_a_commit_nor_sees_half_of_one(
    store: Store, reader: Reader
) -> None:
    halfway, goes_on = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> None:
        owe(connection, 1)
        halfway.set()
        goes_on.wait()
        owe(connection, 2)

    work = store.submit(slow)
    await asyncio.to_thread(halfway.wait)
    assert (
        await reader.pending("erp", Lane.NORMAL, 0, 10) == []
    )  # answered while the transaction is open
    goes_on.set()
    await work
    assert [row.seq for row in await reader.pending("erp", Lane.NORMAL, 0, 10)] == [1, 2]


async def test_reading_changes_nothing(reader: Reader) -> None:
    with pytest.raises(StoreFailed, match="readonly"):
        await reader.rows("DELETE FROM journal")


async def test_a_store_that_cannot_be_read_fails_in_words(tmp_path: Path) -> None:
    missing = tmp_path / "missing.db"
    with pytest.raises(StoreFailed, match=r"missing\.db: cannot be read \(No such file"):
        async with Reader.open(missing):
            pass
    assert not missing.exists()
    missing.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreFailed, match=r"missing\.db: not an SQLite file"):
        async with Reader.open(missing):
            pass


async def test_what_is_no_store_of_a_milepost_that_we_know_is_told_in_words(tmp_path: Path) -> None:
    theirs, newer = tmp_path / "theirs.db", tmp_path / "newer.db"
    with closing(sqlite3.connect(theirs)) as other:
        other.execute("CREATE TABLE theirs (a)")
    with closing(open_for_writing(newer)) as connection:
        connection.execute("PRAGMA user_version = 99")
    for path, words in (
        (theirs, r"theirs\.db: a database of some other program.*Set \[store\] path"),
        (newer, r"newer\.db: written by a newer Milepost \(store version 99.*Install the newer"),
    ):
        with pytest.raises(StoreFailed, match=words):
            async with Reader.open(path):
                pass


@takes_root
async def test_a_store_that_is_somebody_elses_is_told_in_words(store: Store) -> None:
    with somebody(), pytest.raises(StoreFailed, match=r"\(Permission denied\);.*use sudo"):
        async with Reader.open(store.path):
            pass


async def test_reading_an_empty_file_leaves_the_wal_file_beside_it(tmp_path: Path) -> None:
    """It may have all that is left of the store, and SQLite would delete it."""
    empty, wal = tmp_path / "empty.db", tmp_path / "empty.db-wal"
    empty.write_bytes(b"")
    wal.write_bytes(b"what is left")
    with pytest.raises(StoreFailed):
        async with Reader.open(empty) as reader:
            await reader.tallies()
    assert wal.read_bytes() == b"what is left"


async def test_a_store_with_any_characters_in_its_path_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "what?#%20.db"
    store = Store.open(path)
    async with Reader.open(path) as reader:
        assert await reader.tallies() == {}
    await store.close()
