"""How the sink connects, whom it trusts, and what it does with its connections."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import socket
import ssl
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from drivers.contract import Accepted, Entry, Retry
from tests.unit.drivers.http.raw_server import RawServer, deliver_one, open_sink, serving

# ---- No connection ---------------------------------------------------------------------------


async def test_a_refused_connection_is_an_outage_without_effect(
    entry: Entry, free_port: int
) -> None:
    url = f"http://127.0.0.1:{free_port}/milestones"
    async with open_sink(url + "?key=secret") as sink:
        assert await deliver_one(sink, entry) == Retry(
            f"refusing connections at {url}", outage=True
        )


async def test_a_name_that_does_not_resolve_is_an_outage_without_effect(entry: Entry) -> None:
    async with open_sink("http://erp.invalid/", connect_timeout_seconds=30) as sink:
        verdict = await deliver_one(sink, entry)

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
            verdict = await deliver_one(sink, entry)

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
        verdict = await deliver_one(sink, entry)

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
        verdict = await deliver_one(sink, entry)

    assert isinstance(verdict, Retry)
    assert verdict.outage
    assert "TLS with https://127.0.0.1" in verdict.reason


# ---- Connections -----------------------------------------------------------------------------


async def test_a_connection_is_used_again(server: RawServer, entry: Entry) -> None:
    server.keep_alive = True
    async with open_sink(server.url) as sink:
        for _ in range(3):
            assert isinstance(await deliver_one(sink, entry), Accepted)
        assert server.connections == 1

    await server.dropped.wait()  # close() gave it up


async def test_a_connection_that_the_server_closed_meanwhile_costs_no_entry(
    server: RawServer, entry: Entry
) -> None:
    async with open_sink(server.url) as sink:
        for _ in range(3):
            assert isinstance(await deliver_one(sink, entry), Accepted)

    assert server.connections == 3


async def test_no_request_searches_the_disk_for_modules(
    server: RawServer, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    sought: list[str] = []

    class Observer:
        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            sought.append(name)

    async with open_sink(server.url) as sink:
        await deliver_one(sink, entry)
        monkeypatch.setattr(sys, "meta_path", [Observer, *sys.meta_path])
        await deliver_one(sink, entry)

    assert sought == []


async def test_no_entry_in_flight_waits_for_another(server: RawServer, entry: Entry) -> None:
    together = asyncio.Barrier(20)

    async def wait_for_all(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await together.wait()
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    server.reply = wait_for_all
    async with open_sink(server.url, timeout_seconds=30) as sink:
        verdicts = await asyncio.gather(*(deliver_one(sink, entry) for _ in range(20)))

    assert verdicts == [Accepted("204")] * 20


async def test_a_cancelled_delivery_leaves_nothing_behind(server: RawServer, entry: Entry) -> None:
    async def nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        server.dropped.set()

    usual, server.reply = server.reply, nothing
    async with open_sink(server.url, timeout_seconds=30) as sink:
        delivery = asyncio.create_task(deliver_one(sink, entry))
        await server.asked.wait()
        delivery.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivery
        await server.dropped.wait()

        server.reply = usual
        assert isinstance(await deliver_one(sink, entry), Accepted)
