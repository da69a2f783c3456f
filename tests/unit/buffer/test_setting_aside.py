"""A corrupt store is set aside whole, a fresh one takes its place, and never twice unseen."""

import hashlib
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from buffer import journal, opening, tally
from buffer.failures import StoreCorrupt, StoreRefused
from buffer.maintenance.recovery import recover
from buffer.opening import open_for_writing
from buffer.setting_aside import set_aside_directories
from buffer.starting import start
from buffer.store import Store
from buffer.suspicion import suspicion
from buffer.writing.reserve import reserve_of
from tests.unit.buffer.damage import PAGE, overwrite, pages_of
from tests.unit.buffer.rows import owe, signal

NOON = 1_795_348_800_000
AFTER_NOON = NOON + 1000


def fill(path: Path) -> None:
    with closing(open_for_writing(path)) as connection:
        connection.execute("BEGIN")
        journal.append(connection, [signal(seq) for seq in range(1, 301)])
        for number in range(300):
            owe(connection, number)
        connection.execute("COMMIT")


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = b"\xa5" * (len(content) - len(content) // 2)
    path.write_bytes(content)


def contents(directory: Path, name: str) -> dict[str, str]:
    """Return digests of the files of a store, by their names."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in directory.iterdir()
        if file.is_file() and file.name.startswith(name)
    }


@pytest.fixture
def corrupt(path: Path) -> Path:
    """Return a damaged store that a killed process left with a -wal file."""
    fill(path)
    connection = open_for_writing(path)
    owe(connection, 1000)
    wal = path.with_name(f"{path.name}-wal")
    kept = wal.read_bytes()
    connection.close()
    wal.write_bytes(kept)
    damage(path)
    suspicion(path).write_text("why")
    return path


def test_all_that_belongs_to_a_corrupt_store_is_kept_as_it_was(corrupt: Path) -> None:
    before = contents(corrupt.parent, corrupt.name)
    start(corrupt, "set-aside", NOON).close()
    (directory,) = set_aside_directories(corrupt)
    assert directory.name == f"{corrupt.name}.corrupt-20261122T120000.000000Z"
    kept = contents(directory, corrupt.name)
    for ending in ("", "-wal", ".suspect"):
        assert kept[f"{corrupt.name}{ending}"] == before[f"{corrupt.name}{ending}"]
    assert not suspicion(corrupt).exists()


def test_a_store_is_not_set_aside_unless_that_is_allowed(corrupt: Path) -> None:
    before = contents(corrupt.parent, corrupt.name)
    with pytest.raises(StoreCorrupt, match=r'not been repaired.*"set-aside", its default'):
        start(corrupt, "stop", NOON)
    with pytest.raises(StoreCorrupt):
        Store.open(corrupt)  # a command does not, unless told
    after = contents(corrupt.parent, corrupt.name)
    # Reading it, even read-only, makes a -shm file; the lock file is ours.
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed <= {f"{corrupt.name}-shm", f"{corrupt.name}.lock"}
    assert set_aside_directories(corrupt) == ()


def test_a_second_corrupt_store_stops_a_human_until_the_first_was_recovered(
    corrupt: Path,
) -> None:
    start(corrupt, "set-aside", NOON).close()
    fill(corrupt)
    damage(corrupt)
    before = contents(corrupt.parent, corrupt.name)
    with pytest.raises(StoreCorrupt, match=r"still set aside in .*corrupt-2026.*store recover"):
        start(corrupt, "set-aside", AFTER_NOON)
    after = contents(corrupt.parent, corrupt.name)
    assert {name: after[name] for name in before} == before
    (first,) = set_aside_directories(corrupt)
    first.rename(first.with_name(first.name.replace("corrupt", "recovered")))
    start(corrupt, "set-aside", AFTER_NOON).close()
    assert len(set_aside_directories(corrupt)) == 1


def sequences(connection: sqlite3.Connection) -> list[int]:
    """Add a row to each table whose rows are known by a number; return the numbers."""
    seq = journal.next_sequence(connection)
    journal.append(connection, [signal(seq)])
    journal.append_gaps(connection, [journal.GapRow("plc", "ring", 6, "overrun", 2)])
    journal.quarantine(connection, [(seq, "why", 8)])
    owe(connection, seq)
    tables = ("journal", "gap", "quarantine", "milestone", "entry")
    statements = [f"SELECT max(seq) FROM {table}" for table in tables]
    return [connection.execute(statement).fetchone()[0] for statement in statements]


def test_no_sequence_of_the_fresh_store_was_one_of_the_old_store(corrupt: Path) -> None:
    given = [300]
    for hour in range(3):
        with closing(start(corrupt, "set-aside", NOON + hour * 3_600_000)) as connection:
            assert connection.execute("SELECT count(*) FROM entry").fetchone() == (0,)
            first = sequences(connection)
            assert min(first) > max(given)
            given = sequences(connection)
            assert given == [seq + 1 for seq in first]
        (directory,) = set_aside_directories(corrupt)
        directory.rename(directory.with_name(f"recovered-{hour}"))
        damage(corrupt)


@pytest.mark.parametrize("clock", ["1970-01-01", "2012-01-01"])
def test_no_sequence_was_one_of_the_old_store_also_if_the_clock_is_in_the_past(
    corrupt: Path, monkeypatch: pytest.MonkeyPatch, clock: str
) -> None:
    """A gateway without a battery boots in the past, and finds its store corrupt."""
    given = [300]
    for at in (NOON, _past(clock), _past(clock)):
        monkeypatch.setattr(opening, "set_aside_directories", partial(_made_at, at))
        with closing(start(corrupt, "set-aside", at)) as connection:
            first = sequences(connection)
            assert min(first) > max(given)
            given = sequences(connection)
        (directory,) = set_aside_directories(corrupt)
        directory.rename(directory.with_name(f"recovered-{min(given)}"))
        _spoil_the_journal(corrupt)


def test_no_sequence_was_one_of_an_old_store_that_cannot_be_read_at_all(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    open_once(path)
    path.write_bytes(bytes(path.stat().st_size))
    monkeypatch.setattr(opening, "set_aside_directories", partial(_made_at, 1))
    with closing(start(path, "set-aside", 1)) as connection:
        assert min(sequences(connection)) > 300


def _past(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000) + 1


def _made_at(at: int, path: Path) -> tuple[Path, ...]:
    """Return the directories as they are if they were made when the clock said that."""
    directories = set_aside_directories(path)
    for directory in directories:
        os.utime(directory, (at / 1000, at / 1000))
    return directories


def _spoil_the_journal(path: Path) -> None:
    ((page, _, _), *_) = pages_of(path)["journal"]
    overwrite(path, page, os.urandom(PAGE))


def test_a_damaged_sequence_that_makes_no_sense_is_not_gone_by(corrupt: Path) -> None:
    corrupt.unlink()
    corrupt.with_name(f"{corrupt.name}-wal").unlink()
    fill(corrupt)
    with closing(sqlite3.connect(corrupt)) as connection:
        connection.execute("UPDATE sqlite_sequence SET seq = 9223372036854775807")
        connection.commit()
    _spoil_the_journal(corrupt)
    with closing(start(corrupt, "set-aside", NOON)) as connection:
        assert 300 < max(sequences(connection)) < 2**60


def test_a_fresh_store_is_given_its_sequences_also_after_a_cut_between(
    corrupt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    for step in ("_create", "_begin_above_what_was_set_aside"):
        monkeypatch.setattr(opening, step, cut)
        with pytest.raises(KeyboardInterrupt):
            start(corrupt, "set-aside", NOON)
        monkeypatch.undo()
    with closing(start(corrupt, "set-aside", NOON)) as connection:
        assert min(sequences(connection)) > 300
    assert len(set_aside_directories(corrupt)) == 1


def test_what_was_set_aside_is_told_as_a_gap_once(corrupt: Path) -> None:
    for _ in range(2):
        with closing(start(corrupt, "set-aside", NOON)) as connection:
            gaps = connection.execute("SELECT source, subject, reason, missed FROM gap").fetchall()
            (n,) = connection.execute(
                "SELECT n FROM tally WHERE name = ?", (tally.GAPS,)
            ).fetchone()
        ((source, subject, reason, missed),) = gaps
        assert (source, subject, missed, n) == ("milepost", corrupt.name, None, 1)
        (directory,) = set_aside_directories(corrupt)
        assert f"{directory} (.recovered-… once it is recovered)" in reason


@pytest.mark.parametrize("moved", range(5))
def test_a_power_cut_in_the_middle_is_made_up_for_at_the_next_start(
    corrupt: Path, monkeypatch: pytest.MonkeyPatch, moved: int
) -> None:
    """The store, its -wal, -shm and .suspect files; then the directory gets its name."""
    before = contents(corrupt.parent, corrupt.name)
    rename, renamed = Path.rename, count()

    def cut(file: Path, target: Path) -> Path:
        if next(renamed) == moved:
            raise KeyboardInterrupt
        return rename(file, target)

    monkeypatch.setattr(Path, "rename", cut)
    with pytest.raises(KeyboardInterrupt):
        start(corrupt, "set-aside", NOON)
    monkeypatch.undo()
    with closing(start(corrupt, "set-aside", AFTER_NOON)) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (0,)
    (directory,) = set_aside_directories(corrupt)
    kept = contents(directory, corrupt.name)
    for ending in ("", "-wal", ".suspect"):
        assert kept[f"{corrupt.name}{ending}"] == before[f"{corrupt.name}{ending}"]


def test_a_file_that_somebody_named_like_a_directory_set_aside_is_none(corrupt: Path) -> None:
    corrupt.with_name(f"{corrupt.name}.corrupt-1.tar.gz").touch()
    start(corrupt, "set-aside", NOON).close()
    assert len(set_aside_directories(corrupt)) == 1


def open_once(path: Path) -> None:
    Store.open(path)._writer.close(is_clean=True)


def test_a_damaged_first_page_is_known_to_be_ours_by_the_lock_file_beside_it(path: Path) -> None:
    fill(path)
    open_once(path)
    reserve_of(path).unlink()  # as where the disk was full before
    content = path.read_bytes()
    path.write_bytes(bytes(8192) + content[8192:])
    start(path, "set-aside", NOON).close()
    (directory,) = set_aside_directories(path)
    assert (directory / path.name).read_bytes()[8192:] == content[8192:]


def test_a_file_that_was_never_a_store_of_ours_is_refused_at_every_start(path: Path) -> None:
    path.write_bytes(b"what somebody needs")
    for _ in range(2):
        with pytest.raises(StoreRefused, match="not an SQLite file"):
            Store.open(path, when_corrupt="set-aside")
    assert path.read_bytes() == b"what somebody needs"


def test_an_empty_file_where_a_store_was_is_set_aside_and_told(path: Path) -> None:
    open_once(path)
    path.write_bytes(b"")
    with closing(start(path, "set-aside", NOON)) as connection:
        assert connection.execute("SELECT count(*) FROM gap").fetchone() == (1,)
    assert len(set_aside_directories(path)) == 1


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_wal_file_without_its_store_is_not_read_into_a_fresh_one(
    corrupt: Path, *, is_gone: bool
) -> None:
    wal = corrupt.with_name(f"{corrupt.name}-wal")
    before = wal.read_bytes()
    corrupt.unlink()
    if not is_gone:
        corrupt.touch()
    with closing(start(corrupt, "set-aside", NOON)) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (0,)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    (directory,) = set_aside_directories(corrupt)
    assert (directory / wal.name).read_bytes() == before


@pytest.fixture(params=["gone", "empty"])
def wal_alone(path: Path, request: pytest.FixtureRequest) -> Path:
    """Return a store of which the -wal file is left, and that has all of it."""
    with closing(open_for_writing(path)) as connection:
        owe(connection, 1)
        wal = path.with_name(f"{path.name}-wal").read_bytes()
    path.unlink()
    if request.param == "empty":
        path.touch()
    path.with_name(f"{path.name}-wal").write_bytes(wal)
    return path


async def test_what_a_wal_file_has_without_its_store_is_recovered(wal_alone: Path) -> None:
    store = Store.open(wal_alone, when_corrupt="set-aside")
    (directory,) = store.set_aside
    recovered = await recover(store, directory, lanes={}, who="op", clock=lambda: NOON)
    assert recovered.brought["entry"] == 1
    await store.close()


def test_a_wal_file_without_its_store_is_not_moved_to_an_older_store(corrupt: Path) -> None:
    older = corrupt.with_name(f"{corrupt.name}.corrupt-1")
    older.mkdir()
    corrupt.rename(older / corrupt.name)
    wal = corrupt.with_name(f"{corrupt.name}-wal")
    before = wal.read_bytes()
    with pytest.raises(StoreCorrupt, match=r"empty or gone.*-wal file is there.*still set aside"):
        start(corrupt, "set-aside", NOON)
    assert wal.read_bytes() == before
    assert [file.name for file in older.iterdir()] == [corrupt.name]


async def test_the_store_tells_what_is_set_aside(corrupt: Path) -> None:
    store = Store.open(corrupt, when_corrupt="set-aside", clock=lambda: NOON)
    await store.write(lambda c: owe(c, 1))
    assert [directory.name for directory in store.set_aside] == [
        f"{corrupt.name}.corrupt-20261122T120000.000000Z"
    ]
    await store.close()
