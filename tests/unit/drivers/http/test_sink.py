"""The sink against servers that are broken, slow, hostile, or merely different."""

import asyncio
import contextlib
import datetime as dt
import gzip
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import drivers
from drivers.contract import Accepted, Entry, Retry, Sink, Unknown, system_clock
from drivers.http.settings import HttpSettings

Reply = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RawServer:
    """A TCP server on the loopback interface that reads HTTP requests and answers by `reply`.

    The connection is closed when `reply` has returned, unless `keep_alive`.
    """

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.handlers: list[asyncio.Task[None]] = []
        self.asked = asyncio.Event()
        """Set when there is a request."""
        self.dropped = asyncio.Event()
        """Set whenever a client has closed its connection."""
        self.keep_alive = False
        self.scheme = "http"
        self.port = 0
        self.reply: Reply = self.says(b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\nok")

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/milestones"

    @staticmethod
    def says(answer: bytes) -> Reply:
        async def reply(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(answer)

        return reply

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        this = asyncio.current_task()
        assert this is not None
        self.handlers.append(this)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head + await reader.readexactly(_length(head)))
                self.asked.set()
                await self.reply(reader, writer)
                await writer.drain()
                if not self.keep_alive:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            self.dropped.set()
        finally:
            writer.close()


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


@contextlib.asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    raw = RawServer()
    server = await asyncio.start_server(raw.handle, "127.0.0.1", 0, ssl=tls)
    raw.port = server.sockets[0].getsockname()[1]
    raw.scheme = "https" if tls else "http"
    try:
        yield raw
    finally:
        server.close()
        for handler in raw.handlers:
            handler.cancel()
        await asyncio.gather(*raw.handlers, return_exceptions=True)


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with serving() as raw:
        yield raw


@contextlib.asynccontextmanager
async def open_sink(url: str, **settings: object) -> AsyncIterator[Sink]:
    driver = drivers.find("http")
    assert driver.open_sink is not None
    patience = {"timeout_seconds": 0.2, "connect_timeout_seconds": 0.2}
    given = HttpSettings.model_validate({"url": url, **patience, **settings})
    sink = driver.open_sink(given, system_clock)
    try:
        yield sink
    finally:
        await sink.close()


# ---- What is sent ----------------------------------------------------------------------------


async def test_every_attempt_puts_the_same_bytes_on_the_wire(
    server: RawServer, entry: Entry
) -> None:
    server.reply = server.says(
        b"HTTP/1.1 503 Busy\r\nset-cookie: session=1; path=/\r\ncontent-length: 0\r\n\r\n"
    )
    async with open_sink(server.url, headers={"x-tenant": "dc-north", "Accept": "*/*"}) as sink:
        for attempt in (1, 2, 3):
            await sink.deliver(replace(entry, attempt=attempt))

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
    async with open_sink(server.url, bearer_token_file=token) as sink:
        await sink.deliver(entry)
        await sink.deliver(entry)
        fresh.write_text("other\n")
        fresh.replace(token)
        await sink.deliver(entry)

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
    async with open_sink(server.url, bearer_token_file=token) as sink:
        if content is None:
            token.unlink()
        else:
            token.write_bytes(content)
        verdict = await sink.deliver(entry)

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
        assert isinstance(await sink.deliver(entry), Accepted)


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
        verdict = await sink.deliver(entry)

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
        assert isinstance(await sink.deliver(entry), Unknown)


async def test_silence_ends_as_unknown_after_the_time_out(server: RawServer, entry: Entry) -> None:
    async def nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    server.reply = nothing
    async with open_sink(server.url) as sink:
        verdict = await sink.deliver(entry)

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
        assert isinstance(await sink.deliver(entry), Unknown)


async def test_an_endless_answer_is_read_only_in_part(server: RawServer, entry: Entry) -> None:
    async def pour(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 201 Created\r\n\r\n")
        while True:
            writer.write(b"receipt " * 1000)
            await writer.drain()

    server.reply = pour
    async with open_sink(server.url, timeout_seconds=5) as sink:
        verdict = await sink.deliver(entry)
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
        verdict = await sink.deliver(entry)

    assert isinstance(verdict, Accepted)
    assert len(verdict.receipt) < 250


async def test_a_redirect_is_not_followed(server: RawServer, entry: Entry) -> None:
    for status in (301, 302, 307, 308):
        server.reply = server.says(
            f"HTTP/1.1 {status} Moved\r\nlocation: {server.url}/new\r\n"
            "content-length: 0\r\n\r\n".encode()
        )
        async with open_sink(server.url) as sink:
            verdict = await sink.deliver(entry)
        assert verdict == Retry(
            f"{status}: redirected to {server.url}/new; set url to the final address", outage=True
        )

    assert len(server.requests) == 4


# ---- No connection ---------------------------------------------------------------------------


async def test_a_refused_connection_is_an_outage_without_effect(
    entry: Entry, free_port: int
) -> None:
    url = f"http://127.0.0.1:{free_port}/milestones"
    async with open_sink(url + "?key=secret") as sink:
        assert await sink.deliver(entry) == Retry(f"refusing connections at {url}", outage=True)


async def test_a_name_that_does_not_resolve_is_an_outage_without_effect(entry: Entry) -> None:
    async with open_sink("http://erp.invalid/", connect_timeout_seconds=30) as sink:
        verdict = await sink.deliver(entry)

    assert isinstance(verdict, Retry)
    assert verdict.outage
    assert "the name in http://erp.invalid/ does not resolve" in verdict.reason


async def test_a_server_that_does_not_pick_up_is_an_outage_without_effect(entry: Entry) -> None:
    with contextlib.ExitStack() as stack:
        # With its queue of connections full, the kernel lets further ones wait.
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = full.getsockname()
        stack.enter_context(socket.create_connection(address))
        async with open_sink(f"http://127.0.0.1:{address[1]}/") as sink:
            verdict = await sink.deliver(entry)

    assert isinstance(verdict, Retry)
    assert verdict.outage
    assert "within connect_timeout_seconds" in verdict.reason


def certificate(folder: Path, name: x509.GeneralName) -> Path:
    """Write a self-signed certificate for that name, and its key, into one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "erp")])
    start = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "erp.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    ("name", "is_known", "words"),
    [
        (LOOPBACK, True, ""),
        (LOOPBACK, False, "certificate not trusted"),
        (x509.DNSName("other.example"), True, "certificate not trusted"),
    ],
)
async def test_only_a_certificate_that_is_trusted_and_names_the_host_is_sent_anything(
    entry: Entry, tmp_path: Path, name: x509.GeneralName, *, is_known: bool, words: str
) -> None:
    path = certificate(tmp_path, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    patience = {"timeout_seconds": 10, "connect_timeout_seconds": 10}
    async with (
        serving(context) as server,
        open_sink(server.url, ca_file=path if is_known else None, **patience) as sink,
    ):
        verdict = await sink.deliver(entry)

    if words:
        assert isinstance(verdict, Retry)
        assert verdict.outage
        assert words in verdict.reason
        assert server.requests == []
    else:
        assert isinstance(verdict, Accepted)


async def test_a_server_without_tls_is_an_outage_that_says_so(
    entry: Entry,
) -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    plain_server = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = plain_server.sockets[0].getsockname()[1]
    async with plain_server, open_sink(f"https://127.0.0.1:{port}/") as sink:
        verdict = await sink.deliver(entry)

    assert isinstance(verdict, Retry)
    assert verdict.outage
    assert "TLS with https://127.0.0.1" in verdict.reason


# ---- Connections -----------------------------------------------------------------------------


async def test_a_connection_is_used_again(server: RawServer, entry: Entry) -> None:
    server.keep_alive = True
    async with open_sink(server.url) as sink:
        for _ in range(3):
            assert isinstance(await sink.deliver(entry), Accepted)
        assert server.connections == 1

    await server.dropped.wait()  # close() gave it up


async def test_a_connection_that_the_server_closed_meanwhile_costs_no_entry(
    server: RawServer, entry: Entry
) -> None:
    async with open_sink(server.url) as sink:
        for _ in range(3):
            assert isinstance(await sink.deliver(entry), Accepted)

    assert server.connections == 3


async def test_no_entry_in_flight_waits_for_another(server: RawServer, entry: Entry) -> None:
    together = asyncio.Barrier(20)

    async def wait_for_all(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await together.wait()
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    server.reply = wait_for_all
    async with open_sink(server.url, timeout_seconds=30) as sink:
        verdicts = await asyncio.gather(*(sink.deliver(entry) for _ in range(20)))

    assert verdicts == [Accepted("204")] * 20


async def test_a_cancelled_delivery_leaves_nothing_behind(server: RawServer, entry: Entry) -> None:
    async def nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        server.dropped.set()

    usual, server.reply = server.reply, nothing
    async with open_sink(server.url, timeout_seconds=30) as sink:
        delivery = asyncio.create_task(sink.deliver(entry))
        await server.asked.wait()
        delivery.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivery
        await server.dropped.wait()

        server.reply = usual
        assert isinstance(await sink.deliver(entry), Accepted)


# ---- Look-up ---------------------------------------------------------------------------------


async def test_a_look_up_asks_for_the_entry_by_its_id(server: RawServer, entry: Entry) -> None:
    async with open_sink(server.url, look_up=server.url + "?source={id}") as sink:
        server.reply = server.says(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nERP-1")
        assert await sink.look_up(entry) == Accepted("found by look-up: 200 ERP-1")

    assert server.requests[0].startswith(
        b"GET /milestones?source=019590f1a07d7000a1b2c3d4e5f60718 HTTP/1.1\r\n"
    )


async def test_a_look_up_that_is_not_answered_finds_nothing(
    server: RawServer, entry: Entry, free_port: int
) -> None:
    async with open_sink(server.url) as sink:
        assert await sink.look_up(entry) is None
    assert server.requests == []

    async with open_sink(server.url, look_up=server.url + "/{id}") as sink:
        for broken in BROKEN.values():
            server.reply = server.says(broken)
            assert await sink.look_up(entry) is None

    async with open_sink(server.url, look_up=f"http://127.0.0.1:{free_port}/{{id}}") as sink:
        assert await sink.look_up(entry) is None
