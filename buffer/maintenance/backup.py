"""A copy of the store as of one moment, while it is in use."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from buffer import tally
from buffer.opening import read_only
from buffer.reader import must_be_readable
from buffer.setting_aside import sync_directory

PAGES = 2048
"""Pages copied at once; how soon a backup can be interrupted."""


class NotBackedUp(Exception):
    """There is no backup; the message says why."""


def back_up(path: Path, target: Path) -> int:
    """Copy the store to a new file that survives a power cut; return its size in bytes.

    The copy is the store of one moment and is checked before it gets its
    name. It is opened by putting it where the store was; what it has not
    delivered is looked up first, as after a stop that was no clean one.
    Commits go on meanwhile; the -wal file grows by them until the copy is done.

    Raises:
        StoreFailed: It is no store, or cannot be read.
        NotBackedUp: The target exists, the store is corrupt, or the copy cannot be written.

    """
    must_be_readable(path)
    partial = target.with_name(f"{target.name}.partial")
    _refuse_existing(target)
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError as error:
        raise NotBackedUp(
            f"{partial}: exists; a backup is being made, or one was cut off: then remove it"
        ) from error
    except OSError as error:
        raise NotBackedUp(f"{partial}: cannot be made ({error.strerror})") from error
    try:
        _copy(path, partial)
        _check(path, partial)
        size = _sync(partial)
        _refuse_existing(target)
        partial.rename(target)
        sync_directory(target.parent)
    except sqlite3.Error as error:
        raise NotBackedUp(f"{path}: cannot be copied to {target} ({error})") from error
    except OSError as error:
        raise NotBackedUp(f"{target}: cannot be written ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)
    return size


def _refuse_existing(target: Path) -> None:
    if target.exists():
        raise NotBackedUp(f"{target}: exists; a backup replaces nothing, give it another name")


def _copy(path: Path, partial: Path) -> None:
    with (
        closing(sqlite3.connect(read_only(path), uri=True, isolation_level=None)) as source,
        closing(_open(partial)) as copy,
    ):
        # In a transaction all steps see one state. Without, each commit would begin the copy anew.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        source.backup(copy, pages=PAGES)
        copy.execute("PRAGMA journal_mode = DELETE")  # a single file, also on a medium to read only


def _check(path: Path, partial: Path) -> None:
    """Check the copy, while nothing holds the -wal file of the store any more."""
    with closing(_open(partial)) as copy:
        (finding,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if finding != "ok":
            raise NotBackedUp(f"{path}: corrupt ({finding}), and so would be its backup")
        # Whoever goes on with it does not know what was delivered since.
        tally.forget_stop(copy)


def _open(partial: Path) -> sqlite3.Connection:
    copy = sqlite3.connect(partial, isolation_level=None)
    copy.execute("PRAGMA synchronous = OFF")  # it is synced as a whole
    return copy


def _sync(file: Path) -> int:
    descriptor = os.open(file, os.O_RDWR)
    try:
        os.fsync(descriptor)
        return os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
