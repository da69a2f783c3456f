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
    """The daemon does not answer on its control socket; the message says where, and why."""


class Silent(NotRunning):
    """Somebody listens on the control socket, and gives no answer: most likely the daemon hangs."""

    def __init__(self, socket: Path, how: str) -> None:
        super().__init__(f"the daemon at {socket} {how}")
        self.how = how
        """What it does instead of answering, as of "it"."""


class NotAllowed(Exception):
    """This account may not use the control socket; the message says what to do."""


class Refused(Exception):
    """The daemon answered that it cannot do what was asked; the message says why."""


class NoAnswer(Exception):
    """The daemon was asked and has not answered; the message says what to think of that."""


class Control:
    """The daemon, as seen from the command line."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket

    def health(self) -> Report:
        """Return the daemon's own report.

        Raises:
            NotRunning: It does not answer.
            Silent: As above, though somebody listens there.
            NotAllowed: This account may not ask.

        """
        _, content = self._request("GET", "/health", TIMEOUT_SECONDS)
        try:
            return Report.model_validate_json(content)
        except ValidationError as error:
            raise Silent(
                self._socket, "answers as another version of Milepost; restart it"
            ) from error

    def ask(self, operation: Question[A, B] | Decision[A, B], asked: A) -> B:
        """Ask the daemon, or have it decide; return its answer.

        Raises:
            NotRunning: Nobody listens there; nothing was done.
            NotAllowed: This account may not ask; nothing was done.
            Refused: It cannot do this; nothing was done.
            NoAnswer: It has not answered in time; a decision may have been carried out.

        """
        body = asked.model_dump_json().encode()
        try:
            status, content = self._request("POST", operation.path, operation.seconds, body)
        except Silent as silent:
            if isinstance(operation, Question):
                raise NoAnswer(f"{silent}; see `systemctl status milepost`") from silent
            raise NoAnswer(
                f"the daemon at {self._socket} was asked and {silent.how}; "
                "it may have been done: look before you ask again"
            ) from silent
        if status in (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY):
            raise Refused(orjson.loads(content)["detail"])
        if status != HTTPStatus.OK:
            raise Refused(
                f"the daemon at {self._socket} is another version of Milepost; restart it"
            )
        return operation.answer.model_validate_json(content)

    def _request(
        self, method: str, path: str, seconds: float, body: bytes | None = None
    ) -> tuple[int, bytes]:
        with closing(_Connection(self._socket, seconds)) as connection:
            try:
                connection.connect()
            except PermissionError as error:
                raise NotAllowed(
                    f"may not ask the daemon at {self._socket} ({error.strerror}): "
                    "use sudo, or join the group milepost"
                ) from error
            except OSError as error:
                raise NotRunning(
                    f"the daemon does not answer at {self._socket} ({error.strerror or error})"
                ) from error
            try:
                connection.request(method, path, body, _headers())
                answer = connection.getresponse()
                content = answer.read()
            except TimeoutError as error:
                raise Silent(self._socket, f"does not answer within {seconds:g} s") from error
            except (OSError, HTTPException) as error:
                raise Silent(self._socket, f"did not answer ({error})") from error
        if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Silent(
                self._socket,
                f"failed to answer ({answer.status}): `journalctl -u milepost` says why",
            )
        return answer.status, content


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
