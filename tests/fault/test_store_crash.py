"""Promise 1 at the store: what was acknowledged is there, however the writer ends."""

import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from buffer.failures import StoreRefused
from buffer.opening import open_for_writing
from buffer.store import Store
from buffer.suspicion import suspicion
from simulators import preload

SEED = 20261122
ROUNDS = 6


def writer(path: Path, *arguments: object, **environment: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.fault.store_writer", str(path), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, **environment})


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
    with writer(path, 1, "--limit", 600_000) as process:
        assert process.stdout is not None
        *lines, last = process.stdout.read().decode().splitlines()
        assert process.wait() == 4
    assert "milepost.db: disk I/O error (SQLITE_IOERR_WRITE)" in last
    acknowledged = [int(line) for line in lines]
    assert len(acknowledged) > 10
    written = stored(path)
    assert set(acknowledged) <= set(written)
    assert written == list(range(1, len(written) + 1))


@pytest.fixture(scope="module")
def failing_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a library that fails one call on a store's files, for LD_PRELOAD."""
    if lack := preload.lacks():
        pytest.skip(f"needs {lack}")
    return preload.build(
        Path(__file__).with_name("failing_disk.c"), tmp_path_factory.mktemp("failing")
    )


@pytest.mark.parametrize("number", [1, 2, 50, 111])
@pytest.mark.parametrize("call", ["fdatasync", "pwrite"])
def test_after_the_first_error_of_the_disk_nothing_is_acknowledged_and_all_of_it_is_checked(
    tmp_path: Path, failing_disk: Path, call: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "milepost.db"
    open_for_writing(path).close()
    with writer(
        path,
        *(1, "--tasks", 1),
        LD_PRELOAD=str(failing_disk),
        FAILING_CALL=call,
        FAILING_FILE="milepost.db-wal",
        FAILING_NUMBER=str(number),
    ) as process:
        assert process.stdout is not None
        *lines, failed, last = process.stdout.read().decode().splitlines()
        assert process.wait() == 4
    assert failed == "FAILED"
    assert "disk I/O error (SQLITE_IOERR_" in last
    acknowledged = [int(line) for line in lines]
    assert "disk I/O error" in suspicion(path).read_text()
    checks = list[str]()
    monkeypatch.setattr(sqlite3, "connect", _traced(checks))
    written = stored(path)
    assert "PRAGMA integrity_check(1)" in checks
    assert not suspicion(path).exists()
    assert written[: len(acknowledged)] == acknowledged
    assert len(written) <= len(acknowledged) + 1  # what failed may be there; nobody was told so


def _traced(statements: list[str]) -> Any:
    real = sqlite3.connect

    def connect(*arguments: Any, **keywords: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = real(*arguments, **keywords)
        connection.set_trace_callback(statements.append)
        return connection

    return connect


@pytest.mark.parametrize("call", ["fdatasync", "pwrite"])
def test_a_write_into_the_store_that_fails_loses_nothing_that_the_wal_file_has(
    tmp_path: Path, failing_disk: Path, call: str
) -> None:
    path = tmp_path / "milepost.db"
    open_for_writing(path).close()
    with writer(
        path,
        *(1, "--max-size", 4_000_000),
        LD_PRELOAD=str(failing_disk),
        FAILING_CALL=call,
        FAILING_FILE="milepost.db",
        FAILING_NUMBER="3" if call == "pwrite" else "1",
    ) as process:
        assert process.stdout is not None
        acknowledged = set[int]()
        has_failed = False
        for line in process.stdout:
            if line == b"FAILED\n":
                has_failed = True
                break
            acknowledged.add(int(line))
        acknowledged.update(int(process.stdout.readline()) for _ in range(50))
        process.kill()
        acknowledged.update(int(line) for line in process.stdout if line.endswith(b"\n"))
    assert has_failed
    assert acknowledged <= set(stored(path))
