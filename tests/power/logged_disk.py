"""A disk that logs what it is told: `python -m tests.power.logged_disk MOUNTPOINT IMAGE LOG`.

Mounts a directory with two files, until it is unmounted or this process ends. `disk` begins
with the content of IMAGE; whatever is above it, such as a loop device, is logged, and kept
in memory only. `said` is for acknowledgements: they stand in the same log, in order.
"""

# ruff: noqa: ARG002 - the methods are called with what FUSE has for them
import stat
import sys
from errno import ENOENT
from pathlib import Path
from typing import Any

from mfusepy import FUSE, FuseOSError, Operations  # type: ignore[import-untyped]

from tests.power.disk_log import Kind, Told, encode


class LoggedDisk(Operations):  # type: ignore[misc]
    """What FUSE asks of the two files. Paths begin with a slash."""

    use_ns = True
    """Times are in nanoseconds (mfusepy asks for the word)."""

    def __init__(self, image: bytes, log: Path) -> None:
        self._files = {"/disk": bytearray(image), "/said": bytearray()}
        self._log = log.open("wb", buffering=0)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o700, "st_nlink": 2}
        if path not in self._files:
            raise FuseOSError(ENOENT)
        return {
            "st_mode": stat.S_IFREG | 0o600,
            "st_nlink": 1,
            "st_size": len(self._files[path]),
        }

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *(name.removeprefix("/") for name in self._files)]

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes(self._files[path][offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        self._files[path][offset : offset + len(data)] = data
        self._log.write(encode(Told(Kind.WRITE, path, offset, bytes(data))))
        return len(data)

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self._log.write(encode(Told(Kind.SYNC, path)))
        return 0


if __name__ == "__main__":
    mountpoint, image, log = sys.argv[1:]
    operations = LoggedDisk(Path(image).read_bytes(), Path(log))
    FUSE(operations, mountpoint, foreground=True, nothreads=True)
