"""Whom the ERP lets in. Written from the specifications, not from how Milepost asks."""

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from pydantic import BaseModel, ConfigDict

WEBHOOK_TOLERANCE_SECONDS = 300


class Access(BaseModel):
    """What a request must show. At first, nothing; all that is named here is asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bearer: str | None = None
    """A token (RFC 6750)."""
    basic: str | None = None
    """User and password, with a colon between them (RFC 7617)."""
    client: str | None = None
    """Id and secret of an OAuth 2 client, with a colon; it gets tokens at /token (RFC 6749)."""
    token_seconds: float = 3600.0
    """How long such a token lasts."""
    signature: str | None = None
    """A secret of Standard Webhooks, whsec_…"""


class Doorkeeper:
    """Holds to one `Access`, and knows the tokens that were issued under it."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._tokens: dict[str, float] = {}

    def refuses(
        self, headers: Mapping[str, str], body: bytes, now: float | None = None
    ) -> str | None:
        """Return why a request is not let in; None if it is.

        `now` is in seconds since the Unix epoch; without it, it is by the machine's clock.
        """
        access, shown = self.access, headers.get("authorization", "")
        if access.bearer is not None and shown != f"Bearer {access.bearer}":
            return "another bearer token is asked for"
        if access.basic is not None and _of_basic(shown) != access.basic:
            return "another user or password is asked for"
        if access.client is not None:
            ends = self._tokens.get(shown.removeprefix("Bearer "), 0.0)
            if time.monotonic() >= ends:
                return "the token is unknown or has ended"
        if access.signature is not None:
            if now is None:
                now = time.time()  # noqa: TID251 - the ERP has a clock of its own
            return _signature_fault(access.signature, headers, body, now)
        return None

    def issue(self, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        """Answer at the token endpoint: status and body (RFC 6749, sections 4.4, 5.1, 5.2)."""
        form = {name: values[0] for name, values in parse_qs(body.decode("utf-8")).items()}
        name, _, secret = _of_basic(headers.get("authorization", "")).partition(":")
        client = f"{unquote_plus(name)}:{unquote_plus(secret)}"
        if "client_id" in form:
            client = f"{form['client_id']}:{form.get('client_secret', '')}"
        if self.access.client is None or client != self.access.client:
            return 401, {"error": "invalid_client", "error_description": "not known here"}
        if form.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        token = secrets.token_urlsafe(24)
        self._tokens[token] = time.monotonic() + self.access.token_seconds
        return 200, {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": self.access.token_seconds,
        }


def _of_basic(shown: str) -> str:
    if not shown.startswith("Basic "):
        return ""
    try:
        return base64.b64decode(shown.removeprefix("Basic "), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _signature_fault(
    secret: str, headers: Mapping[str, str], body: bytes, now: float
) -> str | None:
    named, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not named or not at.isdecimal():
        return "there must be webhook-id and webhook-timestamp"
    if abs(now - int(at)) > WEBHOOK_TOLERANCE_SECONDS:
        return "webhook-timestamp is too far from now"
    key = base64.b64decode(secret.removeprefix("whsec_"))
    told = hmac.new(key, f"{named}.{at}.".encode() + body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(told).decode()}"
    if expected not in headers.get("webhook-signature", "").split(" "):
        return "no signature fits"
    return None
