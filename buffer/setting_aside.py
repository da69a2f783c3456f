"""Setting a corrupt store aside: whole, beside the live one, and never deleted."""

import os
from datetime import UTC, datetime
from pathlib import Path

_FILES = ("", "-wal", "-shm", ".suspect")


def suspicion(path: Path) -> Path:
    """Return the file that stands beside a store whose disk has failed: all of it is checked."""
    return path.with_name(f"{path.name}.suspect")


def set_aside_directories(path: Path) -> tuple[Path, ...]:
    """Return where stores that stood at `path` were set aside and not yet recovered, oldest first.

    Each directory is named `<store>.corrupt-<UTC time>` and has the store's
    files under their own names, so that the store itself is `directory / path.name`.
    """
    # Sorted by name, which is by time. Not by a pattern: a path may have any characters.
    beginning = f"{path.name}.corrupt-"
    return tuple(sorted(d for d in path.parent.iterdir() if d.name.startswith(beginning)))


def set_aside(path: Path, at: int) -> Path:
    """Move the store at `path` and all that belongs to it into a directory of its own; return it.

    When this returns the move survives a power cut. Nothing is changed in the files.
    """
    time = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    directory = path.with_name(f"{path.name}.corrupt-{time}")
    directory.mkdir(mode=0o700)
    _move(path, directory)
    return directory


def finish_setting_aside(path: Path) -> None:
    """Move what a power cut in the middle of `set_aside` has left behind.

    The store itself is moved first. A -wal file without it belongs to the store
    that was set aside, and a fresh store must not find it.
    """
    if path.exists() or not path.with_name(f"{path.name}-wal").exists():
        return
    for directory in reversed(set_aside_directories(path)):
        if not (directory / f"{path.name}-wal").exists():
            _move(path, directory)
            return


def sync_directory(directory: Path) -> None:
    """Have the names in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _move(path: Path, directory: Path) -> None:
    for ending in _FILES:
        file = path.with_name(f"{path.name}{ending}")
        if file.exists():
            file.rename(directory / file.name)
    sync_directory(directory)
    sync_directory(path.parent)
