"""Tokens of OAuth 2.0: fetched when needed, once for all who wait, renewed before they end."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from drivers.contract import Accepted, Clock, Entry, Retry, Sink, Verdict, system_clock
from tests.unit.drivers.http.certificates import certify, server_context
from tests.unit.drivers.http.raw_server import RawServer, Reply, deliver_one, open_sink, serving

SECRET = "s3cret/+ of a client"
Opening = contextlib.AbstractAsyncContextManager[Sink]
Open = Callable[..., Opening]


def http(status: int, body: object = None, *headers: str) -> bytes:
    text = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Said", f"content-length: {len(text)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + text


def token(name: str, **members: object) -> bytes:
    return http(200, {"access_token": name, "token_type": "Bearer", "expires_in": 3600, **members})


@pytest.fixture
async def login() -> AsyncIterator[RawServer]:
    async with serving() as raw:
        raw.reply = raw.says(token("first"))
        yield raw


@pytest.fixture
def opened(server: RawServer, login: RawServer, tmp_path: Path) -> Open:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)

    def open_it(
        clock: Clock = system_clock, **auth: object
    ) -> contextlib.AbstractAsyncContextManager[Sink]:
        given = {
            "kind": "oauth2",
            "token_url": login.url,
            "client_id": "mile:post",
            "client_secret_file": secret,
            **auth,
        }
        return open_sink(
            server.url, clock, auth=given, timeout_seconds=60, connect_timeout_seconds=5
        )

    return open_it


def head_and_form(request: bytes) -> tuple[str, dict[str, list[str]]]:
    head, body = request.decode().split("\r\n\r\n", 1)
    return head, parse_qs(body)


def shown(server: RawServer) -> list[str]:
    lines = [line.decode() for request in server.requests for line in request.split(b"\r\n")]
    return [line.partition(": ")[2] for line in lines if line.lower().startswith("authorization")]


async def together(sink: Sink, entry: Entry, count: int) -> list[Verdict]:
    entries = [replace(entry, id=f"{number:032x}") for number in range(count)]
    return await asyncio.gather(*(deliver_one(sink, each) for each in entries))


async def test_a_token_is_asked_for_as_the_specification_says(
    login: RawServer, server: RawServer, opened: Open, entry: Entry
) -> None:
    async with opened(scope="post look-up", audience="https://erp.example") as sink:
        assert isinstance(await deliver_one(sink, entry), Accepted)

    head, form = head_and_form(login.requests[0])
    assert "content-type: application/x-www-form-urlencoded" in head
    # RFC 6749: section 4.4.2 the form, section 2.3.1 the client, encoded before base64.
    assert form == {
        "grant_type": ["client_credentials"],
        "scope": ["post look-up"],
        "audience": ["https://erp.example"],
    }
    encoded = base64.b64encode(b"mile%3Apost:s3cret%2F%2B+of+a+client").decode()
    assert f"authorization: Basic {encoded}" in head
    assert shown(server) == ["Bearer first"]


async def test_the_secret_goes_into_the_body_for_a_token_endpoint_that_wants_it_there(
    login: RawServer, opened: Open, entry: Entry
) -> None:
    async with opened(client_in="body") as sink:
        assert isinstance(await deliver_one(sink, entry), Accepted)

    head, form = head_and_form(login.requests[0])
    assert "authorization" not in head.lower()
    assert form == {
        "grant_type": ["client_credentials"],
        "client_id": ["mile:post"],
        "client_secret": [SECRET],
    }


async def test_all_who_need_a_token_share_one_fetch_and_its_failure(
    login: RawServer, server: RawServer, opened: Open, entry: Entry
) -> None:
    waiting = asyncio.Event()

    def slowly(answer: bytes) -> Reply:
        async def reply(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await waiting.wait()
            writer.write(answer)

        return reply

    async with opened() as sink:
        for answer, kind, asked in ((http(500), Retry, 1), (token("first"), Accepted, 2)):
            login.reply = slowly(answer)
            waiting.clear()
            deliveries = asyncio.create_task(together(sink, entry, 20))
            await login.asked.wait()
            login.asked.clear()
            await asyncio.sleep(0)
            waiting.set()
            assert {type(verdict) for verdict in await deliveries} == {kind}
            assert len(login.requests) == asked

    assert shown(server) == ["Bearer first"] * 20


async def test_whoever_gives_up_does_not_take_the_token_from_the_others(
    login: RawServer, opened: Open, entry: Entry
) -> None:
    waiting = asyncio.Event()

    async def slowly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await waiting.wait()
        writer.write(token("first"))

    login.reply = slowly
    async with opened() as sink:
        hasty, patient = (asyncio.create_task(deliver_one(sink, entry)) for _ in range(2))
        await login.asked.wait()
        hasty.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hasty
        waiting.set()
        assert isinstance(await patient, Accepted)

    assert len(login.requests) == 1


async def test_closing_ends_a_fetch_that_nobody_waits_for(
    login: RawServer, opened: Open, entry: Entry
) -> None:
    async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        login.dropped.set()

    login.reply = never
    # Far less than the time-out, which would end the fetch, too.
    async with asyncio.timeout(20), opened() as sink:
        delivery = asyncio.create_task(deliver_one(sink, entry))
        await login.asked.wait()
        delivery.cancel()
        with pytest.raises(asyncio.CancelledError):
            await delivery
    await login.dropped.wait()


@pytest.mark.parametrize(
    ("lasts", "later", "tokens"),
    [
        (3600, 3539, 1),
        (3600, 3540, 2),
        (100, 74, 1),
        (100, 75, 2),
        ("120", 89, 1),
        ("120", 90, 2),
        (0, 0, 2),
        (None, 10**6, 1),
    ],
)
async def test_a_token_is_renewed_before_it_ends_and_not_much_earlier(
    opened: Open, login: RawServer, entry: Entry, *, lasts: object, later: int, tokens: int
) -> None:
    now = 1_772_352_000_000
    login.reply = login.says(token("first", expires_in=lasts))
    async with opened(clock=lambda: now) as sink:
        await deliver_one(sink, entry)
        now += later * 1000
        await deliver_one(sink, entry)
        async with asyncio.timeout(20):
            while len(login.requests) < tokens:  # noqa: ASYNC110 - fetched beside the delivery
                await asyncio.sleep(0.005)

    assert len(login.requests) == tokens


async def test_a_token_is_used_as_long_as_it_holds_though_no_other_can_be_had(
    server: RawServer, login: RawServer, opened: Open, entry: Entry
) -> None:
    now = 1_772_352_000_000
    async with opened(clock=lambda: now) as sink:
        await deliver_one(sink, entry)
        login.reply = login.says(http(500))
        now += 3541 * 1000
        for waited in (0, 1, 3, 4):  # seconds; the first renewal fails, the next is due 5 s later
            now += waited * 1000
            login.asked.clear()
            assert isinstance(await deliver_one(sink, entry), Accepted)
            if waited in (0, 4):
                await login.asked.wait()
                await asyncio.sleep(0.1)  # whatever else would be asked
        asked = len(login.requests)
        now = 1_772_352_000_000 + 3601 * 1000
        assert isinstance(await deliver_one(sink, entry), Retry)

    assert asked == 3
    assert shown(server) == ["Bearer first"] * 5


async def test_nobody_waits_for_a_renewal_while_the_token_holds(
    server: RawServer, login: RawServer, opened: Open, entry: Entry
) -> None:
    now = 1_772_352_000_000

    async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with opened(clock=lambda: now) as sink:
        await deliver_one(sink, entry)
        login.reply = never
        now += 3541 * 1000
        async with asyncio.timeout(20):
            assert isinstance(await deliver_one(sink, entry), Accepted)

    assert shown(server) == ["Bearer first"] * 2


async def test_a_token_that_is_refused_is_renewed_once_and_the_entry_sent_again(
    login: RawServer, server: RawServer, opened: Open, entry: Entry
) -> None:
    async def only_second(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_good = b"Bearer second" in server.requests[-1]
        writer.write(http(201 if is_good else 401, b"ok"))

    server.reply = only_second
    async with opened() as sink:
        login.reply = login.says(token("first"))
        verdict = await deliver_one(sink, entry)
        assert isinstance(verdict, Retry)
        assert verdict.outage
        assert "check auth" in verdict.reason
        assert (len(login.requests), len(server.requests)) == (2, 2)

        login.reply = login.says(token("second"))
        assert isinstance(await deliver_one(sink, entry), Accepted)
        assert isinstance(await deliver_one(sink, entry), Accepted)
        assert len(login.requests) == 3


async def test_a_token_refused_to_many_at_once_is_renewed_once(
    login: RawServer, server: RawServer, opened: Open, entry: Entry
) -> None:
    everyone = asyncio.Barrier(10)

    async def refuse_first(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = server.requests[-1]
        if b"Bearer first" in request:
            await everyone.wait()
        writer.write(http(401 if b"Bearer first" in request else 201))

    server.reply = refuse_first
    async with opened() as sink:
        deliveries = asyncio.create_task(together(sink, entry, 10))
        await server.asked.wait()
        login.reply = login.says(token("second"))
        assert {type(verdict) for verdict in await deliveries} == {Accepted}

    assert len(login.requests) == 2


async def test_a_token_refused_late_does_not_cost_the_one_that_followed_it(
    login: RawServer, server: RawServer, opened: Open, entry: Entry
) -> None:
    both, renewed = asyncio.Barrier(2), asyncio.Event()

    async def refuse_one_late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"Bearer second" in (request := server.requests[-1]):
            writer.write(http(201))
            renewed.set()
            return
        await both.wait()
        if entry.id.encode() in request:
            await renewed.wait()
        writer.write(http(401))

    async def renew(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(token(("first", "second", "third")[len(login.requests) - 1]))

    server.reply, login.reply = refuse_one_late, renew
    async with opened() as sink:
        other = replace(entry, id="0" * 32)
        verdicts = await asyncio.gather(*(deliver_one(sink, each) for each in (entry, other)))

    assert {type(verdict) for verdict in verdicts} == {Accepted}
    assert len(login.requests) == 2


@pytest.mark.parametrize(
    ("answer", "words", "after"),
    [
        (
            http(401, {"error": "invalid_client", "error_description": "secret has ended"}),
            "401 invalid_client: secret has ended",
            None,
        ),
        (http(400, {"error": "invalid_scope"}), "400 invalid_scope", None),
        (http(429, None, "retry-after: 30"), "429", 30.0),
        (http(503, b"maintenance", "retry-after: 60"), "503 maintenance", 60.0),
        (http(500, b"<h1>oops</h1>"), "500 <h1>oops</h1>", None),
        (http(302, None, "location: https://login.example/"), "302 https://login.example/", None),
        (http(200, b"<html>please log in</html>"), "is no bearer token", None),
        (http(200, {}), "is no bearer token", None),
        (http(200, []), "is no bearer token", None),
        (token("first", token_type="mac"), "is no bearer token", None),
        (token("two words"), "is no bearer token", None),
        (token("bad\r\nx-more: 1"), "is no bearer token", None),
        (token("first", expires_in="soon"), "is no bearer token", None),
        (token("first", expires_in=[]), "is no bearer token", None),
        (b"", "broke before the whole answer", None),
    ],
)
async def test_without_a_token_nothing_is_sent_and_the_token_endpoints_words_are_told(
    login: RawServer,
    server: RawServer,
    opened: Open,
    entry: Entry,
    *,
    answer: bytes,
    words: str,
    after: float | None,
) -> None:
    login.reply = login.says(answer)
    async with opened() as sink:
        verdict = await deliver_one(sink, entry)

    assert isinstance(verdict, Retry)
    assert verdict.outage
    assert verdict.reason.startswith("no token: ")
    assert words in verdict.reason
    assert verdict.after == after
    assert server.requests == []


async def test_a_token_endpoint_that_is_away_is_named(
    server: RawServer, opened: Open, entry: Entry, free_port: int
) -> None:
    async with opened(token_url=f"http://127.0.0.1:{free_port}/token?key=hidden") as sink:
        verdict = await deliver_one(sink, entry)

    assert verdict == Retry(
        f"no token: refusing connections at http://127.0.0.1:{free_port}/token;"
        " is it running, is that its address?",
        outage=True,
    )
    assert server.requests == []


async def test_the_token_endpoint_has_a_ca_of_its_own(
    server: RawServer, opened: Open, entry: Entry, tmp_path: Path
) -> None:
    path = certify(tmp_path / "login.pem")
    async with serving(server_context(path)) as login:
        login.reply = login.says(token("first"))
        async with opened(token_url=login.url) as sink:
            verdict = await deliver_one(sink, entry)
            assert isinstance(verdict, Retry)
            assert "certificate not trusted" in verdict.reason
        assert login.requests == server.requests == []
        async with opened(token_url=login.url, ca_file=path) as sink:
            assert isinstance(await deliver_one(sink, entry), Accepted)


async def test_a_new_secret_is_used_for_the_next_token(
    login: RawServer, opened: Open, entry: Entry, tmp_path: Path
) -> None:
    login.reply = login.says(token("first", expires_in=0))
    async with opened(client_in="body") as sink:
        await deliver_one(sink, entry)
        (tmp_path / "fresh").write_text("another")
        (tmp_path / "fresh").replace(tmp_path / "secret")
        await deliver_one(sink, entry)
        (tmp_path / "secret").unlink()
        verdict = await deliver_one(sink, entry)

    secrets = [head_and_form(request)[1]["client_secret"] for request in login.requests]
    assert secrets == [[SECRET], ["another"]]
    assert isinstance(verdict, Retry)
    assert "auth.client_secret_file" in verdict.reason
