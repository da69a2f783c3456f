"""How the sink connects, whom it trusts, and what it does with its connections."""

import asyncio
import contextlib
import socket
import sys
from pathlib import Path

import pytest
from cryptography import x509

from drivers.contract import Accepted, Entry, Retry
from tests.unit.drivers.http.certificates import LOOPBACK, certify, server_context
from tests.unit.drivers.http.raw_server import RawServer, deliver_one, open_sink, serving

# ---- No connection ---------------------------------------------------------------------------


async def test_a_refused_connection_is_an_outage_without_effect(
    entry: Entry, free_port: int
) -> None:
    url = f"http://127.0.0.1:{free_port}/milestones"
    async with open_sink(url + "?key=secret") as sink:
        assert await deliver_one(sink, entry) == Retry(
            f"refusing connections at {url}; is it running, is that its address?", outage=True
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
    path = certify(tmp_path / "erp.pem", name)
    patience = {"timeout_seconds": 10, "connect_timeout_seconds": 10}
    async with (
        serving(server_context(path)) as server,
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
