"""Power cuts of a block device under ext4: writes since its last flush are torn and reordered."""

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simulators import volume
from tests.power import found
from tests.power.conftest import require_loop_devices
from tests.power.cuts import Left, losing, losses
from tests.power.disk import Disk
from tests.power.disk_log import Told, read

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SIZE = 16 * 1024 * 1024
CUTS = 300
CUTS_OF_CONTROL = 60
WORKS = 600
WAIT_SECONDS = 20.0


@pytest.fixture(autouse=True)
def _needed() -> None:
    require_loop_devices()
    if not Path("/dev/fuse").exists():
        pytest.skip("no FUSE here (/dev/fuse)")


@contextmanager
def logged_disk(directory: Path, image: Path, log: Path) -> Iterator[None]:
    """Have a disk mounted in `directory` that begins as `image` and logs what it is told."""
    directory.mkdir()
    command = [sys.executable, "-m", "tests.power.logged_disk"]
    process = subprocess.Popen([*command, directory, image, log], cwd=ROOT)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not (directory / "disk").exists():
            assert process.poll() is None, "the logged disk has ended by itself"
            assert time.monotonic() < deadline, "the logged disk is not mounted"
            time.sleep(0.01)
        try:
            yield
        finally:
            volume.unmount(directory)
        process.wait(WAIT_SECONDS)
    finally:
        process.kill()
        process.wait()


def record(directory: Path, *options: str) -> tuple[bytes, list[Told]]:
    """Run the writer; return the image that the disk began with, and what the disk was told."""
    image, log, disk = directory / "image", directory / "log", directory / "disk"
    mountpoint = directory / "mounted"
    mountpoint.mkdir()
    volume.make_ext4(image, SIZE)
    with logged_disk(disk, image, log), volume.mounted(disk / "disk", mountpoint):
        command = [sys.executable, "-m", "tests.power.writer"]
        files = [mountpoint / "milepost.db", disk / "said"]
        subprocess.run([*command, *files, str(WORKS), *options], check=True, cwd=ROOT)
    return image.read_bytes(), list(read(log))


def lose(
    directory: Path, memory: Path, number: int, draw: random.Random, *options: str
) -> list[set[int]]:
    """Record a run, cut the power so many times; return the losses."""
    began_with, told = record(directory, *options)
    image, mountpoint = memory / "image", memory / "mounted"
    mountpoint.mkdir()

    def works(left: Left) -> set[int]:
        image.write_bytes(left["/disk"])
        with volume.mounted(image, mountpoint):
            return found.works(mountpoint / "milepost.db")

    return losses(told, Disk({"/disk": began_with}, volume.BLOCK), number, draw, works)


def test_torn_and_reordered_blocks_lose_no_acknowledged_work(
    tmp_path: Path, memory: Path, draw: random.Random
) -> None:
    lost = lose(tmp_path, memory, CUTS, draw)
    assert len(lost) == CUTS
    assert losing(lost) == 0


def test_torn_and_reordered_blocks_lose_acknowledged_work_without_full_sync(
    tmp_path: Path, memory: Path, draw: random.Random
) -> None:
    """The control: without it the proof above could be blind."""
    lost = lose(tmp_path, memory, CUTS_OF_CONTROL, draw, "--normal")
    assert losing(lost) > CUTS_OF_CONTROL / 10
