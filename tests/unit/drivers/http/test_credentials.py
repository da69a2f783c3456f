"""How we are known: each way, while its secret changes, and when there is nothing to show."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest

from drivers.contract import Accepted, Entry, Retry, Unknown
from drivers.http.credentials import Signature
from drivers.http.settings import SignatureSettings
from tests.unit.drivers.http.certificates import certify, server_context
from tests.unit.drivers.http.raw_server import RawServer, deliver_one, open_sink, serving

PATIENT = {"timeout_seconds": 10, "connect_timeout_seconds": 10}


def sent(server: RawServer, header: str) -> list[str]:
    """Return the values of a header in all requests."""
    lines = [line.decode() for request in server.requests for line in request.split(b"\r\n")]
    return [line.partition(": ")[2] for line in lines if line.lower().startswith(f"{header}: ")]


def put(path: Path, content: str | bytes) -> Path:
    """Replace a file in one step, as whoever rotates a secret does."""
    fresh = path.with_name("fresh")
    fresh.write_bytes(content if isinstance(content, bytes) else content.encode())
    fresh.replace(path)
    return path


# ---- User and password -----------------------------------------------------------------------


async def test_user_and_password_are_sent_as_utf_8_and_the_password_is_read_again(
    server: RawServer, entry: Entry, tmp_path: Path
) -> None:
    password = put(tmp_path / "password", "Überlänge: 1\n")
    auth = {"kind": "basic", "user": "milepost", "password_file": password}
    async with open_sink(server.url, auth=auth) as sink:
        await deliver_one(sink, entry)
        put(password, "other")
        await deliver_one(sink, entry)

    # RFC 7617, section 2.
    assert [
        base64.b64decode(line.removeprefix("Basic ")) for line in sent(server, "authorization")
    ] == [
        "milepost:Überlänge: 1".encode(),
        b"milepost:other",
    ]


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"\x00", b"\xff\xfe"])
@pytest.mark.parametrize("kind", ["basic", "signature"])
async def test_without_a_usable_secret_nothing_is_sent(
    server: RawServer, entry: Entry, tmp_path: Path, kind: str, content: bytes
) -> None:
    secret = put(tmp_path / "secret", content)
    auth = {
        "basic": {"kind": "basic", "user": "milepost", "password_file": secret},
        "signature": {"kind": "signature", "secret_file": secret},
    }[kind]
    async with open_sink(server.url, auth=auth, look_up=server.url + "/{id}") as sink:
        verdict = await deliver_one(sink, entry)
        assert isinstance(await sink.look_up(entry), Unknown)

    assert isinstance(verdict, Retry)
    assert verdict.outage
    assert str(secret) in verdict.reason
    assert server.requests == []


# ---- Signatures ------------------------------------------------------------------------------

VECTOR = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The example of the Standard Webhooks libraries, with its message and its signature below."""


async def test_the_example_of_standard_webhooks_is_signed_as_its_libraries_sign_it(
    tmp_path: Path,
) -> None:
    secret = put(tmp_path / "secret", VECTOR + "\n")
    settings = SignatureSettings(kind="signature", secret_file=secret)
    signature = Signature(settings, lambda: 1614265330_999)

    shown = await signature.show("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}')
    assert dict(shown.headers) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


async def test_two_secrets_make_two_signatures_so_that_one_can_be_changed_for_the_other(
    server: RawServer, entry: Entry, tmp_path: Path
) -> None:
    keys = [os.urandom(24), os.urandom(64)]
    old, new = ("whsec_" + base64.b64encode(key).decode() for key in keys)
    secret = put(tmp_path / "secret", old)
    auth = {"kind": "signature", "secret_file": secret}
    async with open_sink(server.url, auth=auth) as sink:
        for content in (old, f"{old}\n{new}\n", new):
            put(secret, content)
            await deliver_one(sink, entry)

    signatures = sent(server, "webhook-signature")
    assert [len(each.split(" ")) for each in signatures] == [1, 2, 1]
    body = server.requests[0].split(b"\r\n\r\n", 1)[1]
    for signature, at, which in zip(
        signatures, sent(server, "webhook-timestamp"), (keys[:1], keys, keys[1:]), strict=True
    ):
        signed = f"{entry.id}.{at}.".encode() + body
        assert signature.split(" ") == [
            "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
            for key in which
        ]


@pytest.mark.parametrize("length", [0, 23, 65])
async def test_a_secret_shorter_or_longer_than_the_specification_allows_signs_nothing(
    server: RawServer, entry: Entry, tmp_path: Path, length: int
) -> None:
    encoded = base64.b64encode(b"x" * length).decode()
    for content in (
        f"whsec_{encoded}",
        VECTOR + f" whsec_{encoded}",
        VECTOR.removeprefix("whsec_"),
    ):
        secret = put(tmp_path / "secret", content)
        async with open_sink(server.url, auth={"kind": "signature", "secret_file": secret}) as sink:
            assert isinstance(await deliver_one(sink, entry), Retry)

    assert server.requests == []


async def test_the_same_batch_is_signed_under_the_same_id_and_another_under_another(
    server: RawServer, entry: Entry, tmp_path: Path
) -> None:
    secret = put(tmp_path / "secret", VECTOR)
    other = replace(entry, id="f" * 32, key="unit:2")
    auth = {"kind": "signature", "secret_file": secret}
    async with open_sink(server.url, auth=auth, batch={}) as sink:
        for batch in ([entry, other], [entry, other], [other, entry], [entry]):
            await sink.deliver(batch)

    first, again, turned, alone = sent(server, "webhook-id")
    assert first == again
    assert len({first, turned, alone}) == 3
    assert alone == entry.id


# ---- Our certificate -------------------------------------------------------------------------


def shown_by(server: RawServer) -> list[str]:
    """Return the name in the certificate that each connection showed."""
    return [dict(pair[0] for pair in each["subject"])["commonName"] for each in server.shown]


async def test_a_renewed_certificate_is_shown_from_the_next_request_on(
    entry: Entry, tmp_path: Path
) -> None:
    erp, ours = certify(tmp_path / "erp.pem"), certify(tmp_path / "ours.pem")
    renewed = certify(tmp_path / "renewed.pem")
    both = put(tmp_path / "both.pem", ours.read_bytes() + renewed.read_bytes())
    settings = {"ca_file": erp, "client_certificate_file": ours, "client_key_file": ours}
    async with serving(server_context(erp, both)) as server:
        server.keep_alive = True
        async with open_sink(server.url, **settings, **PATIENT) as sink:
            for _ in range(2):
                assert isinstance(await deliver_one(sink, entry), Accepted)
            assert shown_by(server) == ["ours"]
            put(ours, renewed.read_bytes())
            assert isinstance(await deliver_one(sink, entry), Accepted)
            assert shown_by(server) == ["ours", "renewed"]
            assert isinstance(await deliver_one(sink, entry), Accepted)

    assert server.connections == 2


def refuse_one(listening: socket.socket, context: ssl.SSLContext) -> None:
    """Take one connection as OpenSSL does, which asyncio does not: say why it is refused."""
    connection, _ = listening.accept()
    with context.wrap_socket(
        connection, server_side=True, do_handshake_on_connect=False
    ) as encrypted:
        with contextlib.suppress(ssl.SSLError):
            encrypted.do_handshake()
        # Read what is sent meanwhile, or the kernel resets the connection and the words are lost.
        encrypted.shutdown(socket.SHUT_WR)
        while socket.socket.recv(encrypted, 65536):
            pass


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shows", ["nothing", "a stranger's"])
async def test_a_certificate_that_is_not_accepted_is_an_outage_without_effect(
    entry: Entry, tmp_path: Path, version: ssl.TLSVersion, shows: str
) -> None:
    # httpx wraps no ssl.SSLError that comes once connected; with TLS 1.3 these do.
    erp, ours = certify(tmp_path / "erp.pem"), certify(tmp_path / "ours.pem")
    stranger = certify(tmp_path / "stranger.pem")
    settings: dict[str, object] = {"ca_file": erp}
    if shows != "nothing":
        settings |= {"client_certificate_file": stranger, "client_key_file": stranger}
    context = server_context(erp, ours)
    context.minimum_version = context.maximum_version = version
    with socket.create_server(("127.0.0.1", 0)) as listening:
        refusing = asyncio.create_task(asyncio.to_thread(refuse_one, listening, context))
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/"
        async with open_sink(url, **settings, **PATIENT) as sink:
            verdict = await deliver_one(sink, entry)
        await refusing

    assert isinstance(verdict, Retry)
    assert verdict.outage
    if version is ssl.TLSVersion.TLSv1_2 and shows == "nothing":
        # OpenSSL has no alert of its own for this before TLS 1.3.
        assert "TLS with https://127.0.0.1" in verdict.reason
    else:
        assert "does not accept our certificate" in verdict.reason


async def test_certificate_files_that_cannot_be_used_are_an_outage_until_they_can(
    entry: Entry, tmp_path: Path
) -> None:
    erp, good = certify(tmp_path / "erp.pem"), certify(tmp_path / "good.pem")
    ours = certify(tmp_path / "ours.pem")
    settings = {"ca_file": erp, "client_certificate_file": good, "client_key_file": ours}
    async with (
        serving(server_context(erp, good)) as server,
        open_sink(server.url, **settings, **PATIENT) as sink,
    ):
        locked = certify(tmp_path / "locked.pem", password=b"secret").read_bytes()
        for content in (ours.read_bytes(), b"", b"no PEM", locked):
            put(ours, content)
            verdict = await deliver_one(sink, entry)
            assert isinstance(verdict, Retry)
            assert verdict.outage
            assert "client_certificate_file" in verdict.reason
        ours.unlink()
        for _ in range(2):  # first no file, then none that can be read, also not by root
            verdict = await deliver_one(sink, entry)
            assert isinstance(verdict, Retry)
            assert f"cannot read {ours}" in verdict.reason
            ours.mkdir(exist_ok=True)
        ours.rmdir()
        assert server.requests == []

        put(ours, good.read_bytes())
        assert isinstance(await deliver_one(sink, entry), Accepted)


async def test_a_ca_file_without_certificates_is_an_outage_that_names_it(
    entry: Entry, tmp_path: Path
) -> None:
    empty = put(tmp_path / "ca.pem", json.dumps({}))
    async with open_sink("https://127.0.0.1:1/", ca_file=empty) as sink:
        verdict = await deliver_one(sink, entry)

    assert isinstance(verdict, Retry)
    assert verdict.outage
    assert verdict.reason == f"ca_file {empty} holds no certificates"
