"""No secret is in a verdict, a log line, an exception or a repr, whatever goes wrong.

The servers here repeat what they were sent, as those in their debugging mode do.
"""

import asyncio
import base64
import json
import logging
import re
import traceback
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import quote_plus

import pytest
import structlog

from drivers.contract import Entry, Sink
from drivers.http.answer import Answer
from drivers.http.secret import hide
from tests.unit.drivers.http.certificates import certify
from tests.unit.drivers.http.raw_server import RawServer, open_sink, serving

PASSWORD = 'p4ss "word"/ü'
TOKEN = "t0ken-of-an-operator"
CLIENT_SECRET = "client's s3cret+/&"
ACCESS_TOKEN = "acc3ss-token-that-was-fetched"
WEBHOOK = "whsec_" + base64.b64encode(b"signing key of 24 bytes.").decode()

CONTENT = {
    "bearer": TOKEN,
    "basic": PASSWORD,
    "signature": WEBHOOK,
    "oauth2": CLIENT_SECRET,
    "oauth2 body": CLIENT_SECRET,
}
FORBIDDEN = [
    *(TOKEN, ACCESS_TOKEN, WEBHOOK, WEBHOOK.removeprefix("whsec_"), "signing key"),
    *(PASSWORD, json.dumps(PASSWORD)[1:-1], "p4ss"),
    *(CLIENT_SECRET, quote_plus(CLIENT_SECRET), "s3cret"),
    base64.b64encode(f"milepost:{PASSWORD}".encode()).decode(),
    base64.b64encode(f"milepost:{quote_plus(CLIENT_SECRET)}".encode()).decode(),
]


def auth(kind: str, secret: Path, login: str) -> dict[str, object]:
    secret.write_text(CONTENT[kind])
    # A file with one certificate is read far sooner than all that this machine trusts.
    ca = certify(secret.with_name("ca.pem"))
    return {
        "bearer": {"kind": "bearer", "token_file": secret},
        "basic": {"kind": "basic", "user": "milepost", "password_file": secret},
        "signature": {"kind": "signature", "secret_file": secret},
        "oauth2": {
            "kind": "oauth2",
            "token_url": login,
            "client_id": "milepost",
            "client_secret_file": secret,
            "ca_file": ca,
        },
        "oauth2 body": {
            "kind": "oauth2",
            "token_url": login,
            "client_id": "milepost",
            "client_secret_file": secret,
            "ca_file": ca,
            "client_in": "body",
        },
    }[kind]


def told(status: int, body: bytes, *lines: str) -> bytes:
    head = [f"HTTP/1.1 {status} Said", f"content-length: {len(body)}", *lines, "", ""]
    return "\r\n".join(head).encode() + body


def spoken(request: bytes) -> str:
    """Return what a request shows of us, also what is encoded in it, as a server may say it."""
    head, _, body = request.decode("utf-8", "replace").partition("\r\n\r\n")
    shown = re.findall(r"authorization: (.*)", head, re.IGNORECASE)
    decoded = [
        base64.b64decode(each.removeprefix("Basic ")).decode() for each in shown if "Basic " in each
    ]
    # First, because few of a server's words are quoted.
    return " ".join(
        [*shown, *decoded, *body.split("client_secret=")[1:], head.replace("\r\n", " ")]
    )


ECHOES: dict[str, Callable[[str], bytes]] = {
    **{
        f"{status} as text": lambda said, status=status: told(status, said.encode())  # type: ignore[misc]
        for status in (201, 400, 401, 404, 409, 422, 429, 500, 503)
    },
    "a problem": lambda said: told(
        422,
        json.dumps({"title": said, "detail": said}).encode(),
        "content-type: application/problem+json",
    ),
    "an error of a token endpoint": lambda said: told(
        400, json.dumps({"error": "invalid", "error_description": said}).encode()
    ),
    "a redirect": lambda said: told(307, b"", f"location: https://x/?{quote_plus(said)}"),
    "an answer without words": lambda said: told(202, b"", f"location: /{quote_plus(said)}"),
    "no HTTP": lambda said: said.encode() + b"\r\n\r\n",
    "no header": lambda said: f"HTTP/1.1 200 OK\r\n{said}\r\n\r\n".encode(),
    "no status": lambda said: f"HTTP/1.1 {said}\r\n\r\n".encode(),
    "cut": lambda said: told(200, said.encode())[:-5],
    "results": lambda said: told(
        200, json.dumps({"results": [{"id": "0" * 32, "status": 422, "detail": said}]}).encode()
    ),
}


def words_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


async def everything_said(sink: Sink, entry: Entry) -> str:
    said = []
    for _ in range(2):
        try:
            said.append(repr(await sink.deliver([entry])))
            said.append(repr(await sink.look_up(entry)))
        except Exception as error:  # noqa: BLE001 - a fault of the driver would be logged, so
            said.append(words_of(error))
    return " ".join(said) + repr(sink) + repr(vars(sink))


def assert_silent(said: str) -> None:
    assert [secret for secret in FORBIDDEN if secret in said] == []


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("kind", CONTENT)
async def test_no_secret_is_told_of_whatever_a_server_repeats(  # noqa: PLR0917
    server: RawServer,
    entry: Entry,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    echo: str,
) -> None:
    caplog.set_level(logging.INFO)

    def repeat(raw: RawServer) -> None:
        async def reply(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(ECHOES[echo](spoken(raw.requests[-1])))

        raw.reply = reply

    async with serving() as login:
        settings = {
            "auth": auth(kind, tmp_path / "secret", login.url),
            "look_up": server.url + "/{id}",
            "batch": {} if echo in {"results", "a problem"} else None,
            "ca_file": tmp_path / "ca.pem",
            "timeout_seconds": 5,
        }
        good = {"access_token": ACCESS_TOKEN, "token_type": "Bearer"}
        with structlog.testing.capture_logs() as logged:
            repeat(server)
            login.reply = login.says(told(200, json.dumps(good).encode()))
            async with open_sink(server.url, **settings) as sink:
                said = await everything_said(sink, entry)
            assert server.requests, "nothing was sent, so nothing was repeated"
            if kind.startswith("oauth2"):
                repeat(login)
                async with open_sink(server.url, **settings) as sink:
                    said += await everything_said(sink, entry)

    assert_silent(said + repr(logged) + caplog.text)


@pytest.mark.parametrize("kind", CONTENT)
async def test_no_secret_is_told_of_while_its_file_is_wrong(
    server: RawServer, entry: Entry, tmp_path: Path, kind: str
) -> None:
    secret = tmp_path / "secret"
    async with open_sink(server.url, auth=auth(kind, secret, server.url)) as sink:
        for content in (
            CONTENT[kind] + "\nmore",
            f"\x00{CONTENT[kind]}",
            CONTENT[kind][:-1] + "\n",
        ):
            secret.write_text(content)
            assert_silent(await everything_said(sink, entry))


def test_an_answer_does_not_show_what_it_holds() -> None:
    answer = Answer("https://erp.example", 0, 500, {"x": TOKEN}, TOKEN.encode(), secrets=[TOKEN])

    assert TOKEN not in repr(answer)
    assert answer.told() == "500 [secret]"


def escaped(text: str, form: str) -> str:
    """Write each character that is not a letter or digit in another way."""
    return "".join(c if c.isalnum() else form.format(c, ord(c)) for c in text)


@pytest.mark.parametrize("secret", [TOKEN, PASSWORD, 'a/b+c=d"e&f<g\\h~i'])
def test_secrets_are_blackened_however_they_are_spelled(secret: str) -> None:
    spelled = [
        secret,
        json.dumps(secret)[1:-1],
        json.dumps(secret)[1:-1].replace("/", "\\/"),  # PHP
        quote_plus(secret),
        quote_plus(secret).lower() if secret.islower() else quote_plus(secret),
        escaped(secret, "\\u{1:04x}"),
        escaped(secret, "\\u{1:04X}"),  # System.Text.Json
        escaped(secret, "&#{1};"),
        escaped(secret, "&#x{1:X};"),
        escape(secret),
    ]
    for each in spelled:
        assert hide([secret], f"<{each}> & \\ %") == "<[secret]> & \\ %"


def test_words_that_only_resemble_a_secret_are_told() -> None:
    assert hide(["abc/d"], r"abc\\/d abcd abc%2Ee") == r"abc\\/d abcd abc%2Ee"
