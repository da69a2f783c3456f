"""One writer: what is acknowledged is on disk, in order, together."""

import asyncio
import re
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from buffer import journal
from buffer.failures import StoreFailed, StoreRefused
from buffer.lane import Lane
from buffer.opening import open_for_writing
from buffer.store import Store
from buffer.writing.waiting import MAX_BYTES, MAX_WEIGHT
from buffer.writing.writer import Result, Work
from tests.unit.buffer.busy import busy
from tests.unit.buffer.rows import signal


def append(seq: int) -> Callable[[sqlite3.Connection], int]:
    """Return work that appends a signal and returns its sequence."""

    def work(connection: sqlite3.Connection) -> int:
        journal.append(connection, [signal(seq)])
        return seq

    return work


def sequences(connection: sqlite3.Connection) -> list[int]:
    return [seq for (seq,) in connection.execute("SELECT seq FROM journal ORDER BY seq")]


def stored(path: Path) -> list[int]:
    """Return the sequences of the signals in a store that nobody has open."""
    with closing(open_for_writing(path)) as connection:
        return sequences(connection)


async def test_every_commit_is_synced_in_full_to_a_write_ahead_log(store: Store) -> None:
    def pragmas(connection: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await store.write(pragmas) == ["wal", 2]


async def test_work_submitted_during_a_commit_shares_the_next_transaction(store: Store) -> None:
    async with busy(store):
        works = [store.submit(append(seq)) for seq in range(1, 101)]
    assert await asyncio.gather(*works) == list(range(1, 101))
    assert store.commits == 2
    assert await store.write(sequences) == list(range(1, 101))


async def test_work_is_done_and_acknowledged_in_the_order_submitted(store: Store) -> None:
    done, acknowledged = list[int](), list[int]()

    async def submit(number: int) -> None:
        await store.write(lambda _: done.append(number), weight=number % 7 * 400)
        acknowledged.append(number)

    await asyncio.gather(*[submit(number) for number in range(200)])
    assert done == acknowledged == list(range(200))
    assert 1 < store.commits < 200


async def test_a_transaction_stays_within_its_weight_but_the_heaviest_work_gets_one(
    store: Store,
) -> None:
    half, whole = MAX_WEIGHT // 2, MAX_WEIGHT
    async with busy(store):
        weights = (whole * 3, half, half, 1, whole)
        works = [store.submit(append(n), weight) for n, weight in enumerate(weights, 1)]
    await asyncio.gather(*works)
    assert store.commits == 1 + len([(whole * 3,), (half, half), (1,), (whole,)])


async def test_a_transaction_stays_within_its_size_but_the_largest_work_gets_one(
    store: Store,
) -> None:
    half, whole = MAX_BYTES // 2, MAX_BYTES
    async with busy(store):
        sizes = (whole * 3, half, half, 1, whole)
        works = [store.submit(append(n), size=size) for n, size in enumerate(sizes, 1)]
    await asyncio.gather(*works)
    assert store.commits == 1 + len([(whole * 3,), (half, half), (1,), (whole,)])


async def test_upkeep_goes_before_intake_and_critical_before_the_rest(store: Store) -> None:
    done = list[str]()
    async with busy(store):
        works = [
            store.submit(lambda _, name=name: done.append(name), intake=lane)  # type: ignore[misc]
            for _ in range(3)
            for name, lane in (("b", Lane.BULK), ("n", Lane.NORMAL), ("c", Lane.CRITICAL))
        ]
        works += [store.submit(lambda _: done.append("u")) for _ in range(3)]
    await asyncio.gather(*works)
    assert store.commits == 2
    # The first piece is of the lane whose turn it is.
    assert "".join(done[1:]) == "".join(sorted(done[1:], key="ucnb".index))


async def test_no_lane_starves_however_much_of_the_others_waits(store: Store) -> None:
    done = list[int]()
    lanes = (None, *Lane)
    async with busy(store):
        works = [
            store.submit(lambda _, n=n: done.append(n), MAX_WEIGHT, intake=lane)  # type: ignore[misc]
            for _ in range(50)
            for n, lane in enumerate(lanes)
        ]
    await asyncio.gather(*works)
    for n in range(len(lanes)):
        assert done[:8].count(n) == 2


@pytest.mark.parametrize("error", [ValueError("no"), sqlite3.IntegrityError("no")])
async def test_work_that_raises_undoes_itself_alone(store: Store, error: Exception) -> None:
    def spoil(connection: sqlite3.Connection) -> None:
        journal.append(connection, [signal(2)])
        raise error

    async with busy(store):
        works: list[asyncio.Future[Any]] = [
            store.submit(work) for work in (append(1), spoil, append(3))
        ]
    results = await asyncio.gather(*works, return_exceptions=True)
    assert results == [1, error, 3]
    assert store.commits == 2
    assert await store.write(sequences) == [1, 3]


async def test_a_caller_that_goes_away_undoes_nothing_and_delays_nobody(store: Store) -> None:
    async with busy(store):
        works = [store.submit(append(seq)) for seq in (1, 2, 3)]
        works[1].cancel()
    assert [await works[0], await works[2]] == [1, 3]
    assert await store.write(sequences) == [1, 2, 3]


async def test_work_that_misuses_the_store_fails_it_and_leaves_nobody_waiting(path: Path) -> None:
    store = Store.open(path)

    def misuse(connection: sqlite3.Connection) -> None:
        connection.execute("SELECT ?")

    async with asyncio.timeout(20), busy(store):
        works: list[asyncio.Future[Any]] = [store.submit(append(1)), store.submit(misuse)]
    async with asyncio.timeout(20):
        results = await asyncio.gather(*works, return_exceptions=True)
    assert [type(result) for result in results] == [StoreFailed, StoreFailed]
    await store.close()
    assert stored(path) == []


Locked = tuple[Store, sqlite3.Connection, threading.Event]


@pytest.fixture
async def locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Locked]:
    """Return an impatient store, who else writes to it, and what is set when it has found that."""
    store, found = Store.open(path), threading.Event()
    await store.write(lambda c: c.execute("PRAGMA busy_timeout = 1"))
    commit = store._writer.commit

    def noted(works: Sequence[Work]) -> tuple[list[Result], int]:
        try:
            return commit(works)
        except sqlite3.OperationalError:
            found.set()
            raise

    monkeypatch.setattr(store._writer, "commit", noted)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield store, other, found


async def test_whoever_else_writes_is_waited_for_however_long_it_takes(locked: Locked) -> None:
    """The emptying of the -wal file holds the store for as long as the disk syncs."""
    store, other, found = locked
    works = [store.submit(append(1), MAX_WEIGHT), store.submit(append(2), intake=Lane.NORMAL)]
    await asyncio.to_thread(found.wait)
    other.execute("COMMIT")
    async with asyncio.timeout(20):
        assert await asyncio.gather(*works) == [1, 2]
    await store.close()


async def test_closing_waits_for_nobody_else(locked: Locked) -> None:
    store, _, found = locked
    work = store.submit(append(1))
    await asyncio.to_thread(found.wait)
    async with asyncio.timeout(20):
        await store.close()
    with pytest.raises(StoreFailed, match="locked"):
        await work


async def test_closing_commits_what_was_submitted_and_refuses_what_comes_after(path: Path) -> None:
    store = Store.open(path)
    works = [store.submit(append(seq), weight=MAX_WEIGHT) for seq in (1, 2, 3)]
    await store.close()
    assert [work.result() for work in works] == [1, 2, 3]
    with pytest.raises(StoreFailed, match="closed"):
        await store.write(append(4))
    assert not path.with_name("milepost.db-wal").exists()
    assert stored(path) == [1, 2, 3]


async def test_a_store_in_use_is_refused_until_it_is_closed(path: Path) -> None:
    store = Store.open(path)
    with pytest.raises(StoreRefused, match=re.escape(f"{path}: another milepost is using")):
        Store.open(path)
    await store.write(append(1))  # the refusal did the first one no harm
    await store.close()
    again = Store.open(path)
    await again.close()
