"""Connections that fail: the link goes down in time, in words that help."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from drivers.contract import Batch, LinkDown
from drivers.opcua import source as opcua_source
from drivers.opcua.connection import Connection
from simulators.ports import free_port
from tests.fault.opcua_gateway import Recorder, Wire, listed, running, settings_of
from tests.fault.opcua_plc import PASSWORD, Identity, Plc, later

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plcs_identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return await Identity.make(tmp_path_factory.mktemp("plc"), "plc", "urn:plc")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plc(plcs_identity: Identity) -> AsyncIterator[Plc]:
    plc = Plc()
    await plc.start(plcs_identity)
    yield plc
    await plc.stop()


@contextlib.asynccontextmanager
async def answering(reply: bytes) -> AsyncIterator[str]:
    """Run a server that answers whatever it hears with the same bytes; yield its endpoint."""
    done = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while not done.is_set() and await reader.read(65536):
                writer.write(reply)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"opc.tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        done.set()
        server.close()


async def link_down(endpoint: str) -> str:
    """Run a source against the endpoint and return why its link is down."""
    settings = settings_of(endpoint, variables=listed("any"), timeout_seconds=0.5)
    before = asyncio.all_tasks()
    async with asyncio.timeout(10), running(settings, Recorder()) as source:
        with pytest.raises(LinkDown) as down:
            await source.task
    assert source.link.reason == str(down.value)
    ours = [task for task in asyncio.all_tasks() - before if "drivers" in repr(task)]
    assert ours == []
    return source.link.reason


async def test_a_refused_connection_asks_whether_the_plc_runs() -> None:
    assert "is its OPC UA server running" in await link_down(f"opc.tcp://127.0.0.1:{free_port()}")


async def test_an_unknown_host_is_named() -> None:
    assert "is not known" in await link_down("opc.tcp://no-such-plc.invalid:4840")


async def test_a_host_that_accepts_and_says_nothing_takes_the_link_down_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        assert "does not answer within 0.5 s" in await link_down(f"opc.tcp://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"ERRF\x10\x00\x00\x00\x00\x00\x7f\x80\xff\xff\xff\xff",
        b"ACKF\x08\x00\x00\x00",
        bytes(range(256)) * 64,
        b"ACKF\xff\xff\xff\xff",
    ],
    ids=["http", "error", "empty-acknowledge", "bytes", "endless"],
)
async def test_a_server_that_speaks_something_else_takes_the_link_down(reply: bytes) -> None:
    async with answering(reply) as endpoint:
        assert endpoint in await link_down(endpoint)


async def test_an_intake_that_fails_is_not_taken_for_a_lost_link(plc: Plc) -> None:
    class Full(Recorder):
        async def commit(self, batch: Batch) -> None:
            assert batch.signals
            raise OSError("the disk is gone")

    name = await plc.variable(1)
    async with running(settings_of(plc.endpoint, variables=listed(name)), Full()) as source:
        with pytest.raises(OSError, match="the disk is gone"):
            await source.task
        assert not source.link.is_up


async def test_a_link_that_breaks_while_it_is_stopped_does_not_hide_the_stop(
    plc: Plc, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def break_when_stopped(_: Connection) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        raise LinkDown("broken")

    monkeypatch.setattr(Connection, "keep", break_when_stopped)
    monkeypatch.setattr(opcua_source, "_KEEP_SECONDS", 0.0)
    name = await plc.variable(1)
    async with running(settings_of(plc.endpoint, variables=listed(name)), Recorder()) as source:
        await source.until(lambda: source.link.is_up)
        await source.stop()
        assert source.task.cancelled()
        assert source.link.reason == "stopped"


async def test_a_plc_that_falls_silent_takes_the_link_down_and_is_found_again(plc: Plc) -> None:
    name = await plc.variable(1)
    ring = await plc.ring(slots=8)
    intake = Recorder()
    async with Wire(plc.port) as wire:
        settings = settings_of(
            wire.endpoint, variables=listed(name), record_buffers=[ring.settings]
        )
        async with running(settings, intake) as source:
            await source.until(lambda: source.link.heard_until is not None)
            wire.silence()
            heard = source.link.heard_until
            await ring.write(3)
            with pytest.raises(LinkDown, match="does not answer"):
                await source.task
            assert source.link.heard_until == heard
    settings = settings_of(plc.endpoint, variables=listed(name), record_buffers=[ring.settings])
    async with running(settings, intake) as source:
        await source.until(lambda: source.link.heard_until is not None)
    assert intake.numbers(ring.name) == [1, 2, 3]
    assert intake.payloads(name) == [b"1"]


async def encrypted(plcs_identity: Identity, folder: Path) -> dict[str, object]:
    """Return settings of an encrypted session for a user that the PLC knows."""
    ours = await Identity.make(folder, "gateway", "urn:milepost:gateway")
    (folder / "password").write_text(PASSWORD + "\n")
    return {
        "security_policy": "Basic256Sha256",
        "certificate": ours.certificate,
        "private_key": ours.private_key,
        "server_certificate": plcs_identity.certificate,
        "username": "milepost",
        "password_file": folder / "password",
    }


async def test_an_encrypted_session_knows_the_plc_and_the_plc_knows_the_user(
    plc: Plc, plcs_identity: Identity, tmp_path: Path
) -> None:
    name = await plc.variable(1)
    secure = {"variables": listed(name), **await encrypted(plcs_identity, tmp_path)}
    intake = Recorder()
    async with running(settings_of(plc.endpoint, **secure), intake) as source:
        await source.until(lambda: intake.payloads(name) == [b"1"])

    other = await Identity.make(tmp_path, "other", "urn:plc")
    not_it = {**secure, "server_certificate": other.certificate}
    async with running(settings_of(plc.endpoint, **not_it), Recorder()) as source:
        with pytest.raises(LinkDown, match="is server_certificate its certificate"):
            await source.task

    (tmp_path / "password").write_text("wrong")
    async with running(settings_of(plc.endpoint, **secure), Recorder()) as source:
        with pytest.raises(LinkDown, match="refuses the user name or password"):
            await source.task


async def test_a_renewed_secure_channel_goes_on_where_it_was(
    plc: Plc, plcs_identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewals = 0

    def renew_at_once(connection: Connection) -> None:
        nonlocal renewals
        renewals += 1
        connection._renew_at = 0.0

    def renewed(count: int) -> bool:
        return renewals >= count

    def says(last: bytes) -> bool:
        return intake.payloads(name)[-1:] == [last]

    monkeypatch.setattr(Connection, "_plan_renewal", renew_at_once)
    monkeypatch.setattr(opcua_source, "_KEEP_SECONDS", 0.02)
    name = await plc.variable(0)
    secure = {"variables": listed(name), **await encrypted(plcs_identity, tmp_path)}
    intake = Recorder()
    async with running(settings_of(plc.endpoint, **secure), intake) as source:
        for wanted in (4, 8, 12):
            await source.until(partial(renewed, wanted))
            await plc.set(name, wanted, later(wanted))
            await source.until(partial(says, b"%d" % wanted))
    assert intake.payloads(name) == [b"0", b"4", b"8", b"12"]
