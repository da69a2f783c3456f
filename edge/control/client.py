"""Asking the running daemon over its control socket."""

import os
import socket
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TypeVar

import orjson
from pydantic import ValidationError

from edge.control import SUDO_USER_HEADER
from edge.control.health import Report
from edge.control.messages import Message
from edge.control.operations import Decision, Question

A = TypeVar("A", bound=Message)
B = TypeVar("B", bound=Message)

TIMEOUT_SECONDS = 5.0


class NotRunning(Exception):
    """The daemon does not answer on its control socket."""


class Refused(Exception):
    """The daemon answered that it cannot do what was asked; the message says why."""


class NoAnswer(Exception):
    """The daemon was asked and has not answered: what was asked may have been done."""


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

    def ask(self, operation: Question[A, B] | Decision[A, B], asked: A) -> B:
        """Ask the daemon, or have it decide; return its answer.

        Raises:
            NotRunning: It does not answer; nothing was done.
            Refused: It cannot do this; nothing was done.
            NoAnswer: It has not answered in time; it may have been done.

        """
        body = asked.model_dump_json().encode()
        content = self._request("POST", operation.path, body, operation.seconds)
        return operation.answer.model_validate_json(content)

    def _request(
        self, method: str, path: str, body: bytes | None = None, timeout: float = TIMEOUT_SECONDS
    ) -> bytes:
        with closing(_Connection(self._socket, timeout)) as connection:
            try:
                connection.connect()
            except OSError as error:
                raise NotRunning(f"{self._socket} ({error.strerror or error})") from error
            try:
                connection.request(method, path, body, _headers())
                answer = connection.getresponse()
                content = answer.read()
            except (OSError, HTTPException) as error:
                if body is None:
                    raise NotRunning(f"{self._socket} ({error})") from error
                raise NoAnswer(
                    f"the daemon at {self._socket} was asked and has not answered ({error}); "
                    "it may have been done: look before you ask again"
                ) from error
        if answer.status in (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY):
            raise Refused(orjson.loads(content)["detail"])
        if answer.status == HTTPStatus.NOT_FOUND:
            raise Refused(
                f"the daemon at {self._socket} is another version of Milepost; restart it"
            )
        if answer.status != HTTPStatus.OK:
            raise (NotRunning if body is None else NoAnswer)(
                f"{self._socket} (it failed to answer: {answer.status}; see its log)"
            )
        return content


def _headers() -> dict[str, str]:
    who = os.environ.get("SUDO_USER")
    return {SUDO_USER_HEADER: who} if who else {}


class _Connection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("milepost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        """Connect to the socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
