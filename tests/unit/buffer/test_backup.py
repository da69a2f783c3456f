"""A backup is the store of one moment, made while nobody waits for it."""

import asyncio
import os
import sqlite3
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from buffer.failures import StoreFailed
from buffer.maintenance import backup
from buffer.maintenance.backup import NotBackedUp, back_up
from buffer.maintenance.checking import contradictions, damage
from buffer.maintenance.vacuum import empty_wal
from buffer.opening import open_for_writing, read_only
from buffer.store import Store
from tests.unit.buffer.damage import PAGE, fill, overwrite, rows_of
from tests.unit.buffer.rows import owe


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "backup.db"


async def test_a_backup_under_load_is_one_moment_and_holds_up_no_commit(
    path: Path, target: Path
) -> None:
    fill(path)
    with closing(open_for_writing(path)) as connection:  # so much that it takes a while
        connection.execute("CREATE TABLE ballast (bytes BLOB)")
        connection.execute("INSERT INTO ballast VALUES (zeroblob(100000000))")
    store = Store.open(path)
    numbers = count(1000)
    making = asyncio.create_task(asyncio.to_thread(back_up, path, target))
    while not making.done():
        number = next(numbers)
        await store.write(lambda c, n=number: owe(c, n, f"unit:{n}", ("erp", "wms")))  # type: ignore[misc]  # bound at once
    size = await making
    assert number > 1001
    await store.close()
    assert size == os.stat(target).st_size  # noqa: PTH116 - nothing else runs now
    with closing(sqlite3.connect(read_only(target), uri=True)) as copy:
        assert [*damage(copy), *contradictions(copy)] == []
        (newest,) = copy.execute("SELECT max(id) FROM milestone").fetchone()
    assert newest <= number.to_bytes(16)


def test_a_backup_is_a_single_file_of_its_owner_and_a_store_to_go_on_with(
    path: Path, target: Path, tmp_path: Path
) -> None:
    before = fill(path)
    with closing(open_for_writing(path)) as connection:  # what it commits is in the -wal file
        owe(connection, 5000)
        back_up(path, target)
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.glob("backup*")) == [target.name]
    with closing(open_for_writing(target)) as connection:
        after = rows_of(connection)
    assert after["milestone"][:-1] == before["milestone"]
    assert after["milestone"][-1][1] == (5000).to_bytes(16)
    assert after["journal"] == before["journal"]


async def test_a_backup_of_a_stopped_store_does_not_say_that_nothing_was_delivered_since(
    path: Path, target: Path
) -> None:
    store = Store.open(path)
    await store.write(lambda c: owe(c, 1))
    await store.close()
    back_up(path, target)
    for each, is_clean in ((path, True), (target, False)):
        store = Store.open(each)
        assert store.stopped_cleanly == is_clean
        await store.close()


async def test_the_wal_file_is_let_go_before_the_copy_is_checked(
    path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That takes minutes for a large store, and the file would grow meanwhile."""
    store = Store.open(path)
    await store.write(lambda c: owe(c, 1))
    check, emptied = backup._check, list[bool]()

    def noted(path: Path, partial: Path) -> None:
        emptied.append(empty_wal(path))
        check(path, partial)

    monkeypatch.setattr(backup, "_check", noted)
    back_up(path, target)
    assert emptied == [True]
    await store.close()


def test_a_backup_replaces_nothing(path: Path, target: Path) -> None:
    fill(path)
    target.write_text("what somebody needs")
    with pytest.raises(NotBackedUp, match=r"backup\.db: exists"):
        back_up(path, target)
    assert target.read_text() == "what somebody needs"


def test_of_a_corrupt_store_there_is_no_backup(path: Path, target: Path, tmp_path: Path) -> None:
    fill(path)
    overwrite(path, 60, os.urandom(PAGE))
    with pytest.raises(NotBackedUp, match="corrupt"):
        back_up(path, target)
    assert list(tmp_path.glob("backup*")) == []


def test_two_backups_to_one_file_do_not_mix(path: Path, target: Path, tmp_path: Path) -> None:
    fill(path)
    other = tmp_path / "backup.db.partial"
    other.write_text("the other one")
    with pytest.raises(NotBackedUp, match="cut off"):
        back_up(path, target)
    assert other.read_text() == "the other one"


def test_what_cannot_be_read_or_written_is_said(path: Path, target: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match=r"milepost\.db: cannot be read \(No such file"):
        back_up(path, target)
    assert list(tmp_path.iterdir()) == []
    fill(path)
    with pytest.raises(NotBackedUp, match="cannot be made"):
        back_up(path, tmp_path / "nowhere" / "backup.db")
