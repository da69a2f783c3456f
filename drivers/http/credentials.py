"""What we show to a destination with each request, so that it knows us."""

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from drivers.contract import Clock
from drivers.http.secret import Secret
from drivers.http.settings import BasicSettings, BearerSettings, SignatureSettings

B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What a bearer token looks like (RFC 6750, section 2.1)."""
WEBHOOK_SECRET_BYTES = range(24, 65)
"""How long a secret of Standard Webhooks is."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Headers that tell who we are."""

    headers: Sequence[tuple[str, str]] = field(default=(), repr=False)
    secrets: Sequence[str] = field(default=(), repr=False)
    """What in them must not be shown to anyone else."""


class Credentials(Protocol):
    """A way to be known."""

    async def show(self, message_id: str, body: bytes) -> Shown:
        """Return what to send with a message.

        Raises:
            NoCredentials: There is nothing to show.

        """
        ...

    def refused(self, shown: Shown) -> bool:
        """Hear that it was answered 401; tell whether the next `show` has something else."""
        ...

    async def close(self) -> None:
        """Give up what is under way."""
        ...


class _Lasting:
    """Credentials that only an operator changes."""

    def refused(self, _: Shown) -> bool:
        return False

    async def close(self) -> None:
        pass


class Nobody(_Lasting):
    """A destination that asks for nothing."""

    async def show(self, _: str, __: bytes) -> Shown:
        """Return nothing to show."""
        return Shown()


class Bearer(_Lasting):
    """A token that an operator puts there (RFC 6750)."""

    def __init__(self, settings: BearerSettings) -> None:
        self._token = Secret(settings.token_file, "auth.token_file")

    async def show(self, _: str, __: bytes) -> Shown:
        """Return the token as it is in its file now."""
        token = self._token()
        if not B64TOKEN.fullmatch(token):
            raise self._token.unusable("no bearer token; it must be the only line")
        return Shown([("authorization", f"Bearer {token}")], [token])


class Basic(_Lasting):
    """A user and a password (RFC 7617, in UTF-8)."""

    def __init__(self, settings: BasicSettings) -> None:
        self._user = settings.user
        self._password = Secret(settings.password_file, "auth.password_file")

    async def show(self, _: str, __: bytes) -> Shown:
        """Return the password as it is in its file now."""
        password = self._password()
        if not password.isprintable():
            raise self._password.unusable("no password; it must be the only line")
        return basic(self._user, password)


class Signature(_Lasting):
    """A signature over what is sent (Standard Webhooks 1.0, symmetric).

    Several secrets in the file make as many signatures, so that the other
    side can change from one to the next.
    """

    def __init__(self, settings: SignatureSettings, clock: Clock) -> None:
        self._secrets = Secret(settings.secret_file, "auth.secret_file")
        self._clock = clock

    async def show(self, message_id: str, body: bytes) -> Shown:
        """Return the signatures, which hold for this attempt: its time is signed, too."""
        written = self._secrets().split()
        keys = [self._key(secret) for secret in written]
        timestamp = str(self._clock() // 1000)
        signed = b".".join([message_id.encode(), timestamp.encode(), body])
        signatures = [
            "v1," + base64.b64encode(hmac.digest(key, signed, "sha256")).decode() for key in keys
        ]
        return Shown(
            [
                ("webhook-id", message_id),
                ("webhook-timestamp", timestamp),
                ("webhook-signature", " ".join(signatures)),
            ],
            [*written, *(secret.removeprefix("whsec_") for secret in written)],
        )

    def _key(self, secret: str) -> bytes:
        encoded = secret.removeprefix("whsec_")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if encoded == secret or len(key) not in WEBHOOK_SECRET_BYTES:
            raise self._secrets.unusable('what is no secret "whsec_…" of 24 to 64 bytes')
        return key


def basic(user: str, password: str) -> Shown:
    """Return user and password as RFC 7617 writes them."""
    both = base64.b64encode(f"{user}:{password}".encode()).decode()
    return Shown([("authorization", f"Basic {both}")], [password, both])
