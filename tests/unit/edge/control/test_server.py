"""The control socket: who asks is what the kernel says, and what is not understood is said so."""

import asyncio
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from socket import AF_UNIX
from socket import socket as Socket  # noqa: N812 - beside the fixture

import pytest

from buffer.reader import Reader
from buffer.store import Store
from edge.control import client
from edge.control.client import Control, NoAnswer, NotAllowed, NotRunning, Refused, Silent
from edge.control.decisions import Decisions
from edge.control.health import Report
from edge.control.messages import AuditPage, Decide, DiscardSignals
from edge.control.operations import AUDITED, DECIDE, DISCARD_SIGNALS, QUESTIONS
from edge.control.questions import Questions
from edge.control.server import Operations, serve
from edge.control.who import account
from tests.unit.edge.control.test_decisions import Told, decisions_of, judge, take
from tests.unit.edge.site import said

ASK = """
import http.client, json, os, socket, sys
os.setuid(int(sys.argv[3]))
connection = http.client.HTTPConnection("milepost")
connection.sock = socket.socket(socket.AF_UNIX)
connection.sock.connect(sys.argv[1])
body = json.dumps({"numbers": [int(sys.argv[2])], "reason": "why"})
connection.request("POST", "/quarantine/discard", body, {"Milepost-Sudo-User": "eve"})
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""
"""Becomes the account before it connects."""


@pytest.fixture
def directory() -> Iterator[Path]:
    """Make a directory that every account may enter."""
    made = Path(tempfile.mkdtemp(prefix="milepost-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def decisions(store: Store) -> Decisions:
    return decisions_of(store, Told(), judge())


@pytest.fixture
async def socket(directory: Path, reader: Reader, decisions: Decisions) -> AsyncIterator[Path]:
    """Serve on a socket, as the daemon does."""

    async def health() -> Report:
        raise AssertionError("nobody asks for it here")

    path, ready = directory / "control.sock", asyncio.Event()
    operations = Operations(health, Questions(reader), decisions)
    task = asyncio.create_task(serve(operations, path, ready))
    await ready.wait()
    yield path
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def ask_as(uid: int, socket: Path, number: int) -> str:
    """Discard a signal as that account; return the answer."""

    def ask() -> str:
        command = [sys.executable, "-I", "-c", ASK, str(socket), str(number), str(uid)]
        ran = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
        return ran.stdout

    return await asyncio.to_thread(ask)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root, to be somebody else")
@pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])
async def test_an_act_is_recorded_with_the_account_that_the_kernel_names(
    socket: Path, store: Store, reader: Reader
) -> None:
    await take(store, [said("scan", f"U{n}") for n in range(3)], judge(unit="tote"))
    nobody = pwd.getpwnam("nobody").pw_uid
    for number, uid in enumerate((nobody, 0, 54_321), 1):
        answer = await ask_as(uid, socket, number)
        assert answer.startswith("200"), answer
    rows = (await Questions(reader).audited(AuditPage())).rows
    # Who has become root is told by root; what others say of themselves is not believed.
    assert [row.who for row in rows] == ["nobody", "root (sudo: eve)", "uid 54321"]


async def test_what_cannot_be_done_is_refused_in_words_and_what_is_not_understood_too(
    socket: Path, store: Store
) -> None:
    control = Control(socket)
    with pytest.raises(Refused, match="a reason is needed"):
        await asyncio.to_thread(control.ask, DECIDE, Decide(act="discard", numbers=(1,)))
    blank = DiscardSignals.model_construct(numbers=(1,), reason=" ")
    with pytest.raises(Refused, match="not understood"):
        await asyncio.to_thread(control.ask, DISCARD_SIGNALS, blank)
    elsewhere = replace(AUDITED, path="/from-another-version")
    with pytest.raises(Refused, match="another version"):
        await asyncio.to_thread(control.ask, elsewhere, AuditPage())
    assert store.commits == 0


def test_nobody_listening_is_told_from_somebody_who_does_not_answer(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = directory / "control.sock"
    where = f"the daemon does not answer at {path}"
    with pytest.raises(NotRunning, match=where):
        Control(path).ask(AUDITED, AuditPage())
    with pytest.raises(NotRunning, match=where) as nobody:
        Control(path).health()
    assert not isinstance(nobody.value, Silent)
    monkeypatch.setattr(client, "TIMEOUT_SECONDS", 0.1)
    with Socket(AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        with pytest.raises(Silent) as hangs:
            Control(path).health()
        assert hangs.value.how == "does not answer within 0.1 s"
        with pytest.raises(NoAnswer) as unanswered:
            Control(path).ask(replace(AUDITED, seconds=0.1), AuditPage())
        assert str(unanswered.value) == (
            f"the daemon at {path} does not answer within 0.1 s; see `systemctl status milepost`"
        )
        discard = DiscardSignals(numbers=(1,), reason="why")
        with pytest.raises(NoAnswer, match=r"0\.1 s; it may have been done: look before"):
            Control(path).ask(replace(DISCARD_SIGNALS, seconds=0.1), discard)


def test_an_operator_who_looks_at_a_daemon_that_hangs_is_not_kept_waiting() -> None:
    assert all(question.seconds <= 15 for question in QUESTIONS)


@pytest.mark.parametrize("is_asked_for_health", [True, False])
def test_an_account_that_may_not_use_the_socket_is_told_so(
    directory: Path, *, is_asked_for_health: bool
) -> None:
    path, own = directory / "control.sock", os.geteuid()
    control = Control(path)
    with Socket(AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        path.chmod(0)
        if own == 0:
            os.seteuid(pwd.getpwnam("nobody").pw_uid)  # root may use any
        try:
            with pytest.raises(NotAllowed, match="use sudo, or join the group milepost") as refused:
                control.health() if is_asked_for_health else control.ask(AUDITED, AuditPage())
        finally:
            os.seteuid(own)
    assert str(refused.value).startswith(f"may not ask the daemon at {path} (Permission denied)")


async def test_a_daemon_that_fails_to_answer_is_not_taken_to_be_stopped(socket: Path) -> None:
    with pytest.raises(Silent, match=r"failed to answer \(500\): `journalctl -u milepost`"):
        await asyncio.to_thread(Control(socket).health)


def test_only_root_is_believed_who_it_was() -> None:
    assert account(0, "anna") == "root (sudo: anna)"
    assert account(0, None) == "root"
    assert account(pwd.getpwnam("nobody").pw_uid, "anna") == "nobody"
