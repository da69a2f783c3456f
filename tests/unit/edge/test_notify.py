"""edge.notify, heard by a real datagram socket where systemd would listen."""

import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import notify

ALL = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}


@pytest.fixture(autouse=True)
def _outside_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ALL:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=["path", "abstract"])
def systemd(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    address = str(tmp_path / "notify") if request.param == "path" else f"@{uuid.uuid4()}"
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address.replace("@", "\0", 1) if address.startswith("@") else address)
        listening.settimeout(5)
        yield listening


def test_systemd_hears_each_word_as_its_protocol_has_it(systemd: socket.socket) -> None:
    notify.ready()
    notify.status("3 sources up")
    notify.watchdog()
    notify.stopping()
    heard = [systemd.recv(4096) for _ in range(4)]
    assert heard == [b"READY=1", b"STATUS=3 sources up", b"WATCHDOG=1", b"STOPPING=1"]


def test_a_line_end_in_a_status_says_nothing_else(systemd: socket.socket) -> None:
    notify.status("erp: down\nSTOPPING=1\r\nsince 10:00")
    assert systemd.recv(4096) == b"STATUS=erp: down STOPPING=1 since 10:00"


def test_outside_systemd_nothing_is_said_and_nothing_is_watched() -> None:
    notify.ready()
    notify.status("alone")
    notify.watchdog()
    notify.stopping()
    assert notify.watchdog_seconds() is None


def test_a_systemd_that_cannot_be_reached_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody-listens"))
    with pytest.raises(FileNotFoundError):
        notify.ready()


def test_the_watchdog_interval_is_told_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    assert notify.watchdog_seconds() == 30.0
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    assert notify.watchdog_seconds() == 30.0


def test_a_child_that_inherits_the_variables_is_not_watched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    child = "from edge import notify; print(notify.watchdog_seconds())"
    told = subprocess.run([sys.executable, "-c", child], check=True, capture_output=True, text=True)
    assert told.stdout == "None\n"
