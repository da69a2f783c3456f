"""Opening the store in whatever state its disk has left it."""

import sqlite3
from pathlib import Path
from typing import Literal

import structlog

from buffer.failures import StoreCorrupt, StoreFailed
from buffer.opening import open_for_writing
from buffer.setting_aside import finish_setting_aside, set_aside, set_aside_directories
from buffer.writing.reserve import lacks_room, reserve_of

log = structlog.get_logger(__name__)

WhenCorrupt = Literal["set-aside", "stop"]

ROOM_TO_OPEN = 1024 * 1024
"""SQLite needs files beside the store to open it, of some 100 KB."""


def start(path: Path, when_corrupt: WhenCorrupt, at: int) -> sqlite3.Connection:
    """Open the store as `open_for_writing` does, with the reserve's room if there is no other.

    A corrupt store is set aside whole, if that is allowed, and a fresh one takes
    its place. A second one is refused: a disk that spoils one store after the
    other needs a person, and so does what is set aside.

    Raises:
        StoreRefused: It must not be touched, and has not been.
        StoreFailed: It cannot be opened now.

    """
    try:
        finish_setting_aside(path, at)
    except OSError as error:
        raise StoreFailed(f"{path}: cannot be set aside ({error.strerror})") from error
    try:
        return _open(path)
    except StoreCorrupt as error:
        corrupt = error
    earlier = set_aside_directories(path)
    if earlier:
        raise StoreCorrupt(path, corrupt.what, _of_a_second(earlier[-1], path))
    if when_corrupt == "stop":
        raise corrupt
    try:
        directory = set_aside(path, at)
    except OSError as error:
        raise StoreFailed(f"{corrupt}. It cannot be set aside ({error.strerror})") from error
    log.error("store_set_aside", why=corrupt.what, where=str(directory))
    return open_for_writing(path)


def _of_a_second(earlier: Path, path: Path) -> str:
    """Say what to do: the earlier one cannot be recovered into a store that is corrupt itself."""
    renamed = path.with_name(f"{path.name}.earlier")
    return (
        f"An earlier one is still set aside in {earlier}. Check the disk (`journalctl -k`). Then "
        f"`mv {earlier} {renamed}`, start the daemon, which sets this one aside, too, and bring "
        f"over both: `sudo milepost store recover {renamed}`, `sudo milepost store recover`"
    )


def _open(path: Path) -> sqlite3.Connection:
    try:
        return open_for_writing(path)
    except StoreFailed:
        if not lacks_room(path, ROOM_TO_OPEN) or not reserve_of(path).exists():
            raise
        reserve_of(path).unlink()
        return open_for_writing(path)
