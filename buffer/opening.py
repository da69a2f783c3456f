"""Opening the store: refuse what must not be touched, create, migrate, set the pragmas."""

import fcntl
import os
import sqlite3
from contextlib import closing, suppress
from errno import EACCES, EISDIR
from pathlib import Path

from buffer import journal, tally
from buffer.failures import StoreCorrupt, StoreFailed, StoreRefused
from buffer.journal import GapRow
from buffer.migrating import migrate, schema_versions
from buffer.owner import advice, open_for_owner
from buffer.setting_aside import set_aside_directories, sync_directory
from buffer.suspicion import suspicion, withdraw_suspicion

APPLICATION_ID = 0x4D696C65
"""'Mile', in the header of every store (SQLite file format, section 1.3.13)."""
QUICK_CHECK_BYTES = 128 * 1024 * 1024
"""Up to this size the whole file is checked at every start (about a second)."""
SEQUENCES_PER_MILLISECOND = 100
"""More than any store gives. A fresh store begins at the time, in milliseconds since the Unix
epoch, at which the one before it was set aside, times this: above all that the old one gave."""
_PAST = 1_767_225_600_000
"""The beginning of 2026: a clock that says less is wrong."""
_FUTURE = 7_258_118_400_000
"""The beginning of 2200: a sequence that says more was not given by a store."""

_PASSING = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY)
"""What may mend itself, such as a full disk: the daemon has to try again without being told."""


def lock(path: Path) -> int:
    """Take the store for this process; return the file descriptor that holds the lock.

    Leases live in the memory of one process, so there must never be two.

    Raises:
        StoreRefused: Another process has it, or the directory cannot be used.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = open_for_owner(_lock_of(path))
    except OSError as error:
        raise StoreRefused(
            f"{error.filename}: cannot be opened ({error.strerror}); {advice(error)}"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StoreRefused(
            f"{path}: another milepost is using this store; stop it first"
        ) from error
    return descriptor


def claim(path: Path, lock_descriptor: int) -> None:
    """Have the lock file say that the store beside it is ours; that survives a power cut.

    By that a store is known whose own first page says nothing any more.
    """
    if os.fstat(lock_descriptor).st_size:
        return
    with suppress(OSError):  # no room: said at a later start
        os.pwrite(lock_descriptor, b"The store beside this file is Milepost's.\n", 0)
        os.fsync(lock_descriptor)
        sync_directory(path.parent)


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def read_only(path: Path) -> str:
    """Return the URI by which SQLite opens the store for reading alone."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    if path.exists() and not path.stat().st_size:
        return f"{uri}&immutable=1"  # SQLite would delete the -wal file beside an empty one
    return uri


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the store, creating or migrating it first; durable from the first transaction.

    The connection is in autocommit mode; transactions are begun by hand. It
    may be used from a thread other than this one, one at a time.

    Raises:
        StoreCorrupt: The file is damaged. It has not been changed.
        StoreRefused: The file is no store of ours, or newer. It has not been changed.
        StoreFailed: The disk is full, fails, or another program holds the file; it may pass.

    """
    steps = schema_versions()
    try:
        if path.exists() and path.stat().st_size:
            version = _examine(path, newest=steps[-1][0])
        else:
            version = 0
            _refuse_remains(path)
            _create(path)
        connection = _connect(path)
        try:
            migrate(connection, [step for step in steps if step[0] > version])
            connection.execute("PRAGMA temp_store = MEMORY")
            _begin_above_what_was_set_aside(path, connection)
        except BaseException:
            connection.close()
            raise
        withdraw_suspicion(path)
    except OSError as error:
        raise StoreRefused(
            f"{path}: cannot be opened ({error.strerror}); {advice(error)}"
        ) from error
    except sqlite3.Error as error:
        raise _failure(path, error) from error
    return connection


def _examine(path: Path, newest: int) -> int:
    """Return the version of a store that may be opened.

    It is looked at read-only: closing a connection that can write moves the
    -wal file into the main file, which a store that is refused must not suffer.
    """
    if path.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
    if not os.access(path, os.R_OK | os.W_OK):  # SQLite says less, and the one only at a commit
        raise PermissionError(EACCES, os.strerror(EACCES), str(path))
    version = must_be_ours(path, newest)
    with closing(sqlite3.connect(read_only(path), uri=True)) as connection:
        finding = "ok"
        if suspicion(path).exists():
            (finding,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        elif path.stat().st_size <= QUICK_CHECK_BYTES:
            (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if finding != "ok":
            raise _corrupt(path, finding.splitlines()[-1])
    return version


def must_be_ours(path: Path, newest: int) -> int:
    """Return the version of the store at the path; it is looked at and not touched.

    Raises:
        StoreCorrupt: It is ours, and its first page is damaged.
        StoreRefused: It is no store of ours, or newer than the newest that we know.

    """
    application = _application(path)
    if application is None:
        if _is_ours(path):
            raise _corrupt(path, "its first page is damaged")
        raise StoreRefused(
            f"{path}: not an SQLite file, and perhaps not of Milepost's making; it has not been "
            "touched. Set [store] path to a file of Milepost's own, or move this one aside"
        )
    if application != APPLICATION_ID:
        raise StoreRefused(
            f"{path}: a database of some other program; it has not been touched. "
            "Set [store] path to a file of Milepost's own"
        )
    with closing(sqlite3.connect(read_only(path), uri=True)) as connection:
        # Not from the header: after a crash the newest version may stand in the -wal file only.
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > newest:
        raise StoreRefused(
            f"{path}: written by a newer Milepost (store version {version}, this one knows "
            f"{newest}); it has not been touched. Install the newer Milepost again"
        )
    return version


def _refuse_remains(path: Path) -> None:
    """Raise if a store of ours was at the path: a fresh one must not hide that, or read its -wal.

    A -wal file fits any store: SQLite would bring what was of the one into the other.
    """
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists() and wal.stat().st_size:
        raise _corrupt(path, "the file is empty or gone, and its -wal file is there")
    if path.exists() and _is_ours(path):
        raise _corrupt(path, "it is empty")


def _is_ours(path: Path) -> bool:
    """Tell whether a store of ours was opened at the path, whatever the file is now."""
    lock = _lock_of(path)
    return lock.exists() and lock.stat().st_size > 0


def _application(path: Path) -> int | None:
    """Return the program that the file says it is of; None if its first page makes no sense.

    SQLite reads it: closing a file that was opened beside SQLite takes away the locks that this
    process holds on it (fcntl(2)), and the next program to look would delete the -wal file.
    """
    # Immutable: neither makes files beside that of another program, nor reads its -wal file.
    uri = f"{read_only(path)}&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.execute("PRAGMA writable_schema = ON")  # reads a file that was cut short, too
        try:
            return int(connection.execute("PRAGMA application_id").fetchone()[0])
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_NOTADB:
                return None
            raise


def _begin_above_what_was_set_aside(path: Path, connection: sqlite3.Connection) -> None:
    """Keep a fresh store's sequences apart from those of the store that it stands in for.

    The two are joined again when the old one is recovered. Until then, what is
    missing here is told as a gap.
    """
    directories = set_aside_directories(path)
    if not directories or journal.next_sequence(connection) > 1:
        return
    at = max(directory.stat().st_mtime_ns for directory in directories) // 1_000_000
    given = [_newest_sequence(directory / path.name) for directory in directories]
    first = max(max(at, _PAST) * SEQUENCES_PER_MILLISECOND, *given)
    reason = (
        "the store was corrupt and was set aside, with all that it held, in "
        f"{directories[-1]} (.recovered-… once it is recovered)"
    )
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("DELETE FROM sqlite_sequence")
    connection.executemany(
        "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)",
        [(table, first) for table in ("journal", "gap", "quarantine", "milestone", "entry")],
    )
    journal.append_gaps(connection, [GapRow("milepost", path.name, at, reason, None)])
    tally.count(connection, {tally.GAPS: 1})
    connection.execute("COMMIT")


def _newest_sequence(file: Path) -> int:
    """Return the newest sequence that a damaged store says it gave; 0 if it does not say.

    The clock may have been set back since it began, and have been in the past ever after.
    """
    try:
        with closing(sqlite3.connect(read_only(file), uri=True)) as connection:
            (newest,) = connection.execute("SELECT max(seq) FROM sqlite_sequence").fetchone()
    except sqlite3.Error:
        return 0
    is_one = isinstance(newest, int) and newest < _FUTURE * SEQUENCES_PER_MILLISECOND
    return newest if is_one else 0


def _failure(path: Path, error: sqlite3.Error) -> StoreRefused | StoreFailed:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the primary code
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return _corrupt(path, str(error))
    if code in _PASSING:
        return StoreFailed(
            f"{path}: cannot be opened now ({error}); check the room on its disk, the disk, "
            "and that no other program holds it"
        )
    return StoreRefused(f"{path}: cannot be opened ({error}); check who owns it and its directory")


def _corrupt(path: Path, what: str) -> StoreCorrupt:
    return StoreCorrupt(
        path,
        what,
        "Check the disk (`journalctl -k`). Then start the daemon with [store] when_corrupt = "
        '"set-aside", its default: it sets this one aside, whole, and goes on with a fresh one. '
        "`sudo milepost store recover` then brings over what can be read",
    )


def _create(path: Path) -> None:
    """Create an empty store whose name and WAL mode survive a power cut.

    It gets its name when it is whole: a cut before that leaves no store, not half of one.
    """
    unfinished = path.with_name(f"{path.name}.unfinished")
    for left in (unfinished, path.with_name(f"{unfinished.name}-journal")):
        left.unlink(missing_ok=True)
    os.close(open_for_owner(unfinished))
    connection = sqlite3.connect(unfinished, isolation_level=None)
    connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    unfinished.rename(path)
    sync_directory(path.parent)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    # FULL, not NORMAL: in WAL mode NORMAL may lose the last commits at a power
    # cut, and the signals in them were already acknowledged.
    connection.execute("PRAGMA synchronous = FULL")
    synchronous = connection.execute("PRAGMA synchronous").fetchone()[0]
    if (mode, synchronous) != ("wal", 2):
        raise StoreRefused(f"{path}: this file system allows no durable commits ({mode})")
    connection.execute("PRAGMA cache_size = -32768")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection
