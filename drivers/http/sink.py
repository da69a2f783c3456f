"""An HTTP destination."""

from collections.abc import Sequence
from http import HTTPStatus

import httpx
import structlog

from drivers.contract import Accepted, Clock, Divide, Entry, Retry, Unknown, Verdict
from drivers.http import encode
from drivers.http.answer import Answer
from drivers.http.connections import LONGEST_BODY, Connections, Identity, Patience, place_of
from drivers.http.credentials import Basic, Bearer, Credentials, Nobody, Shown, Signature
from drivers.http.oauth2 import OAuth2
from drivers.http.results import judge_batch
from drivers.http.settings import (
    BasicSettings,
    BearerSettings,
    HttpSettings,
    OAuth2Settings,
    SignatureSettings,
)
from drivers.http.verdicts import FAILURES, judge, judge_failure, judge_look_up

LONGEST_RESULT = 2 * 1024
"""Bytes that are read of what an answer tells of one entry of a batch."""

log = structlog.get_logger(__name__)


class HttpSink:
    """Posts entries, one in each request or in batches.

    As many connections are open as deliveries are under way; how many that are
    is the caller's to bound. A request takes at most twice
    connect_timeout_seconds and timeout_seconds together. A delivery is one
    request; where tokens are fetched it may be up to four.
    """

    def __init__(self, settings: HttpSettings, clock: Clock) -> None:
        self._settings = settings
        patience = Patience(settings.connect_timeout_seconds, settings.timeout_seconds)
        identity = Identity(
            settings.ca_file, settings.client_certificate_file, settings.client_key_file
        )
        self._connections = Connections(identity, patience, clock)
        self._credentials = _credentials(settings, patience, clock)
        self._headers = httpx.Headers(
            {
                "user-agent": "milepost",
                "accept": "application/json, application/problem+json",
                "accept-encoding": "identity",
            }
        )
        self._headers.update(settings.headers)

    @property
    def batch_limit(self) -> int:
        """The most entries in a request."""
        return 1 if self._settings.batch is None else self._settings.batch.max_entries

    async def deliver(self, entries: Sequence[Entry]) -> Sequence[Verdict] | Divide:
        """Post the entries once and say how each ended."""
        if self._settings.batch is None:
            (entry,) = entries
            answer = await self._ask(
                "POST", self._settings.url, encode.headers(entry), entry.body, entry.id
            )
            return [judge(answer) if isinstance(answer, Answer) else answer]
        body, limit = encode.batch(entries), self._settings.batch.max_bytes
        if len(entries) > 1 and len(body) > limit:
            return Divide(f"{len(body)} bytes, and batch.max_bytes is {limit}", too_large=True)
        answer = await self._ask(
            "POST",
            self._settings.url,
            {"content-type": encode.BATCH},
            body,
            encode.message_id(entries),
            at_most=LONGEST_BODY + LONGEST_RESULT * len(entries),
        )
        if isinstance(answer, Answer):
            return judge_batch(answer, entries)
        return [answer] * len(entries)

    async def look_up(self, entry: Entry) -> Accepted | Retry | Unknown | None:
        """Ask whether the entry has arrived, where the destination can be asked."""
        if self._settings.look_up is None:
            return None
        url = self._settings.look_up.replace("{id}", entry.id)
        answer = await self._ask("GET", url, {}, b"", entry.id)
        # No answer is no outage: what is asked may be another system than what takes entries.
        found = judge_look_up(answer) if isinstance(answer, Answer) else Unknown(answer.reason)
        if isinstance(found, Retry | Unknown):
            log.warning("look_up_failed", url=place_of(url), reason=found.reason)
        return found

    async def close(self) -> None:
        """Give up the connections."""
        await self._credentials.close()
        await self._connections.close()

    async def _ask(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes,
        message_id: str,
        *,
        at_most: int = LONGEST_BODY,
    ) -> Answer | Retry | Unknown:
        """Return what was answered, or what it means that nothing was.

        What was answered 401 has had no effect: it is asked once more if there
        are other credentials to show.
        """
        shown = Shown()
        try:
            for is_last in (False, True):
                shown = await self._credentials.show(message_id, body)
                answer = await self._connections.ask(
                    method,
                    url,
                    [*self._headers.items(), *headers.items(), *shown.headers],
                    body,
                    at_most=at_most,
                    secrets=shown.secrets,
                )
                if (
                    is_last
                    or answer.status != HTTPStatus.UNAUTHORIZED
                    or not self._credentials.refused(shown)
                ):
                    break
        except FAILURES as error:
            return judge_failure(error, place_of(url), shown.secrets)
        return answer


def _credentials(settings: HttpSettings, patience: Patience, clock: Clock) -> Credentials:
    match settings.auth:
        case None:
            return Nobody()
        case BearerSettings() as auth:
            return Bearer(auth)
        case BasicSettings() as auth:
            return Basic(auth)
        case OAuth2Settings() as auth:
            return OAuth2(auth, patience, clock)
        case SignatureSettings() as auth:
            return Signature(auth, clock)
