"""The store stays small by itself, keeps what is still needed, and holds up nobody."""

import asyncio
import io
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rich.console import Console
from structlog.typing import EventDict

from buffer import decisions, journal, outbox, tally
from buffer.journal import SignalRow
from buffer.lane import Lane
from buffer.maintenance import vacuum
from buffer.maintenance.checking import contradictions, damage
from buffer.outbox import Attempt, MilestoneRow, State
from buffer.reader import Reader
from buffer.store import Store
from edge import upkeep as module
from edge.trace import tell, write
from edge.upkeep import DAY_MILLISECONDS, Upkeep

NOW = 1_800_000_000_000
LONG_AGO, YESTERDAY = NOW - 31 * DAY_MILLISECONDS, NOW - DAY_MILLISECONDS
MIB = 1024 * 1024


def upkeep_of(store: Store, used_share: Callable[[], float] = lambda: 0.0) -> Upkeep:
    return Upkeep(
        store,
        keep_signals_days=30,
        keep_milestones_days=400,
        used_share=used_share,
        clock=lambda: NOW,
    )


async def say(store: Store, count: int, at: int, size: int = 10) -> list[int]:
    """Store signals that were recorded then; return their sequences."""

    def append(connection: sqlite3.Connection) -> list[int]:
        first = journal.next_sequence(connection)
        sequences = list(range(first, first + count))
        rows = [SignalRow(s, "floor", "s", bytes(size), None, at, at, True) for s in sequences]
        journal.append(connection, rows)
        tally.count(connection, {tally.SIGNALS: count})
        return sequences

    return await store.write(append)


async def conclude(store: Store, number: int, evidence: list[int], at: int) -> None:
    """Owe a milestone to "erp"; its entry has the same number."""
    row = MilestoneRow(
        number.to_bytes(16), "picked", "rule", f"unit:{number}", at, at, "in_order", None, b"{}"
    )
    owed = {"erp": Lane.NORMAL}
    await store.write(lambda c: outbox.append(c, row, [row.key], evidence, owed))


async def settle(store: Store, entry: int, state: State = "delivered", number: int = 1) -> None:
    attempt = Attempt(entry, number, NOW, NOW, "accepted", "fine")
    await store.write(lambda c: outbox.settle(c, "erp", [(attempt, state)]))


async def sequences(store: Store) -> list[int]:
    return await store.write(lambda c: [s for (s,) in c.execute("SELECT seq FROM journal")])


async def prune(upkeep: Upkeep) -> None:
    while await upkeep.prune():
        pass


@asynccontextmanager
async def running(upkeep: Upkeep) -> AsyncIterator[None]:
    task = asyncio.create_task(upkeep.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - of files
            await asyncio.sleep(0.01)


async def test_old_signals_go_and_those_that_explain_an_undelivered_milestone_stay(
    store: Store,
) -> None:
    old, young = await say(store, 1000, LONG_AGO), await say(store, 10, YESTERDAY)
    await conclude(store, 1, old[100:103], LONG_AGO)
    await conclude(store, 2, old[200:202], LONG_AGO)
    await settle(store, 2, "dead")
    upkeep = upkeep_of(store)
    await prune(upkeep)
    assert await sequences(store) == [*old[100:103], *old[200:202], *young]
    assert list(await store.write(lambda c: list(contradictions(c)))) == []


async def test_what_a_dead_letter_has_kept_goes_with_a_later_sweep(store: Store) -> None:
    old, young = await say(store, 100, LONG_AGO), await say(store, 1, YESTERDAY)
    await conclude(store, 1, old[:5], LONG_AGO)
    await settle(store, 1, "dead")
    upkeep = upkeep_of(store)
    await prune(upkeep)
    await store.write(lambda c: decisions.retry(c, [1]))
    await settle(store, 1, number=2)
    await prune(upkeep)
    assert await sequences(store) == [*old[:5], *young]
    upkeep.begin_again()
    await prune(upkeep)
    assert await sequences(store) == young


async def test_with_the_budget_nearly_used_the_oldest_signals_go_before_their_time(
    store: Store, logs: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    share = 0.5
    upkeep = upkeep_of(store, lambda: share)
    early = await say(store, 300, YESTERDAY)
    await conclude(store, 1, early[:1], YESTERDAY)
    monkeypatch.setattr(module, "LEAST_SECONDS", 0.0)
    await prune(upkeep)
    monkeypatch.undo()
    just_now = await say(store, 10, NOW - 1000)
    await prune(upkeep)
    assert await sequences(store) == [*early, *just_now]
    share = 0.71
    while await upkeep.prune():
        share = 0.66 if len(await sequences(store)) < 200 else share
    assert await sequences(store) == [early[0], *just_now]
    late = await say(store, 10, YESTERDAY)
    share = 0.64
    await prune(upkeep)
    assert (await sequences(store))[-10:] == late
    assert [event["event"] for event in logs] == ["store_filling", "store_has_room"]


@pytest.mark.parametrize("jump", [-3_600_000, 3_600_000])
async def test_where_room_is_needed_what_was_just_said_stays_whatever_the_clock_says(
    store: Store, monkeypatch: pytest.MonkeyPatch, jump: int
) -> None:
    just_now = await say(store, 10, NOW - jump)
    upkeep = upkeep_of(store, lambda: 0.71)
    await prune(upkeep)
    assert await sequences(store) == just_now
    monkeypatch.setattr(module, "LEAST_SECONDS", 0.0)
    for _ in range(2):
        await prune(upkeep)
    assert await sequences(store) == just_now[-1:]


async def test_while_room_is_needed_what_is_delivered_gives_its_room_without_an_hour_s_wait(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEAST_SECONDS", 0.0)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(module, "PRESSED_SWEEP_SECONDS", 0.1)
    looks = 0

    def used_share() -> float:
        nonlocal looks
        looks += 1
        return 0.71

    said = await say(store, 500, YESTERDAY)
    await conclude(store, 1, said[:400], YESTERDAY)
    async with running(upkeep_of(store, used_share)):
        await until(lambda: looks > 20)
        assert await sequences(store) == [*said[:400], said[-1]]
        await settle(store, 1)
        async with asyncio.timeout(20):
            while await sequences(store) != said[-1:]:  # noqa: ASYNC110 - of rows
                await asyncio.sleep(0.01)


async def test_what_is_pruned_out_of_quarantine_undecided_is_told(
    store: Store, logs: list[EventDict]
) -> None:
    old, _ = await say(store, 10, LONG_AGO), await say(store, 1, YESTERDAY)

    def quarantine(connection: sqlite3.Connection) -> None:
        journal.quarantine(connection, [(seq, "not JSON", LONG_AGO) for seq in old[:4]])
        tally.count(connection, {tally.QUARANTINED: 4})

    await store.write(quarantine)
    upkeep = upkeep_of(store)
    await prune(upkeep)
    upkeep.begin_again()
    (pruned, warned) = logs
    assert (pruned["event"], pruned["signals"]) == ("pruned", 10)
    assert (warned["log_level"], warned["signals"]) == ("warning", 4)
    assert list(await store.write(lambda c: list(contradictions(c)))) == []


async def test_the_story_of_a_milestone_says_which_of_its_signals_are_no_longer_kept(
    store: Store, reader: Reader
) -> None:
    old, young = await say(store, 2, LONG_AGO), await say(store, 1, YESTERDAY)
    await conclude(store, 1, old[:1] + young, YESTERDAY)
    await settle(store, 1)
    await prune(upkeep_of(store))
    story = await tell(reader, "unit:1")
    assert story is not None
    (chapter,) = story.chapters
    assert ([signal.seq for signal in chapter.evidence], chapter.forgotten) == (young, 1)
    console = Console(file=io.StringIO(), width=100)
    write(story, console, whole=False)
    assert isinstance(console.file, io.StringIO)
    assert "1 signal that the journal no longer keeps\n" in console.file.getvalue()


async def test_after_a_long_outage_the_file_on_the_disk_is_small_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """eclipse-kura/kura#4234: the store stays as large as the longest outage has made it."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(module, "GIVE_BACK_SECONDS", 0.001)
    monkeypatch.setattr(module, "WAL_SECONDS", 0.05)
    monkeypatch.setattr(module, "IDLE_COMMITS", 1e9)
    monkeypatch.setattr(module, "IDLE_WAL_BYTES", 0)
    numbers = range(1, 401)
    for number in numbers:
        await conclude(store, number, await say(store, 1, LONG_AGO, size=100_000), LONG_AGO)
    await say(store, 1, YESTERDAY)
    wal = Path(f"{store.path}-wal")

    def on_disk() -> int:
        return store.path.stat().st_size + wal.stat().st_size

    assert on_disk() > 38 * MIB
    async with running(upkeep_of(store)):
        await until(lambda: wal.stat().st_size == 0)
        assert on_disk() > 38 * MIB  # as long as the ERP is away, nothing of it may go
        for number in numbers:
            await settle(store, number)
    upkeep = upkeep_of(store)
    upkeep.begin_again()
    async with running(upkeep):
        await until(lambda: on_disk() < 2.5 * MIB)
    assert await store.write(lambda c: list(damage(c))) == []


async def test_room_that_deleted_rows_leave_is_no_longer_used_at_once(store: Store) -> None:
    """eclipse-kura/kura#2006: rows that were sent counted as full until housekeeping ran."""

    def used(connection: sqlite3.Connection) -> int:
        pages = vacuum.pages(connection)
        return (pages.total - pages.free) * pages.page_bytes

    empty = await store.write(used)
    await say(store, 1000, LONG_AGO, size=10_000)
    await say(store, 1, YESTERDAY)
    assert await store.write(used) > empty + 9 * MIB
    await prune(upkeep_of(store))
    assert await store.write(used) < empty + MIB


async def test_stopping_leaves_nothing_open_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAL_SECONDS", 0.001)
    monkeypatch.setattr(module, "IDLE_COMMITS", 1e9)
    monkeypatch.setattr(module, "IDLE_WAL_BYTES", 0)
    store = Store.open(tmp_path / "milepost.db")
    await say(store, 1000, YESTERDAY, size=10_000)
    async with running(upkeep_of(store)):
        await until(lambda: vacuum.wal_bytes(store.path) == 0)
        await say(store, 3000, YESTERDAY, size=10_000)
    await store.close()
    # Whoever closes a store last deletes its -wal file.
    assert not await asyncio.to_thread(Path(f"{store.path}-wal").exists)
