"""Power cuts between any two system calls: a recorded run, rebuilt as a cut may leave it."""

import os
import random
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from simulators import preload
from tests.power import found
from tests.power.cuts import Left, losing, losses
from tests.power.disk import Disk
from tests.power.disk_log import Kind, Told, read

ROOT = Path(__file__).parents[2]
CUTS = 1_000
CUTS_OF_CONTROL = 200
WORKS = 600
SECTOR = 512


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the library that logs what a process tells its disk."""
    if lack := preload.lacks():
        pytest.skip(f"needs {lack}")
    return preload.build(Path(__file__).with_name("disk_log.c"), tmp_path_factory.mktemp("library"))


def record(library: Path, directory: Path, *options: str) -> list[Told]:
    """Run the writer in `directory`; return what it told the disk."""
    directory.mkdir()
    said, log = directory / "said", directory.with_suffix(".log")
    said.touch()
    command = [sys.executable, "-m", "tests.power.writer"]
    arguments = [str(directory / "milepost.db"), str(said), str(WORKS), *options]
    logging = {
        "LD_PRELOAD": str(library),
        "DISK_LOG": str(log),
        "DISK_LOG_DIRECTORY": str(directory),
    }
    subprocess.run([*command, *arguments], check=True, cwd=ROOT, env={**os.environ, **logging})
    # SQLite's -shm file is no part of it: it is made anew from the -wal file after a cut.
    told = [each for each in read(log) if not each.path.endswith("-shm")]
    _assert_whole_story(told, directory)
    return told


def _assert_whole_story(told: list[Told], directory: Path) -> None:
    """Without a cut, the log must lead to the very files that are there."""
    disk = Disk({str(directory / "said"): b""}, SECTOR)
    for each in told:
        disk.tell(each)
    files = [file for file in directory.iterdir() if not file.name.endswith("-shm")]
    assert disk.content() == {str(file): file.read_bytes() for file in files}


def lose(told: list[Told], number: int, directory: Path, draw: random.Random) -> list[set[int]]:
    """Cut the power so many times; return the losses, looking at what is left in `directory`."""

    def works(left: Left) -> set[int]:
        with TemporaryDirectory(dir=directory) as name:
            for path, content in left.items():
                Path(name, Path(path).name).write_bytes(content)
            if draw.random() < 0.5:
                Path(name, "milepost.db-shm").write_bytes(draw.randbytes(32_768))
            return found.works(Path(name, "milepost.db"))

    return losses(told, Disk({}, SECTOR), number, draw, works)


def test_a_thousand_power_cuts_lose_no_acknowledged_work_and_leave_none_in_part(
    library: Path, tmp_path: Path, memory: Path, draw: random.Random
) -> None:
    told = record(library, tmp_path / "full")
    deleted = [Path(each.path).name for each in told if each.kind is Kind.DELETE]
    assert "milepost.db-wal" in deleted, "the run shows no clean stop"
    lost = lose(told, CUTS, memory, draw)
    assert len(lost) == CUTS
    assert losing(lost) == 0


def test_the_same_cuts_lose_acknowledged_work_without_full_sync(
    library: Path, tmp_path: Path, memory: Path, draw: random.Random
) -> None:
    """The control: without it the proof above could be blind."""
    told = record(library, tmp_path / "normal", "--normal")
    lost = lose(told, CUTS_OF_CONTROL, memory, draw)
    assert losing(lost) > CUTS_OF_CONTROL / 10
