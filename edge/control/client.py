"""Asking the running daemon over its control socket."""

import socket
from collections.abc import Mapping
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlencode

import orjson
from pydantic import ValidationError

from edge.control.health import Report

TIMEOUT_SECONDS = 5.0


class NotRunning(Exception):
    """The daemon does not answer on its control socket."""


class Refused(Exception):
    """The daemon answered that it cannot do what was asked; the message says why."""


class Control:
    """The daemon, as seen from the command line."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def health(self) -> Report:
        """Return the daemon's own report.

        Raises:
            NotRunning: It does not answer.

        """
        try:
            return Report.model_validate_json(self._request("GET", "/health"))
        except ValidationError as error:
            raise NotRunning(f"{self._socket} (it answers, but not as this Milepost)") from error

    def retry(self, entry: int) -> None:
        """Have a dead letter sent again."""
        self._request("POST", f"/outbox/{entry}/retry")

    def discard(self, entry: int, reason: str) -> None:
        """Have a dead letter given up."""
        self._request("POST", f"/outbox/{entry}/discard", {"reason": reason})

    def _request(
        self, method: str, path: str, parameters: Mapping[str, str] | None = None
    ) -> bytes:
        query = f"?{urlencode(parameters)}" if parameters else ""
        with closing(_Connection(self._socket)) as connection:
            try:
                connection.request(method, path + query)
                answer = connection.getresponse()
                content = answer.read()
            except OSError as error:
                raise NotRunning(f"{self._socket} ({error.strerror or error})") from error
            except HTTPException as error:
                raise NotRunning(f"{self._socket} ({error})") from error
        if 400 <= answer.status < 500:  # noqa: PLR2004 - client errors, RFC 9110, section 15.5
            raise Refused(orjson.loads(content)["detail"])
        if answer.status != HTTPStatus.OK:
            raise NotRunning(f"{self._socket} (it failed to answer: {answer.status})")
        return content


class _Connection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("milepost", timeout=TIMEOUT_SECONDS)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
