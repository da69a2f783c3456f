"""Promise 1 at the store: what was acknowledged is there, however the writer ends."""

import random
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from buffer.failures import StoreRefused
from buffer.opening import open_for_writing
from buffer.store import Store

SEED = 20261122
ROUNDS = 6


def writer(path: Path, *arguments: int) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.fault.store_writer", str(path), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def stored(path: Path) -> list[int]:
    with closing(open_for_writing(path)) as connection:
        return [seq for (seq,) in connection.execute("SELECT seq FROM journal ORDER BY seq")]


def test_what_was_acknowledged_survives_kills_at_any_moment(tmp_path: Path) -> None:
    draw = random.Random(SEED)
    path = tmp_path / "milepost.db"
    acknowledged = set[int]()
    written = list[int]()
    for _ in range(ROUNDS):
        with writer(path, len(written) + 1) as process:
            assert process.stdout is not None
            for _ in range(draw.randrange(1, 400)):
                acknowledged.add(int(process.stdout.readline()))
            with pytest.raises(StoreRefused, match="another milepost is using this store"):
                Store.open(path)
            process.kill()
            # What it said between the last line read and its end was acknowledged, too.
            acknowledged.update(int(line) for line in process.stdout if line.endswith(b"\n"))
        written = stored(path)
        assert acknowledged <= set(written)
        assert written == list(range(1, len(written) + 1))  # and nothing out of order
    assert len(acknowledged) > ROUNDS


def test_a_disk_that_stops_taking_writes_fails_the_store_and_loses_nothing_acknowledged(
    tmp_path: Path,
) -> None:
    path = tmp_path / "milepost.db"
    with writer(path, 1, 400_000) as process:
        assert process.stdout is not None
        *lines, last = process.stdout.read().decode().splitlines()
        assert process.wait() == 4
    assert "milepost.db: disk I/O error (SQLITE_IOERR_WRITE)" in last
    acknowledged = [int(line) for line in lines]
    assert len(acknowledged) > 10
    written = stored(path)
    assert set(acknowledged) <= set(written)
    assert written == list(range(1, len(written) + 1))
