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
from edge.control.client import Control, NoAnswer, NotRunning, Refused
from edge.control.decisions import Decisions
from edge.control.health import Report
from edge.control.messages import AuditPage, Decide, DiscardSignals
from edge.control.operations import AUDITED, DECIDE, DISCARD_SIGNALS
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


def test_nobody_listening_is_told_from_somebody_who_does_not_answer(directory: Path) -> None:
    path = directory / "control.sock"
    with pytest.raises(NotRunning):
        Control(path).ask(AUDITED, AuditPage())
    impatient = replace(AUDITED, seconds=0.1)
    with Socket(AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        with pytest.raises(NoAnswer, match="may have been done"):
            Control(path).ask(impatient, AuditPage())


def test_only_root_is_believed_who_it_was() -> None:
    assert account(0, "anna") == "root (sudo: anna)"
    assert account(0, None) == "root"
    assert account(pwd.getpwnam("nobody").pw_uid, "anna") == "nobody"
