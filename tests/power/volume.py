"""File systems in a file, which root mounts through a loop device."""

import fcntl
import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SHUT_DOWN = 0x8004587D
"""FS_IOC_SHUTDOWN, as ext4, xfs and f2fs have it."""
WITHOUT_FLUSHING_ITS_LOG = 2

BLOCK = 1024
"""Of the file systems made here, in bytes: ext4 counts on the disk to write a block whole."""


def require_loop_devices() -> None:
    """Skip the test, visibly, where file systems cannot be mounted."""
    if os.geteuid() != 0:
        pytest.skip("mounting file systems takes root")
    if not Path("/dev/loop-control").exists():
        pytest.skip("no loop devices here (/dev/loop-control)")


def make_ext4(image: Path, size: int) -> None:
    """Make an empty ext4 file system of so many bytes, with nothing left to do in it later."""
    with image.open("wb") as file:
        file.truncate(size)
    lazy = "lazy_itable_init=0,lazy_journal_init=0"
    options = ["-q", "-F", "-b", str(BLOCK), "-E", lazy]
    subprocess.run(["mkfs.ext4", *options, image], check=True)


def mount(image: Path, mountpoint: Path) -> None:
    """Mount the file system in `image`. Its loop device goes when it is unmounted."""
    subprocess.run(["mount", "-o", "loop", image, mountpoint], check=True)


def unmount(mountpoint: Path) -> None:
    """Unmount what is mounted there; nobody may use it any more."""
    subprocess.run(["umount", mountpoint], check=True)


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
