"""No secret reaches the store, the log or health, although destinations repeat what they get."""

import base64
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from buffer.opening import read_only
from simulators.broker import Broker
from simulators.erp_process import ErpProcess
from tests.gateway import Gateway, Scanner, until

PASSWORD = "p4ssword of ours"
TOKEN = "t0ken-of-ours"
CLIENT_SECRET = "s3cret-of-the-client"
ACCESS_TOKEN = "f3tched-token"
WEBHOOK = "whsec_" + base64.b64encode(b"a signing key of 24 bytes").decode()
FORBIDDEN = [
    *(PASSWORD, TOKEN, CLIENT_SECRET, ACCESS_TOKEN, WEBHOOK.removeprefix("whsec_")),
    base64.b64encode(f"milepost:{PASSWORD}".encode()).decode(),
    base64.b64encode(f"milepost:{CLIENT_SECRET}".encode()).decode(),
]

AUTH = """
[destinations.{name}]
driver = "http"
url = "{url}/{name}"
retry_initial_seconds = 0.1
retry_ceiling_seconds = 0.1
[destinations.{name}.auth]
{auth}
"""
WAYS = {
    "bearer": 'kind = "bearer"\ntoken_file = "{directory}/token"',
    "basic": 'kind = "basic"\nuser = "milepost"\npassword_file = "{directory}/password"',
    "signature": 'kind = "signature"\nsecret_file = "{directory}/webhook"',
    "oauth": 'kind = "oauth2"\ntoken_url = "{url}/token"\nclient_id = "milepost"\n'
    'client_secret_file = "{directory}/client"',
    "oauth-refused": 'kind = "oauth2"\ntoken_url = "{url}/no-token"\nclient_id = "milepost"\n'
    'client_secret_file = "{directory}/client"\nclient_in = "body"',
}
STATUSES = [401, 500, 429, 409, 503, 404, 422]
"""What is answered in turn; the last for good."""


class Repeating(BaseHTTPRequestHandler):
    """Answers with what it was sent, except for the token that is asked for."""

    protocol_version = "HTTP/1.1"
    answered: dict[str, int]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        shown = self.headers.get("authorization", "")
        if "Basic " in shown:
            shown += " " + base64.b64decode(shown.removeprefix("Basic ")).decode()
        said, status = f"{shown} {body} {self.headers}".encode(), 401
        if self.path == "/token":
            said = json.dumps({"access_token": ACCESS_TOKEN, "token_type": "Bearer"}).encode()
            status = 200
        elif self.path != "/no-token":
            turn = self.answered[self.path] = self.answered.get(self.path, -1) + 1
            status = STATUSES[min(turn, len(STATUSES) - 1)]
        self.send_response(status)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def repeating() -> Iterator[str]:
    Repeating.answered = {}
    with ThreadingHTTPServer(("127.0.0.1", 0), Repeating) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_no_secret_reaches_the_store_the_log_or_health(
    tmp_path: Path, broker: Broker, erp: ErpProcess, scanner: Scanner, repeating: str
) -> None:
    gateway = Gateway(tmp_path, broker, erp)
    for name, secret in (("password", PASSWORD), ("client", CLIENT_SECRET), ("webhook", WEBHOOK)):
        (tmp_path / name).write_text(secret)
    (tmp_path / "token").write_text(TOKEN)
    gateway.config.write_text(
        gateway.config.read_text()
        + "".join(
            AUTH.format(
                name=name, url=repeating, auth=way.format(directory=tmp_path, url=repeating)
            )
            for name, way in WAYS.items()
        )
    )

    def refused() -> set[str]:
        with closing(sqlite3.connect(read_only(gateway.store), uri=True)) as connection:
            return {
                name
                for (name,) in connection.execute(
                    "SELECT destination FROM entry WHERE state = 'dead'"
                )
            }

    said = ""
    with gateway:
        scanner.scan("dock", "T-1")
        # Each has been told all of STATUSES, and repeated what was shown with each.
        until(lambda: refused() == set(WAYS) - {"oauth-refused"}, "all are refused")
        for command in (["health"], ["outbox"], ["trace", "unit:T-1"]):
            done = gateway.command(*command)
            said += done.stdout + done.stderr
        said += gateway.report().model_dump_json()
        assert gateway.terminate() == 0

    assert "[secret]" in said, "what a destination said of our secrets is shown, blackened"
    files = {path.name: path.read_bytes() for path in tmp_path.glob("milepost.db*")}
    files |= {"log": gateway.log.read_bytes(), "said": said.encode()}
    found = {
        (name, secret)
        for name, content in files.items()
        for secret in FORBIDDEN
        if secret.encode() in content
    }
    assert found == set()
