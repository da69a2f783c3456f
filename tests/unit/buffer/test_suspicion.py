"""Whoever meets a file that has failed has all of it checked: else nobody ever would."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from buffer import opening
from buffer.failures import StoreCorrupt, StoreFailed
from buffer.lane import Lane
from buffer.maintenance.vacuum import empty_wal
from buffer.opening import open_for_writing
from buffer.reader import Reader
from buffer.setting_aside import set_aside_directories
from buffer.store import Store
from buffer.suspicion import suspect, suspicion
from tests.unit.buffer.damage import PAGE, fill, overwrite, pages_of

NOON = 1_795_348_800_000


def error(code: int) -> sqlite3.Error:
    """Return an error as SQLite reports it."""
    failed = sqlite3.OperationalError("it failed")
    failed.sqlite_errorcode = code
    return failed


@pytest.fixture
def large(path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a store that is too large to be checked at every start."""
    fill(path)
    monkeypatch.setattr(opening, "QUICK_CHECK_BYTES", 0)
    return path


async def sets_aside(path: Path) -> bool:
    store = Store.open(path, when_corrupt="set-aside", clock=lambda: NOON)
    await store.close()
    return bool(set_aside_directories(path)) and not suspicion(path).exists()


def test_all_of_a_suspected_store_is_checked_whatever_its_size(large: Path) -> None:
    overwrite(large, pages_of(large)["milestone"][1][0], os.urandom(PAGE))
    open_for_writing(large).close()  # found when it is read, if ever
    suspect(large, error(sqlite3.SQLITE_IOERR_READ))
    with pytest.raises(StoreCorrupt):
        open_for_writing(large)


def test_a_suspicion_is_withdrawn_when_all_was_found_well(large: Path) -> None:
    suspect(large, error(sqlite3.SQLITE_IOERR_READ))
    assert suspicion(large).read_text() == "it failed\n"
    with closing(open_for_writing(large)) as connection:
        assert connection.execute("SELECT count(*) FROM milestone").fetchone() == (200,)
    assert not suspicion(large).exists()


def test_an_error_that_is_not_of_the_file_makes_no_suspicion(path: Path) -> None:
    for failure in (error(sqlite3.SQLITE_FULL), error(sqlite3.SQLITE_BUSY), ValueError()):
        suspect(path, failure)
    assert not suspicion(path).exists()


async def test_a_damaged_page_that_is_read_is_set_aside_at_the_next_start(large: Path) -> None:
    """A daemon that ends for it at every start, and never checks the file, stands for ever."""
    for page, kind, _ in pages_of(large)["milestone"]:
        if kind == "leaf":
            overwrite(large, page, os.urandom(PAGE))
    store = Store.open(large, when_corrupt="set-aside")
    async with Reader.open(large) as reader:
        with pytest.raises(StoreFailed, match="malformed"):
            await reader.pending("erp", Lane.NORMAL, 0, 1000)
    await store.close()
    assert await sets_aside(large)


async def test_a_damaged_page_that_is_met_while_opening_is_set_aside_at_the_next_start(
    large: Path,
) -> None:
    with closing(sqlite3.connect(large)) as connection:
        connection.execute("INSERT INTO heartbeat (id, started_at, alive_at) VALUES (1, 1, 1)")
        connection.commit()
    overwrite(large, pages_of(large)["heartbeat"][0][0], os.urandom(PAGE))
    with pytest.raises(StoreFailed, match="malformed"):
        Store.open(large, when_corrupt="set-aside")
    assert await sets_aside(large)


def test_a_file_that_fails_while_its_wal_is_emptied_is_suspected(path: Path) -> None:
    path.write_bytes(os.urandom(PAGE))
    with pytest.raises(StoreFailed, match="cannot be brought in"):
        empty_wal(path)
    assert suspicion(path).exists()
