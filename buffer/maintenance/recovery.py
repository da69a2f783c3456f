"""Bringing over into the live store what can be read of one that was set aside.

A fresh store begins its sequences far above those of the store that it stands in for, so rows keep
theirs: what was owed first is delivered first. Bookmarks stay behind, for the live ones are newer,
and so does the audit log, whose chain cannot be joined to another: the live one records its head.
"""

import asyncio
import fcntl
import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

from buffer import audit
from buffer.lane import Lane
from buffer.maintenance.bringing import GivenAlready, bring
from buffer.maintenance.owing_again import Entries, owe_again
from buffer.maintenance.salvage import (
    ENDLESS,
    Salvage,
    Stretch,
    Unreadable,
    damaged,
    owners,
    scratch_of,
)
from buffer.setting_aside import sync_directory
from buffer.store import Store

TABLES = (
    "journal",
    "signal_key",
    "quarantine",
    "gap",
    "track",
    "milestone",
    "milestone_key",
    "evidence",
    "entry",
    "attempt",
)
"""In this order: what a row belongs to is there before it."""
AUDITED_LOSSES = 100
"""Undeliverable entries that the audit log names one by one."""
PIECE_ROWS = 200
"""Rows brought over in one piece of work."""


class NotRecovered(Exception):
    """Nothing is brought over, or nothing more; the message says why."""


@dataclass(slots=True)
class Recovered:
    """What came of a recovery."""

    directory: Path
    """Where the store that was set aside is now."""
    brought: Counter[str] = field(default_factory=Counter)
    """Rows brought over, by table."""
    kept: Counter[str] = field(default_factory=Counter)
    """Rows that the live store had already, by table; milestones, if the fact was."""
    invalid: Counter[str] = field(default_factory=Counter)
    """Rows that could be read and were nonsense, by table."""
    lost: dict[str, tuple[Stretch, ...]] = field(default_factory=dict)
    """Where rows could not be read, by table; numbers are sequences."""
    owed_again: int = 0
    """Entries made anew, of milestones whose entries could not be read."""
    undeliverable: list[tuple[str, str]] = field(default_factory=list)
    """(destination, key) of what is owed and cannot be: mostly, the milestone could not be read."""
    audit_records: int = 0
    """So many records its audit log has, which stay where they are."""
    audit_head: str = ""
    """The hash of the last of them."""


async def recover(
    store: Store,
    directory: Path,
    *,
    lanes: Mapping[str, Mapping[str, Lane]],
    who: str,
    clock: Callable[[], int],
    on_entries: Callable[[], None] = lambda: None,
) -> Recovered:
    """Bring over what can be read of a store in `directory`; then rename `.corrupt-…` there.

    `lanes` tells for each destination what it is owed: a milestone of which an
    entry may be lost is owed to it again, in the place of the lost one.

    May be run again after an interruption. Intake and delivery go on
    meanwhile; `on_entries` is called when there are entries that a delivery
    has not seen. They are looked up at their destination before they are sent,
    and arrive behind what was delivered of the same key since.

    Raises:
        NotRecovered: It cannot be read, or the live store has given the same sequences.
        StoreFailed: The live store failed.

    """
    with _alone(directory):
        try:
            recovered = await _bring_all(store, directory, lanes)
        except (Unreadable, GivenAlready) as error:
            raise NotRecovered(str(error)) from error
        detail = {
            "directory": directory.name,
            "brought": dict(recovered.brought),
            "owed_again": recovered.owed_again,
            "places_not_read": {table: len(places) for table, places in recovered.lost.items()},
            "undeliverable": [
                f"{key} to {to}" for to, key in recovered.undeliverable[:AUDITED_LOSSES]
            ],
            "undeliverable_count": len(recovered.undeliverable),
            # What the old log says can be checked against the new one.
            "audit_log": {"records": recovered.audit_records, "head": recovered.audit_head},
        }
        await store.write(lambda c: audit.append(c, clock(), who, "store.recover", detail))
        recovered.directory = _rename(directory)
    on_entries()
    return recovered


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Keep others from recovering the same; only one of them could rename it."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise NotRecovered(f"{directory}: cannot be read ({error.strerror})") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise NotRecovered(f"{directory}: is being recovered already") from error
    finally:
        os.close(descriptor)


async def _bring_all(
    store: Store, directory: Path, lanes: Mapping[str, Mapping[str, Lane]]
) -> Recovered:
    file = directory / store.path.name
    if file.exists() and file.samefile(store.path):
        raise NotRecovered(f"{file}: is the store in use; nothing of it is missing")
    recovered, concluded_again = Recovered(directory), set[int]()
    with ExitStack() as stack:
        connection = await asyncio.to_thread(stack.enter_context, damaged(file))
        for table in TABLES:
            if table == "entry":
                sorted_in = scratch_of(file) / f"{file.name}.sorted"
                opened = await asyncio.to_thread(Entries, connection, sorted_in)
                entries = stack.enter_context(closing(opened))
                await _bring_entries(store, entries, lanes, recovered, concluded_again)
            else:
                await _bring_table(store, connection, table, recovered, concluded_again)
        _look_at_the_audit_log(connection, recovered)
    if not recovered.brought.total() + recovered.kept.total():
        raise NotRecovered(f"{file}: no row of it can be read")
    return recovered


async def _bring_table(
    store: Store,
    connection: sqlite3.Connection,
    table: str,
    recovered: Recovered,
    concluded_again: set[int],
) -> None:
    salvages = [Salvage(connection, table)]
    if table == "track":
        found = await asyncio.to_thread(owners, connection)
        salvages = [Salvage(connection, table, owner) for owner in found]
    rows = chain.from_iterable(salvage.rows() for salvage in salvages)
    await _bring_rows(store, table, rows, recovered, concluded_again)
    lost = tuple(stretch for salvage in salvages for stretch in salvage.lost)
    if lost:
        recovered.lost[table] = lost


async def _bring_entries(
    store: Store,
    entries: Entries,
    lanes: Mapping[str, Mapping[str, Lane]],
    recovered: Recovered,
    concluded_again: set[int],
) -> None:
    """Bring entries from the first to the last, and owe again where some are lost.

    A delivery may look meanwhile: it must find no entry without those before it (promise 3).
    """
    first = 0
    for stretch in entries.lost:
        rows = entries.between(first, stretch.end)
        await _bring_rows(store, "entry", rows, recovered, concluded_again)
        owed = await owe_again(store, entries, stretch, lanes)
        recovered.owed_again += owed.entries
        recovered.undeliverable += owed.without_number
        first = stretch.end
    rows = entries.between(first, ENDLESS)
    await _bring_rows(store, "entry", rows, recovered, concluded_again)
    if entries.lost:
        recovered.lost["entry"] = entries.lost


async def _bring_rows(
    store: Store,
    table: str,
    rows: Iterator[tuple[Any, ...]],
    recovered: Recovered,
    concluded_again: set[int],
) -> None:
    while batch := await asyncio.to_thread(lambda: list(islice(rows, PIECE_ROWS))):
        work = partial(bring, table=table, rows=batch, concluded_again=concluded_again)
        piece = await store.write(work, weight=len(batch))
        recovered.brought[table] += piece.brought
        recovered.kept[table] += piece.kept
        recovered.invalid[table] += piece.invalid
        recovered.undeliverable += piece.undeliverable
        concluded_again.update(piece.concluded_again)


def _look_at_the_audit_log(connection: sqlite3.Connection, recovered: Recovered) -> None:
    try:
        last = connection.execute(audit.SQL["last_audited"]).fetchone()
    except sqlite3.Error:
        recovered.lost["audit"] = (Stretch(1, ENDLESS),)
        return
    if last is not None:
        recovered.audit_records, recovered.audit_head = last[0], last[1].hex()


def _rename(directory: Path) -> Path:
    """Have a directory of ours say that it is recovered; it is kept, to be looked at again."""
    if ".corrupt-" not in directory.name:
        return directory  # a backup, or what somebody has moved: its name tells them something
    target = directory.with_name(directory.name.replace(".corrupt-", ".recovered-"))
    directory.rename(target)
    sync_directory(target.parent)
    return target
