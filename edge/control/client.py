"""Asking the running daemon over its control socket."""

from pathlib import Path

import httpx
from pydantic import ValidationError

from edge.control.health import Report


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
            return Report.model_validate_json(self._request("GET", "/health").content)
        except ValidationError as error:
            raise NotRunning(f"{self._socket}: answers, but not as this Milepost") from error

    def retry(self, entry: int) -> None:
        """Have a dead letter sent again."""
        self._request("POST", f"/outbox/{entry}/retry")

    def discard(self, entry: int, reason: str) -> None:
        """Have a dead letter given up."""
        self._request("POST", f"/outbox/{entry}/discard", params={"reason": reason})

    def _request(
        self, method: str, path: str, params: dict[str, str] | None = None
    ) -> httpx.Response:
        transport = httpx.HTTPTransport(uds=str(self._socket))
        try:
            with httpx.Client(transport=transport, timeout=5) as client:
                response = client.request(method, f"http://milepost{path}", params=params)
        except PermissionError as error:
            raise NotRunning(f"{self._socket}: {error.strerror}") from error
        except httpx.TransportError as error:
            raise NotRunning(f"{self._socket}: {error}") from error
        if response.is_client_error:
            raise Refused(response.json()["detail"])
        if response.is_error:
            raise NotRunning(f"{self._socket}: failed to answer ({response.status_code})")
        return response
