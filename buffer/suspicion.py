"""A store is suspected once its file or its disk has failed: the next start checks all of it."""

import sqlite3
from pathlib import Path

import structlog

from buffer.setting_aside import sync_directory
from buffer.writing.writer import is_no_room

log = structlog.get_logger(__name__)

_OF_THE_FILE = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""Errors after which the file cannot be trusted unseen."""


def suspicion(path: Path) -> Path:
    """Return the file that stands beside a suspected store."""
    return path.with_name(f"{path.name}.suspect")


def suspect(path: Path, error: Exception) -> None:
    """Have the next start check all of the store, if the error says that its file has failed.

    Whoever meets such an error calls this. On a disk that fails it is done as far as it lets us.
    """
    # Errors that Python's module raises itself, of wrong use, have no code.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code & 0xFF not in _OF_THE_FILE or is_no_room(error, path):
        return
    try:
        suspicion(path).write_text(f"{error}\n", encoding="utf-8")
        sync_directory(path.parent)
    except OSError as failure:
        log.warning("suspicion_not_kept", store=str(path), why=failure.strerror)


def withdraw_suspicion(path: Path) -> None:
    """Trust the store again: all of it was checked."""
    if suspicion(path).exists():
        suspicion(path).unlink()
        sync_directory(path.parent)
