"""Room on the volume that is kept for work that makes room: settling, pruning, deciding."""

import errno
import os
from pathlib import Path
from tempfile import TemporaryFile

from buffer.owner import open_for_owner

SIZE = 64 * 1024 * 1024
"""Enough to move a -wal file of the usual size into the store, and for upkeep after that."""
SHARE_OF_BUDGET = 16
"""The reserve of a small store is this part of its budget."""

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


def reserve_of(path: Path) -> Path:
    """Return the file that keeps room for the store at `path`."""
    return path.with_name(f"{path.name}.reserve")


def free_on_volume(path: Path) -> int:
    """Return how many bytes the volume of `path` has left for us."""
    volume = os.statvfs(path.parent)
    return volume.f_bavail * volume.f_frsize


def lacks_room(path: Path, size: int) -> bool:
    """Tell whether nothing of that size can be kept beside the store: no room, or a spent quota."""
    try:
        with TemporaryFile(dir=path.parent) as file:
            os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        return error.errno in _NO_ROOM
    return False


class Reserve:
    """A file that is given up when the volume is full, and made again when it has room."""

    def __init__(self, path: Path, budget: int) -> None:
        self._store = path
        self._file = reserve_of(path)
        self.size = min(SIZE, budget // SHARE_OF_BUDGET)
        self._is_possible = True

    def is_held(self) -> bool:
        """Tell whether the room is kept."""
        return self._file.exists()

    def give_up(self) -> bool:
        """Free the room; False if it was not kept."""
        try:
            self._file.unlink()
        except FileNotFoundError:
            return False
        return True

    def make(self) -> bool:
        """Keep the room if the volume has twice as much, so that some is left; tell whether it is.

        Where room cannot be set apart at all (a limit on file sizes, some network file
        systems) nothing is kept, and the answer is True: there is nothing to wait for.
        """
        if self._kept() >= self.size or not self._is_possible:
            return True
        if free_on_volume(self._store) < 2 * self.size:
            return False
        return self._keep(self.size)

    def make_of_the_rest(self) -> None:
        """Keep what room there is, if none is kept: for the next start, when nothing else runs."""
        if not self.is_held():
            self._keep(min(self.size, free_on_volume(self._store)))

    def _kept(self) -> int:
        try:
            return self._file.stat().st_size
        except FileNotFoundError:
            return 0

    def _keep(self, size: int) -> bool:
        try:
            descriptor = open_for_owner(self._file)
            try:
                os.posix_fallocate(descriptor, 0, max(1, size))
            finally:
                os.close(descriptor)
        except OSError as error:
            self._file.unlink(missing_ok=True)
            self._is_possible = error.errno in _NO_ROOM
            return not self._is_possible
        return True
