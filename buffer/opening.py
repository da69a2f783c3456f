"""Opening the store: refuse what must not be touched, create, migrate, set the pragmas."""

import fcntl
import os
import sqlite3
from contextlib import closing
from importlib.resources import files
from pathlib import Path

from buffer.failures import StoreFailed, StoreRefused

APPLICATION_ID = 0x4D696C65
"""'Mile', in the header of every store (SQLite file format, section 1.3.13)."""
QUICK_CHECK_BYTES = 128 * 1024 * 1024
"""Up to this size the whole file is checked at every start (about a second)."""

_MAGIC = b"SQLite format 3\0"
_PASSING = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY)
"""What may mend itself, such as a full disk: the daemon has to try again without being told."""


def schema_versions() -> list[tuple[int, str]]:
    """Return (version, script) of every schema step, in order."""
    steps = [f for f in (files("buffer") / "schema").iterdir() if f.name.endswith(".sql")]
    return sorted((int(f.name.removesuffix(".sql")), f.read_text(encoding="utf-8")) for f in steps)


def lock(path: Path) -> int:
    """Take the store for this process; return the file descriptor that holds the lock.

    Leases live in the memory of one process, so there must never be two.

    Raises:
        StoreRefused: Another process has it, or the directory cannot be used.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreRefused(
            f"{path}: cannot be opened ({error.strerror}); "
            "check [store] path and who owns its directory"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StoreRefused(
            f"{path}: another milepost is using this store; stop it first"
        ) from error
    return descriptor


def read_only(path: Path) -> str:
    """Return the URI by which SQLite opens the store for reading alone."""
    return f"{path.absolute().as_uri()}?mode=ro"


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the store, creating or migrating it first; durable from the first transaction.

    The connection is in autocommit mode; transactions are begun by hand. It
    may be used from a thread other than this one, one at a time.

    Raises:
        StoreRefused: The file is no store of ours, corrupt, or newer. It has not been changed.
        StoreFailed: The disk is full, fails, or another program holds the file; it may pass.

    """
    steps = schema_versions()
    try:
        if path.exists() and path.stat().st_size:
            version = _examine(path, newest=steps[-1][0])
        else:
            version = 0
            _create(path)
        connection = _connect(path)
        try:
            _migrate(connection, [step for step in steps if step[0] > version])
        except BaseException:
            connection.close()
            raise
    except OSError as error:
        raise StoreRefused(f"{path}: cannot be read ({error.strerror})") from error
    except sqlite3.Error as error:
        raise _failure(path, error) from error
    return connection


def _examine(path: Path, newest: int) -> int:
    """Return the version of a store that may be opened.

    It is looked at read-only: closing a connection that can write moves the
    -wal file into the main file, which a store that is refused must not suffer.
    """
    with path.open("rb") as file:
        header = file.read(100)
    if len(header) < 100 or not header.startswith(_MAGIC):  # noqa: PLR2004 - the header's length
        raise _corrupt(path, "this is not an SQLite file")
    if int.from_bytes(header[68:72]) != APPLICATION_ID:
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
        if path.stat().st_size <= QUICK_CHECK_BYTES:
            (finding,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if finding != "ok":
                raise _corrupt(path, finding.splitlines()[-1])
    return version


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


def _corrupt(path: Path, what: str) -> StoreRefused:
    return StoreRefused(
        f"{path}: corrupt ({what}); it has not been repaired. "
        "Move it aside with its -wal file and keep both; then start again with a fresh store"
    )


def _create(path: Path) -> None:
    """Create an empty store whose directory entry and WAL mode survive a power cut."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA page_size = 8192")
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    path.chmod(0o600)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


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
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    connection.execute("PRAGMA journal_size_limit = 67108864")
    return connection


def _migrate(connection: sqlite3.Connection, steps: list[tuple[int, str]]) -> None:
    """Take each step in a transaction of its own; forward only."""
    for version, script in steps:
        connection.execute("BEGIN IMMEDIATE")
        for statement in _split(script):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version}")
        connection.execute("COMMIT")


def _split(script: str) -> list[str]:
    """Split a script into statements (executescript would commit on its own)."""
    statements, current = [], ""
    for line in script.splitlines(keepends=True):
        current += line
        if sqlite3.complete_statement(current):
            statements.append(current)
            current = ""
    return statements
