"""An HTTP destination: the only file of this driver that does I/O with it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import cast

import httpx
import structlog

from drivers.contract import Accepted, Clock, Entry, Verdict
from drivers.http import encode
from drivers.http.bearer import BearerToken
from drivers.http.settings import HttpSettings
from drivers.http.verdicts import FAILURES, Answer, judge, judge_failure, judge_look_up

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
    """

    def __init__(self, settings: HttpSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._patience = settings.connect_timeout_seconds + settings.timeout_seconds
        file = settings.bearer_token_file
        self._token = None if file is None else BearerToken(file)
        headers = httpx.Headers(
            {
                "user-agent": "milepost",
                "accept": "application/json, application/problem+json",
                "accept-encoding": "identity",
            }
        )
        headers.update(settings.headers)
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(cafile=settings.ca_file),
            timeout=httpx.Timeout(
                settings.timeout_seconds, connect=settings.connect_timeout_seconds
            ),
            limits=httpx.Limits(max_connections=None, keepalive_expiry=KEEP_ALIVE_SECONDS),
            headers=headers,
            # Each attempt sends the same bytes, whatever was answered before.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            # No proxy or certificates by way of the environment: the configuration says it all.
            trust_env=False,
        )

    async def deliver(self, entry: Entry) -> Verdict:
        """Post the entry once and say how it ended."""
        url = self._settings.url
        try:
            return judge(await self._ask("POST", url, encode.headers(entry), entry.body))
        except FAILURES as error:
            return judge_failure(error, _place(url))

    async def look_up(self, entry: Entry) -> Accepted | None:
        """Ask whether the entry has arrived, where the destination can be asked."""
        if self._settings.look_up is None:
            return None
        url = self._settings.look_up.replace("{id}", entry.id)
        try:
            answer = await self._ask("GET", url)
        except FAILURES as error:
            reason = judge_failure(error, _place(url)).reason
            log.warning("look_up_failed", url=_place(url), reason=reason)
            return None
        found = judge_look_up(answer)
        if found is None and answer.status != 404:  # noqa: PLR2004 - the plain "no"
            log.warning("look_up_failed", url=_place(url), reason=f"answered {answer.status}")
        return found

    async def close(self) -> None:
        """Give up the connections."""
        await self._client.aclose()

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> Answer:
        headers = dict(headers or {})
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token()}"
        # httpx bounds the time between two bytes; a server that drips them is bounded here.
        async with (
            asyncio.timeout(self._patience),
            self._client.stream(method, url, headers=headers, content=body) as response,
        ):
            beginning = await _beginning(response)
        return Answer(_place(url), self._clock(), response.status_code, response.headers, beginning)


def _place(url: str) -> str:
    """Return the address as it may be shown: its query may hold a key."""
    return url.partition("?")[0]


async def _beginning(response: httpx.Response) -> bytes:
    """Read the body, at most LONGEST_BODY bytes of it."""
    body = bytearray()
    # Raw: a compressed body was not asked for, and may unfold to any size.
    generator = cast("AsyncGenerator[bytes]", response.aiter_raw())
    async with contextlib.aclosing(generator) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) >= LONGEST_BODY:
                break
    return bytes(body[:LONGEST_BODY])
