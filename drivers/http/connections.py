"""Connections to a system: the only file of this driver that talks over them."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx

from drivers.contract import Clock
from drivers.http.answer import Answer
from drivers.http.secret import FromFiles, NoCredentials

LONGEST_BODY = 64 * 1024
"""Bytes of an answer that are read, unless more are asked for; what comes after decides nothing."""
# Many servers close after 5 s of silence. A request that meets the closing has an unknown
# outcome, which costs far more than a new connection.
KEEP_ALIVE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long we wait for the other side."""

    connect_seconds: float
    """For a connection, and again for its encryption."""
    seconds: float
    """For sending and the whole answer."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom we trust, and who we are, on an encrypted connection. All files are PEM."""

    ca_file: Path | None = None
    """Without it, the certificates that this machine trusts."""
    certificate_file: Path | None = None
    key_file: Path | None = None

    def load(self) -> ssl.SSLContext:
        """Read the files.

        Raises:
            OSError: One cannot be read.
            NoCredentials: They hold nothing that can be used.

        """
        for path in self.files():
            path.open("rb").close()  # OpenSSL does not say which one it cannot read
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except ssl.SSLError as error:
            raise NoCredentials(f"ca_file {self.ca_file} holds no certificates") from error
        if self.certificate_file is not None:
            try:
                # A password is never asked for at a terminal, where nobody sits.
                context.load_cert_chain(self.certificate_file, self.key_file, password="")
            except ssl.SSLError as error:
                why = (error.reason or str(error)).replace("_", " ").lower()
                raise NoCredentials(
                    f"client_certificate_file {self.certificate_file} and client_key_file"
                    f" {self.key_file} cannot be used: {why}; they must be PEM, belong together,"
                    " and the key must have no password"
                ) from error
        return context

    def files(self) -> list[Path]:
        """Return the files that it is read from."""
        named = (self.ca_file, self.certificate_file, self.key_file)
        return [path for path in named if path is not None]


class Connections:
    """Connections that are kept, one for each request that is under way at a time.

    It speaks through httpx's transport, below its client: redirects, cookies,
    proxies and certificates from the environment, unpacking of answers are all
    features of the client, and would all have to be switched off.
    """

    def __init__(self, identity: Identity, patience: Patience, clock: Clock) -> None:
        self._clock = clock
        # httpx bounds the time between two bytes; a server that drips them is bounded by this.
        self._longest = 2 * patience.connect_seconds + patience.seconds
        self._timeouts = httpx.Timeout(patience.seconds, connect=patience.connect_seconds).as_dict()
        self._identity = FromFiles(identity.load, *identity.files())
        self._shown: ssl.SSLContext | None = None
        # One transport for each connection: a shared pool examines all of its connections at
        # each request, which at 32 in flight doubles what a request costs.
        self._idle: list[httpx.AsyncHTTPTransport] = []

    async def ask(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        *,
        at_most: int = LONGEST_BODY,
        secrets: Sequence[str] = (),
    ) -> Answer:
        """Send a request once and return what was answered.

        Raises:
            One of `drivers.http.verdicts.FAILURES`.

        """
        shown = await self._identified()
        request = httpx.Request(
            method, url, headers=headers, content=body, extensions={"timeout": self._timeouts}
        )
        transport = self._idle.pop() if self._idle else _transport(shown)
        try:
            async with asyncio.timeout(self._longest):
                response = await transport.handle_async_request(request)
                async with aclosing(response):
                    beginning, is_whole = await _beginning(response, at_most)
        finally:
            if shown is self._shown:
                self._idle.append(transport)
            else:
                await transport.aclose()
        return Answer(
            place=place_of(url),
            received_at=self._clock(),
            status=response.status_code,
            headers=response.headers,
            body=beginning,
            is_whole=is_whole,
            secrets=secrets,
        )

    async def close(self) -> None:
        """Give up the connections."""
        while self._idle:
            await self._idle.pop().aclose()

    async def _identified(self) -> ssl.SSLContext:
        """Return who we are now; connections that showed something else are given up."""
        try:
            shown = self._identity()
        except OSError as error:
            raise NoCredentials(
                f"cannot read {error.filename} ({error.strerror}); mend the setting that names it,"
                " or who may read it"
            ) from error
        if shown is not self._shown:
            self._shown = shown
            await self.close()
        return shown


def place_of(url: str) -> str:
    """Return the address as it may be shown: its query may hold a key."""
    return url.partition("?")[0]


def _transport(shown: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
    limits = httpx.Limits(max_connections=1, keepalive_expiry=KEEP_ALIVE_SECONDS)
    return httpx.AsyncHTTPTransport(verify=shown, limits=limits, trust_env=False)


async def _beginning(response: httpx.Response, at_most: int) -> tuple[bytes, bool]:
    """Read the body, at most so many bytes of it, and tell whether that is all of it."""
    body = bytearray()
    # Raw: a compressed body was not asked for, and may unfold to any size.
    generator = cast("AsyncGenerator[bytes]", response.aiter_raw())
    async with aclosing(generator) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > at_most:
                return bytes(body[:at_most]), False
    return bytes(body), True
