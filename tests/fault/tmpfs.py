"""A volume of a few megabytes that a test fills to the last byte."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Volume:
    """A tmpfs, and a file of somebody else's that takes what room there is."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "somebody-elses"

    @property
    def free(self) -> int:
        volume = os.statvfs(self.path)
        return volume.f_bavail * volume.f_frsize

    def fill(self) -> None:
        """Leave not a byte."""
        with self._filler.open("ab", buffering=0) as file:
            while self.free:
                file.write(bytes(self.free))

    def release(self) -> None:
        """Give back all that was taken."""
        self._filler.unlink()


@contextmanager
def mounted(path: Path, megabytes: int) -> Iterator[Volume]:
    """Mount a volume of that size; skips the test where that is not allowed."""
    path.mkdir()
    options = f"size={megabytes}m,mode=700"
    command = ["mount", "-t", "tmpfs", "-o", options, "milepost-test", str(path)]
    mount = subprocess.run(command, capture_output=True, text=True, check=False)
    if mount.returncode:
        pytest.skip(f"a disk can be filled by root only: {mount.stderr.strip()}")
    try:
        yield Volume(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
