"""What the sink sends, and what it makes of answers that are broken, slow or hostile."""

import asyncio
import gzip
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.contract import Accepted, Entry, Retry, Unknown
from tests.unit.drivers.http.raw_server import RawServer, deliver_one, open_sink

# ---- What is sent ----------------------------------------------------------------------------


async def test_every_attempt_puts_the_same_bytes_on_the_wire(
    server: RawServer, entry: Entry
) -> None:
    server.reply = server.says(
        b"HTTP/1.1 503 Busy\r\nset-cookie: session=1; path=/\r\ncontent-length: 0\r\n\r\n"
    )
    async with open_sink(server.url, headers={"x-tenant": "dc-north", "Accept": "*/*"}) as sink:
        for attempt in (1, 2, 3):
            await deliver_one(sink, replace(entry, attempt=attempt))

    first, *others = server.requests
    assert others == [first, first]
    head, body = first.split(b"\r\n\r\n", 1)
    assert body == entry.body
    lines = head.lower().split(b"\r\n")
    assert lines[0] == b"post /milestones http/1.1"
    assert sorted(lines[1:]) == sorted(
        [
            f"host: 127.0.0.1:{server.port}".encode(),
            b"user-agent: milepost",
            b"accept: */*",
            b"accept-encoding: identity",
            b"x-tenant: dc-north",
            b"content-type: application/json",
            b'idempotency-key: "019590f1a07d7000a1b2c3d4e5f60718"',
            b"ce-specversion: 1.0",
            b"ce-id: 019590f1a07d7000a1b2c3d4e5f60718",
            b"ce-source: https://dc-north.example",
            b"ce-type: milepost.milestone.departed.v1",
            b"ce-subject: unit:340000000000000017",
            b"ce-time: 2026-03-01t08:00:00.125z",
            f"content-length: {len(entry.body)}".encode(),
        ]
    )


async def test_a_rotated_token_is_used_from_the_next_request_on(
    server: RawServer, entry: Entry, tmp_path: Path
) -> None:
    token, fresh = tmp_path / "token", tmp_path / "fresh"
    token.write_text("first\n")
    async with open_sink(server.url, auth={"kind": "bearer", "token_file": token}) as sink:
        await deliver_one(sink, entry)
        await deliver_one(sink, entry)
        fresh.write_text("other\n")
        fresh.replace(token)
        await deliver_one(sink, entry)

    sent = [line for request in server.requests for line in request.split(b"\r\n")]
    assert [line for line in sent if line.lower().startswith(b"authorization")] == [
        b"authorization: Bearer first",
        b"authorization: Bearer first",
        b"authorization: Bearer other",
    ]


@pytest.mark.parametrize("content", [None, b"", b"two words", b"two\nlines", b"\xff\xfe"])
async def test_without_a_usable_token_nothing_is_sent(
    server: RawServer, entry: Entry, tmp_path: Path, content: bytes | None
) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    async with open_sink(server.url, auth={"kind": "bearer", "token_file": token}) as sink:
        if content is None:
            token.unlink()
        else:
            token.write_bytes(content)
        verdict = await deliver_one(sink, entry)

    assert isinstance(verdict, Retry)
    assert verdict.outage
    assert str(token) in verdict.reason
    assert server.requests == []


async def test_the_environment_does_not_divert_deliveries(
    server: RawServer, entry: Entry, free_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port}")
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port}")
    async with open_sink(server.url) as sink:
        assert isinstance(await deliver_one(sink, entry), Accepted)


# ---- Broken answers --------------------------------------------------------------------------

BROKEN = {
    "closed without a word": b"",
    "half a status line": b"HTTP/1.1 20",
    "half the headers": b"HTTP/1.1 201 Created\r\ncontent-le",
    "half the body": b"HTTP/1.1 201 Created\r\ncontent-length: 10\r\n\r\nERP",
    "half a chunk": b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\nff\r\nERP",
    "a chunk of nonsense": b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n",
    "nonsense": b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
    "another protocol": b"220 mail.example ESMTP\r\n",
    "a status that is none": b"HTTP/1.1 099 What\r\n\r\n",
    "endless headers": b"HTTP/1.1 201 Created\r\n" + b"x-more: and more\r\n" * 20_000,
    "only an interim answer": b"HTTP/1.1 100 Continue\r\n\r\n",
    "a switch of protocols": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
async def test_a_broken_answer_leaves_the_outcome_unknown(
    server: RawServer, entry: Entry, broken: bytes
) -> None:
    server.reply = server.says(broken)
    async with open_sink(server.url) as sink:
        verdict = await deliver_one(sink, entry)

    assert isinstance(verdict, Unknown)
    assert not verdict.outage
    assert len(server.requests) == 1


async def test_a_connection_that_is_reset_leaves_the_outcome_unknown(
    server: RawServer, entry: Entry
) -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        linger = (1).to_bytes(4, "little") + (0).to_bytes(4, "little")
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    server.reply = reset
    async with open_sink(server.url) as sink:
        assert isinstance(await deliver_one(sink, entry), Unknown)


async def test_silence_ends_as_unknown_after_the_time_out(server: RawServer, entry: Entry) -> None:
    async def nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    server.reply = nothing
    async with open_sink(server.url) as sink:
        verdict = await deliver_one(sink, entry)

    assert isinstance(verdict, Unknown)
    assert "within timeout_seconds" in verdict.reason
    assert len(server.requests) == 1


async def test_an_answer_that_drips_for_ever_ends_as_unknown(
    server: RawServer, entry: Entry
) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 201 Created\r\ncontent-length: 60000\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.02)

    server.reply = drip
    # The outer limit is there only so that a sink without one of its own fails, not hangs.
    async with open_sink(server.url) as sink, asyncio.timeout(10):
        assert isinstance(await deliver_one(sink, entry), Unknown)


async def test_an_endless_answer_is_read_only_in_part(server: RawServer, entry: Entry) -> None:
    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 201 Created\r\n\r\n")
        while True:
            writer.write(b"receipt " * 1000)
            await writer.drain()

    server.reply = pour
    async with open_sink(server.url, timeout_seconds=5) as sink:
        verdict = await deliver_one(sink, entry)
        await server.dropped.wait()

    assert isinstance(verdict, Accepted)
    assert verdict.receipt.startswith("201 receipt receipt")
    assert len(verdict.receipt) < 250


async def test_a_compressed_answer_is_not_unpacked(server: RawServer, entry: Entry) -> None:
    packed = gzip.compress(b"\0" * 10_000_000)
    server.reply = server.says(
        b"HTTP/1.1 201 Created\r\ncontent-encoding: gzip\r\n"
        + f"content-length: {len(packed)}\r\n\r\n".encode()
        + packed
    )
    async with open_sink(server.url) as sink:
        verdict = await deliver_one(sink, entry)

    assert isinstance(verdict, Accepted)
    assert len(verdict.receipt) < 250


async def test_a_redirect_is_not_followed(server: RawServer, entry: Entry) -> None:
    for status in (301, 302, 307, 308):
        server.reply = server.says(
            f"HTTP/1.1 {status} Moved\r\nlocation: {server.url}/new\r\n"
            "content-length: 0\r\n\r\n".encode()
        )
        async with open_sink(server.url) as sink:
            verdict = await deliver_one(sink, entry)
        assert verdict == Retry(
            f"{status}: redirected to {server.url}/new; set url to the final address", outage=True
        )

    assert len(server.requests) == 4


# ---- Look-up ---------------------------------------------------------------------------------


async def test_a_look_up_asks_for_the_entry_by_its_id(server: RawServer, entry: Entry) -> None:
    async with open_sink(server.url, look_up=server.url + "?source={id}") as sink:
        server.reply = server.says(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nERP-1")
        assert await sink.look_up(entry) == Accepted("found by look-up: 200 ERP-1")

    assert server.requests[0].startswith(
        b"GET /milestones?source=019590f1a07d7000a1b2c3d4e5f60718 HTTP/1.1\r\n"
    )


async def test_a_look_up_that_is_not_answered_tells_nothing(
    server: RawServer, entry: Entry, free_port: int
) -> None:
    async with open_sink(server.url) as sink:
        assert await sink.look_up(entry) is None
    assert server.requests == []

    async with open_sink(server.url, look_up=server.url + "/{id}") as sink:
        for broken in BROKEN.values():
            server.reply = server.says(broken)
            assert isinstance(await sink.look_up(entry), Unknown)

    async with open_sink(server.url, look_up=f"http://127.0.0.1:{free_port}/{{id}}") as sink:
        assert isinstance(await sink.look_up(entry), Unknown)
