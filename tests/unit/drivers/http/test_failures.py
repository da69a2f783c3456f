"""Every way in which a connection fails, made for real: what may have been booked is never retried.

Rule 2 of `drivers.http.verdicts`: Retry is only for what certainly was not sent.
"""

import asyncio
import datetime as dt
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.contract import Accepted, Entry, Retry, Unknown
from tests.unit.drivers.http.certificates import certify, server_context
from tests.unit.drivers.http.raw_server import RawServer, deliver_one, open_sink, serving

PATIENT = {"timeout_seconds": 10, "connect_timeout_seconds": 10}
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def tcp(handler: Handler) -> AsyncIterator[str]:
    """Serve every connection by the handler; yield HOST:PORT."""
    handlers: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        this = asyncio.current_task()
        assert this is not None
        handlers.add(this)
        try:
            await handler(reader, writer)
        except ConnectionError:
            pass  # the client went first
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for each in handlers:
            each.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST in place of FIN."""
    linger = struct.pack("ii", 1, 0)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()


async def forever(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


# ---- Nothing was sent ------------------------------------------------------------------------


async def test_a_certificate_that_has_ended_is_an_outage_without_effect(
    entry: Entry, tmp_path: Path
) -> None:
    ended = dt.datetime(2021, 1, 1, tzinfo=dt.UTC)
    path = certify(tmp_path / "erp.pem", ends=ended)
    async with (
        serving(server_context(path)) as server,
        open_sink(server.url, ca_file=path, **PATIENT) as sink,
    ):
        verdict = await deliver_one(sink, entry)

    assert isinstance(verdict, Retry)
    assert verdict.outage
    assert "certificate has expired" in verdict.reason
    assert server.requests == []


async def test_a_server_with_only_an_old_tls_is_an_outage_without_effect(
    entry: Entry, tmp_path: Path
) -> None:
    path = certify(tmp_path / "erp.pem")
    context = server_context(path)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    async with (
        serving(context) as server,
        open_sink(server.url, ca_file=path, **PATIENT) as sink,
    ):
        verdict = await deliver_one(sink, entry)

    assert isinstance(verdict, Retry)
    assert verdict.outage
    assert "TLS with https://127.0.0.1" in verdict.reason
    assert server.requests == []


async def test_a_handshake_that_never_ends_is_an_outage_without_effect(entry: Entry) -> None:
    async with tcp(forever) as where, open_sink(f"https://{where}/") as sink:
        verdict = await deliver_one(sink, entry)

    assert isinstance(verdict, Retry)
    assert verdict.outage
    assert "within connect_timeout_seconds" in verdict.reason


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x28"]
)
async def test_a_handshake_that_is_cut_or_answered_with_something_else_is_an_outage(
    entry: Entry, answer: bytes
) -> None:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        await writer.drain()
        if not answer:
            reset(writer)

    async with tcp(say) as where, open_sink(f"https://{where}/", **PATIENT) as sink:
        verdict = await deliver_one(sink, entry)

    assert isinstance(verdict, Retry)
    assert verdict.outage


# ---- Sent, and then --------------------------------------------------------------------------


async def test_a_reset_before_the_request_was_read_leaves_the_outcome_unknown(
    entry: Entry,
) -> None:
    async def reset_at_once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reset(writer)

    async with tcp(reset_at_once) as where, open_sink(f"http://{where}/", **PATIENT) as sink:
        verdict = await deliver_one(sink, entry)

    # Our kernel took the request; it cannot be told whether the other side's did.
    assert isinstance(verdict, Unknown)
    assert "broke before the whole answer" in verdict.reason


async def test_a_request_that_nobody_takes_ends_as_unknown_after_the_time_out(
    entry: Entry,
) -> None:
    async def take_nothing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    large = replace(entry, body=b'"' + b"x" * 40_000_000 + b'"')
    async with tcp(take_nothing) as where, open_sink(f"http://{where}/") as sink:
        verdict = await deliver_one(sink, large)

    assert isinstance(verdict, Unknown)
    assert "within timeout_seconds" in verdict.reason


async def test_a_half_closed_connection_leaves_the_outcome_unknown(
    server: RawServer, entry: Entry
) -> None:
    async def half_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 20\r\n\r\nERP")
        writer.write_eof()
        await reader.read()

    server.reply = half_close
    async with open_sink(server.url, **PATIENT) as sink:
        assert isinstance(await deliver_one(sink, entry), Unknown)


async def test_an_encrypted_answer_that_is_cut_leaves_the_outcome_unknown(
    entry: Entry, tmp_path: Path
) -> None:
    path = certify(tmp_path / "erp.pem")
    async with (
        serving(server_context(path)) as server,
        open_sink(server.url, ca_file=path, **PATIENT) as sink,
    ):
        server.reply = server.says(b"HTTP/1.1 201 Created\r\ncontent-length: 20\r\n\r\nERP")
        assert isinstance(await deliver_one(sink, entry), Unknown)


async def test_nonsense_within_an_encrypted_connection_leaves_the_outcome_unknown(
    entry: Entry, tmp_path: Path
) -> None:
    path = certify(tmp_path / "erp.pem")

    async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Past the encryption, as a broken middlebox would.
        encrypted = writer.get_extra_info("socket")
        with socket.socket(fileno=socket.dup(encrypted.fileno())) as bare:
            bare.send(b"\x17\x03\x03\x00\x20" + b"n" * 32)
        await asyncio.Event().wait()

    async with (
        serving(server_context(path)) as server,
        open_sink(server.url, ca_file=path, **PATIENT) as sink,
    ):
        server.reply = nonsense
        verdict = await deliver_one(sink, entry)

    # An ssl.SSLError, which httpx does not wrap once the connection stands.
    assert isinstance(verdict, Unknown)
    assert "broke before the whole answer" in verdict.reason
    assert len(server.requests) == 1


async def test_after_every_failure_the_next_entry_is_sent_as_if_nothing_had_been(
    server: RawServer, entry: Entry
) -> None:
    usual = server.reply
    async with open_sink(server.url) as sink:
        for broken in (b"", b"HTTP/1.1 20", b"nonsense\r\n\r\n"):
            server.reply = server.says(broken)
            assert isinstance(await deliver_one(sink, entry), Unknown)
            server.reply = forever
            assert isinstance(await deliver_one(sink, entry), Unknown)
            server.reply = usual
            assert isinstance(await deliver_one(sink, entry), Accepted)
