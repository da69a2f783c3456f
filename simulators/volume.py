"""File systems in a file, which root mounts through a loop device."""

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHUT_DOWN = 0x8004587D
"""FS_IOC_SHUTDOWN, as ext4, xfs and f2fs have it."""
WITHOUT_FLUSHING_ITS_LOG = 2

BLOCK = 1024
"""Of the file systems made here, in bytes: ext4 counts on the disk to write a block whole."""


def lacks() -> str | None:
    """Return what this machine lacks to mount file systems, None if nothing."""
    if os.geteuid() != 0:
        return "root, who alone may mount file systems"
    if not Path("/dev/loop-control").exists():
        return "loop devices (/dev/loop-control)"
    if shutil.which("mkfs.ext4") is None:
        return "mkfs.ext4; on Debian: apt-get install e2fsprogs"
    return None


def make_ext4(image: Path, size: int) -> None:
    """Make an empty ext4 file system of so many bytes, with nothing left to do in it later."""
    with image.open("wb") as file:
        file.truncate(size)
    lazy = "lazy_itable_init=0,lazy_journal_init=0"
    options = ["-q", "-F", "-b", str(BLOCK), "-E", lazy]
    subprocess.run(["mkfs.ext4", *options, image], check=True)  # noqa: S603, S607 - our own arguments


def mount(image: Path, mountpoint: Path) -> None:
    """Mount the file system in `image`. Its loop device goes when it is unmounted."""
    subprocess.run(["mount", "-o", "loop", image, mountpoint], check=True)  # noqa: S603, S607 - our own arguments


def unmount(mountpoint: Path) -> None:
    """Unmount what is mounted there; nobody may use it any more."""
    subprocess.run(["umount", mountpoint], check=True)  # noqa: S603, S607 - our own arguments


@contextmanager
def mounted(image: Path, mountpoint: Path) -> Iterator[None]:
    """Have the file system mounted for the duration of a with block."""
    mount(image, mountpoint)
    try:
        yield
    finally:
        unmount(mountpoint)


def cut(mountpoint: Path) -> None:
    """Cut the power of a mounted file system: what it has not synced is lost, all I/O fails."""
    descriptor = os.open(mountpoint, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.ioctl(descriptor, SHUT_DOWN, struct.pack("I", WITHOUT_FLUSHING_ITS_LOG))
    finally:
        os.close(descriptor)
