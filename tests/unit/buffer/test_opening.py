"""What must not be touched is refused in words, and is not touched."""

import hashlib
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import pytest

from buffer import opening
from buffer.failures import StoreFailed, StoreRefused
from buffer.migrating import schema_versions
from buffer.opening import APPLICATION_ID, open_for_writing
from buffer.statements import statements
from buffer.store import Store
from tests.unit.buffer.disk import files_no_larger_than
from tests.unit.buffer.rows import owe


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fill(path: Path) -> None:
    """Make a store with a few hundred milestones, closed in order."""
    with closing(open_for_writing(path)) as connection:
        connection.execute("BEGIN")
        for number in range(300):
            owe(connection, number)
        connection.execute("COMMIT")


def damage(path: Path) -> None:
    """Spoil the heads of the pages in the second half: the -wal file does not have them all."""
    with path.open("r+b") as file:
        for page in range(path.stat().st_size // 2 // 8192 * 8192, path.stat().st_size, 8192):
            file.seek(page)
            file.write(os.urandom(200))


def killed(path: Path, into: Path) -> Path:
    """Return a copy of an open store's files: what a killed process leaves behind."""
    into.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", into)
    return into / path.name


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_fresh_store_is_ours_current_and_for_nobody_else_to_read(path: Path) -> None:
    open_for_writing(path).close()
    header = path.read_bytes()[:100]
    assert int.from_bytes(header[68:72]) == APPLICATION_ID
    assert int.from_bytes(header[60:64]) == schema_versions()[-1][0]
    assert int.from_bytes(header[16:18]) == 8192
    assert tuple(header[18:20]) == (2, 2)  # a write-ahead log, for writing and for reading
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_fresh_store_is_whole_and_its_name_durable_before_anything_is_written_to_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut may leave a rollback journal, or no file at all."""
    order = list[object]()
    fsync, connect = os.fsync, opening._connect

    def noted(descriptor: int) -> None:
        wal = path.with_name(f"{path.name}-wal")
        name = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        order.append((name, tuple(path.read_bytes()[18:20]), wal.exists()))
        fsync(descriptor)

    def opened(path: Path) -> sqlite3.Connection:
        order.append("opened")
        return connect(path)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(opening, "_connect", opened)
    open_for_writing(path).close()
    assert order == [(str(path.parent), (2, 2), False), "opened"]


def test_an_empty_file_becomes_a_fresh_store(path: Path) -> None:
    path.touch()
    open_for_writing(path).close()
    assert version(path) == schema_versions()[-1][0]


def test_a_path_may_have_any_characters(tmp_path: Path) -> None:
    path = tmp_path / "a b" / "what?#%20.db"
    Store.open(path)._writer.close(is_clean=True)
    open_for_writing(path).close()
    assert path.stat().st_size


@pytest.mark.parametrize("content", [b"not a database, but a text of some length" * 10, b"short"])
def test_a_file_that_is_no_database_is_refused_untouched(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreRefused, match=r"not an SQLite file.*has not been touched"):
        open_for_writing(path)
    assert path.read_bytes() == content


def test_the_database_of_another_program_is_refused_untouched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (a)")
    before = digest(path)
    with pytest.raises(StoreRefused, match=re.escape(f"{path}: a database of some other program")):
        open_for_writing(path)
    assert digest(path) == before
    assert list(path.parent.iterdir()) == [path]


def test_a_store_of_a_newer_version_is_refused_untouched(path: Path) -> None:
    fill(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = digest(path)
    with pytest.raises(StoreRefused, match=r"newer Milepost \(store version 99, this one knows"):
        open_for_writing(path)
    assert digest(path) == before


def test_a_corrupt_page_is_found_at_the_start_and_nothing_is_written(path: Path) -> None:
    fill(path)
    damage(path)
    before = digest(path)
    with pytest.raises(StoreRefused, match=r"corrupt \(Page .*not been repaired.*store recover"):
        open_for_writing(path)
    assert digest(path) == before


def test_what_a_killed_process_left_is_kept_when_it_is_refused(path: Path, tmp_path: Path) -> None:
    fill(path)
    with closing(open_for_writing(path)) as connection:
        owe(connection, 1000)
        left = killed(path, tmp_path / "killed")
    damage(left)
    wal = left.with_name(f"{left.name}-wal")
    before = digest(left), digest(wal)
    with pytest.raises(StoreRefused, match="corrupt"):
        open_for_writing(left)
    assert (digest(left), digest(wal)) == before


def test_what_a_killed_process_committed_is_there_also_right_after_the_creation(
    path: Path, tmp_path: Path
) -> None:
    with closing(open_for_writing(path)) as connection:
        owe(connection, 1)
        left = killed(path, tmp_path / "killed")
    assert int.from_bytes(left.read_bytes()[60:64]) == 0  # the version is in the -wal file alone
    with closing(open_for_writing(left)) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (1,)


def test_a_place_that_cannot_hold_a_store_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreRefused, match=r"cannot be opened \(.*\); check \[store\] path"):
        Store.open(tmp_path / "file" / "milepost.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(StoreRefused, match=r"cannot be opened \(Is a directory\)"):
        Store.open(tmp_path / "folder.db")


def test_a_store_that_was_refused_can_be_opened_once_it_is_mended(path: Path) -> None:
    path.write_bytes(b"not a database")
    with pytest.raises(StoreRefused):
        Store.open(path)
    path.unlink()
    store = Store.open(path)  # the refusal gave the lock back
    store._writer.close(is_clean=True)


def test_a_full_disk_at_the_start_is_no_refusal_and_is_forgotten_once_there_is_room(
    path: Path,
) -> None:
    fill(path)
    words = r"cannot be opened now .*check the room on its disk"
    with files_no_larger_than(1024), pytest.raises(StoreFailed, match=words):  # no -shm file
        Store.open(path)
    store = Store.open(path)
    store._writer.close(is_clean=True)


def test_a_store_that_another_program_holds_is_no_refusal(
    path: Path, a_later_milepost: "Steps", monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    a_later_milepost("CREATE TABLE a (b);")
    monkeypatch.setattr(opening, "_connect", _impatient)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreFailed, match="no other program holds it"):
            open_for_writing(path)


def _impatient(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, timeout=0)


Steps = Callable[..., None]


@pytest.fixture
def a_later_milepost(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """Return what adds schema steps after those of today."""
    today = schema_versions()

    def add(*scripts: str) -> None:
        later = list(enumerate(scripts, today[-1][0] + 1))
        monkeypatch.setattr(opening, "schema_versions", lambda: [*today, *later])

    return add


def test_a_migration_keeps_what_is_stored(path: Path, a_later_milepost: Steps) -> None:
    fill(path)
    now = schema_versions()[-1][0]
    a_later_milepost(
        "-- A comment; with a semicolon.\nALTER TABLE gap\nADD COLUMN a TEXT;\n",
        "CREATE TABLE b (c TEXT DEFAULT ';') STRICT;\nINSERT INTO b VALUES ('d');\n",
    )
    with closing(open_for_writing(path)) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (300,)
        assert connection.execute("SELECT c FROM b").fetchone() == ("d",)
        connection.execute("SELECT a FROM gap")
    assert version(path) == now + 2
    open_for_writing(path).close()  # and takes no step twice


def test_a_migration_that_fails_leaves_the_store_at_the_step_before(
    path: Path, a_later_milepost: Steps
) -> None:
    fill(path)
    now = schema_versions()[-1][0]
    a_later_milepost("CREATE TABLE good (a);", "CREATE TABLE half (a);\nCREATE TABLE gap (a);")
    with pytest.raises(StoreRefused, match=r"cannot be opened \(table gap already exists\)"):
        open_for_writing(path)
    assert version(path) == now + 1
    with closing(sqlite3.connect(path)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    assert "good" in names
    assert "half" not in names


def test_every_statement_fits_the_schema(connection: sqlite3.Connection) -> None:
    scripts = [file for file in (files("buffer") / "sql").iterdir() if file.name.endswith(".sql")]
    assert len(scripts) > 3
    for script in scripts:
        for statement in statements(script.name.removesuffix(".sql")).values():
            prepared = re.sub(r"(?<!\w)[?:]\w*", "NULL", statement)
            if "CREATE" not in prepared:  # what sorts entries makes a file of its own for them
                connection.execute(f"EXPLAIN {prepared}")
