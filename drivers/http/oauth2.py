"""Tokens of OAuth 2.0 for a client in its own name (RFC 6749, section 4.4)."""

import asyncio
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from math import inf
from typing import Any
from urllib.parse import quote_plus, urlencode

from drivers.contract import Clock, Retry
from drivers.http.answer import Answer
from drivers.http.connections import Connections, Identity, Patience, place_of
from drivers.http.credentials import B64TOKEN, Shown, basic
from drivers.http.secret import NoCredentials, Secret
from drivers.http.settings import OAuth2Settings
from drivers.http.verdicts import FAILURES, judge, judge_failure

EARLY_SECONDS = 60.0
"""A token is renewed so long before it ends; one that lasts less than four times that, when
a quarter of its life is left."""
AGAIN_SECONDS = 5.0
"""A renewal that failed is tried again after this time, while the token still holds."""


@dataclass(frozen=True, slots=True)
class _Token:
    shown: Shown = field(repr=False)
    renew_at: float = inf
    ends_at: float = inf
    """Milliseconds since the Unix epoch; never, if it does not say how long it lasts."""


class OAuth2:
    """Tokens that are fetched when they are needed, once for all who need one at the time."""

    def __init__(self, settings: OAuth2Settings, patience: Patience, clock: Clock) -> None:
        self._settings = settings
        self._secret = Secret(settings.client_secret_file, "auth.client_secret_file")
        self._clock = clock
        self._connections = Connections(Identity(settings.ca_file), patience, clock)
        self._token: _Token | None = None
        self._fetching: asyncio.Task[_Token] | None = None
        self._not_before = 0.0

    async def show(self, _: str, __: bytes) -> Shown:
        """Return a token that holds; a new one is fetched meanwhile if it is about to end."""
        token, now = self._token, self._clock()
        if token is None or now >= token.ends_at:
            # Shielded: whoever gives up must not take the token from the others who wait.
            token = await asyncio.shield(self._renewal())
        elif now >= max(token.renew_at, self._not_before):
            self._renewal()
        return token.shown

    def refused(self, shown: Shown) -> bool:
        """Forget the token, unless there is a newer one already."""
        if self._token is not None and self._token.shown is shown:
            self._token = None
        return True

    async def close(self) -> None:
        """Give up what is under way."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait([self._fetching])
        await self._connections.close()

    def _renewal(self) -> asyncio.Task[_Token]:
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch())
            self._fetching.add_done_callback(self._fetched)
        return self._fetching

    def _fetched(self, fetching: asyncio.Task[_Token]) -> None:
        self._fetching = None
        if fetching.cancelled() or fetching.exception() is not None:
            self._not_before = self._clock() + 1000 * AGAIN_SECONDS
        else:
            self._token = fetching.result()

    async def _fetch(self) -> _Token:
        s, secret = self._settings, self._secret()
        asked = {"grant_type": "client_credentials", "scope": s.scope, "audience": s.audience}
        headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("accept", "application/json"),
            ("accept-encoding", "identity"),
            ("user-agent", "milepost"),
        ]
        # Both parts are form-encoded first (RFC 6749, section 2.3.1).
        client = basic(quote_plus(s.client_id), quote_plus(secret))
        if s.client_in == "header":
            headers += client.headers
        else:
            asked |= {"client_id": s.client_id, "client_secret": secret}
        form = urlencode({name: value for name, value in asked.items() if value is not None})
        secrets = [secret, *client.secrets]
        began = self._clock()
        try:
            answer = await self._connections.ask(
                "POST", s.token_url, headers, form.encode(), secrets=secrets
            )
        except FAILURES as error:
            reason = judge_failure(error, place_of(s.token_url), secrets).reason
            raise NoCredentials(f"no token: {reason}") from error
        return _read(answer, began)


def _read(answer: Answer, began: int) -> _Token:
    """Return the token in the answer (RFC 6749, section 5.1)."""
    if answer.status != HTTPStatus.OK:
        verdict = judge(answer)
        raise NoCredentials(
            f"no token: {answer.place} answers {answer.told()};"
            " check auth and what this client may do",
            verdict.after if isinstance(verdict, Retry) else None,
        )
    try:
        told: Any = json.loads(answer.body)
        token, kind = told["access_token"], told["token_type"]
        if not (B64TOKEN.fullmatch(token) and kind.lower() == "bearer"):
            raise ValueError  # noqa: TRY301 - said below, without quoting what may be a token
        lasts = None if told.get("expires_in") is None else float(told["expires_in"])
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise NoCredentials(
            f"no token: what {answer.place} answers is no bearer token (RFC 6749, section 5.1);"
            " check auth.token_url"
        ) from None
    shown = Shown([("authorization", f"Bearer {token}")], [token])
    if lasts is None:
        return _Token(shown)
    renewed_after = lasts - min(EARLY_SECONDS, lasts / 4)
    return _Token(shown, began + 1000 * renewed_after, began + 1000 * lasts)
