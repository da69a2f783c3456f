"""An HTTP destination: the only file of this driver that does I/O with it."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from http import HTTPStatus
from typing import cast

import httpx
import structlog

from drivers.contract import Accepted, Clock, Entry, Verdict
from drivers.http import encode
from drivers.http.answer import Answer
from drivers.http.bearer import BearerToken
from drivers.http.settings import HttpSettings
from drivers.http.verdicts import FAILURES, judge, judge_failure, judge_look_up

LONGEST_BODY = 64 * 1024
"""Bytes of an answer that are read; what comes after them decides nothing."""
# Many servers close after 5 s of silence. A request that meets the closing has an unknown
# outcome, which costs far more than a new connection.
KEEP_ALIVE_SECONDS = 3.0

log = structlog.get_logger(__name__)


class HttpSink:
    """Posts each entry in a request of its own.

    As many connections are open as entries are in flight; how many that are is
    the caller's to bound. A delivery takes at most connect_timeout_seconds and
    timeout_seconds together.

    It speaks through httpx's transport, below its client: redirects, cookies,
    proxies and certificates from the environment, unpacking of answers are all
    features of the client, and would all have to be switched off.
    """

    def __init__(self, settings: HttpSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._patience = settings.connect_timeout_seconds + settings.timeout_seconds
        self._timeouts = httpx.Timeout(
            settings.timeout_seconds, connect=settings.connect_timeout_seconds
        ).as_dict()
        file = settings.bearer_token_file
        self._token = None if file is None else BearerToken(file)
        self._headers = httpx.Headers(
            {
                "user-agent": "milepost",
                "accept": "application/json, application/problem+json",
                "accept-encoding": "identity",
            }
        )
        self._headers.update(settings.headers)
        self._trust = ssl.create_default_context(cafile=settings.ca_file)
        # One transport for each connection: a shared pool examines all of its connections at
        # each request, which at 32 in flight doubles what a request costs.
        self._idle: list[httpx.AsyncHTTPTransport] = []

    @property
    def batch_limit(self) -> int:
        """One entry in each request."""
        return 1

    async def deliver(self, entries: Sequence[Entry]) -> Sequence[Verdict]:
        """Post the entry once and say how it ended."""
        url = self._settings.url
        (entry,) = entries
        try:
            return [judge(await self._ask("POST", url, encode.headers(entry), entry.body))]
        except FAILURES as error:
            return [judge_failure(error, _place(url))]

    async def look_up(self, entry: Entry) -> Accepted | None:
        """Ask whether the entry has arrived, where the destination can be asked."""
        if self._settings.look_up is None:
            return None
        url = self._settings.look_up.replace("{id}", entry.id)
        try:
            answer = await self._ask("GET", url, {}, b"")
        except FAILURES as error:
            reason = judge_failure(error, _place(url)).reason
            log.warning("look_up_failed", url=_place(url), reason=reason)
            return None
        found = judge_look_up(answer)
        if found is None and answer.status != HTTPStatus.NOT_FOUND:
            log.warning("look_up_failed", url=_place(url), reason=f"answered {answer.status}")
        return found

    async def close(self) -> None:
        """Give up the connections."""
        while self._idle:
            await self._idle.pop().aclose()

    async def _ask(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Answer:
        request = httpx.Request(
            method,
            url,
            headers=[*self._headers.items(), *headers.items(), *self._authorization()],
            content=body,
            extensions={"timeout": self._timeouts},
        )
        transport = self._idle.pop() if self._idle else self._new_transport()
        try:
            # httpx bounds the time between two bytes; a server that drips them is bounded here.
            async with asyncio.timeout(self._patience):
                response = await transport.handle_async_request(request)
                async with aclosing(response):
                    beginning = await _beginning(response)
        finally:
            self._idle.append(transport)
        return Answer(_place(url), self._clock(), response.status_code, response.headers, beginning)

    def _authorization(self) -> list[tuple[str, str]]:
        return [] if self._token is None else [("authorization", f"Bearer {self._token()}")]

    def _new_transport(self) -> httpx.AsyncHTTPTransport:
        limits = httpx.Limits(max_connections=1, keepalive_expiry=KEEP_ALIVE_SECONDS)
        return httpx.AsyncHTTPTransport(verify=self._trust, limits=limits, trust_env=False)


def _place(url: str) -> str:
    """Return the address as it may be shown: its query may hold a key."""
    return url.partition("?")[0]


async def _beginning(response: httpx.Response) -> bytes:
    """Read the body, at most LONGEST_BODY bytes of it."""
    body = bytearray()
    # Raw: a compressed body was not asked for, and may unfold to any size.
    generator = cast("AsyncGenerator[bytes]", response.aiter_raw())
    async with aclosing(generator) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) >= LONGEST_BODY:
                break
    return bytes(body[:LONGEST_BODY])
