"""A daemon that is not reached: why, and what its store says instead."""

import os
from errno import EACCES
from pathlib import Path
from socket import AF_UNIX, socket

import pytest

from buffer.opening import lock
from edge.control import client
from edge.exits import Exit
from tests.unit.edge.cli.conftest import Command


def test_health_of_a_daemon_that_hangs_does_not_say_that_it_is_not_running(
    milepost: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 0.1)
    monkeypatch.chdir(tmp_path)  # a short path for the socket
    with socket(AF_UNIX) as hangs:
        hangs.bind("control.sock")
        hangs.listen()
        done = milepost("health")
        assert done.exit_code == 2
        assert "milepost: does not answer within 0.1 s; last sign of life" in done.stdout
        (tmp_path / "milepost.db").unlink()
        done = milepost("health")
    assert done.stderr.startswith(f"failing  the daemon at {tmp_path}/control.sock does not answer")


def test_who_may_not_ask_the_daemon_hears_that_and_not_of_its_store(
    milepost: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: client._Connection) -> None:
        raise PermissionError(EACCES, os.strerror(EACCES))

    monkeypatch.setattr(client._Connection, "connect", refuse)
    said = (
        f"may not ask the daemon at {tmp_path}/control.sock (Permission denied): "
        "use sudo, or join the group milepost\n"
    )
    for arguments in (("outbox",), ("outbox", "retry", "2")):
        done = milepost(*arguments)
        assert (done.exit_code, done.stderr) == (Exit.STORE_REFUSED, said)
    assert milepost("health").stderr == f"failing  {said}"


def test_a_store_in_use_is_not_said_to_be_stopped_first(milepost: Command, tmp_path: Path) -> None:
    """It would stop the gateway of the site, where its socket is only another one."""
    descriptor = lock(tmp_path / "milepost.db")
    done = milepost("outbox", "retry", "2")
    os.close(descriptor)
    assert (done.exit_code, done.stdout) == (Exit.STORE_REFUSED, "")
    assert done.stderr == (
        f"the daemon does not answer at {tmp_path}/control.sock (No such file or directory); "
        f"{tmp_path}/milepost.db: another process uses this store: a daemon with another "
        "[control] socket, or a command that is still at work\n"
    )


@pytest.mark.parametrize("arguments", [("outbox",), ("outbox", "retry", "2")])
def test_a_store_that_fails_is_told_after_why_it_was_asked(
    milepost: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "milepost.db").unlink()
    done = milepost(*arguments)
    assert done.exit_code == Exit.STORE_REFUSED
    assert done.stderr.startswith(f"the daemon does not answer at {tmp_path}/control.sock (No such")
    assert f"; {tmp_path}/milepost.db: " in done.stderr
