"""Setting a corrupt store aside: whole, beside the live one, and never deleted."""

import os
from datetime import UTC, datetime
from pathlib import Path

_FILES = ("", "-wal", "-shm", ".suspect")


def set_aside_directories(path: Path) -> tuple[Path, ...]:
    """Return where stores that stood at `path` were set aside and not yet recovered, oldest first.

    Each directory is named `<store>.corrupt-<UTC time>` and has the store's
    files under their own names, so that the store itself is `directory / path.name`.
    """
    # Sorted by name, which is by time. Not by a pattern: a path may have any characters.
    beginning = f"{path.name}.corrupt-"
    return tuple(
        sorted(d for d in path.parent.iterdir() if d.name.startswith(beginning) and d.is_dir())
    )


def set_aside(path: Path, at: int) -> Path:
    """Move the store at `path` and all that belongs to it into a directory of its own; return it.

    When this returns the move survives a power cut. Nothing is changed in the files.
    """
    if not path.exists():
        path.touch(mode=0o600)  # its -wal file, all that is left, is read beside an empty one
    directory = _unfinished(path)
    directory.mkdir(mode=0o700, exist_ok=True)
    sync_directory(path.parent)
    for ending in _FILES:
        _move(path.with_name(f"{path.name}{ending}"), directory)
    return _finish(path, at)


def finish_setting_aside(path: Path, at: int) -> None:
    """Move what a kill or a power cut in the middle of `set_aside` has left behind.

    A fresh store must not find it. A directory that is still empty is left to
    the next `set_aside`: the store is where it was.
    """
    directory = _unfinished(path)
    if not directory.exists() or not any(directory.iterdir()):
        return
    for ending in _FILES[1:]:  # the store itself was moved first
        _move(path.with_name(f"{path.name}{ending}"), directory)
    _finish(path, at)


def sync_directory(directory: Path) -> None:
    """Have the names in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unfinished(path: Path) -> Path:
    """Return the directory into which a store is moved; it gets its name when all is in there."""
    return path.with_name(f"{path.name}.setting-aside")


def _move(file: Path, directory: Path) -> None:
    if file.exists():
        file.rename(directory / file.name)
        # Before the next: a power cut must not leave the store without its -wal file.
        sync_directory(directory)
        sync_directory(file.parent)


def _finish(path: Path, at: int) -> Path:
    time = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    directory = _unfinished(path).rename(path.with_name(f"{path.name}.corrupt-{time}"))
    sync_directory(path.parent)
    return directory
