"""Settings of an HTTP destination."""

import re
from ipaddress import ip_address
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, FilePath, model_validator

from drivers.contract import SecretFile, Settings

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What a header may be called (RFC 9110, section 5.6.2)."""
OURS = re.compile(
    r"ce-.*|idempotency-key|content-type|content-length|transfer-encoding|host|connection"
    r"|accept-encoding|webhook-.*",
    re.IGNORECASE,
)
"""Headers that say what is sent and how; configuration must not contradict them."""


def _check_url(url: str) -> str:
    parts = urlsplit(url)  # raises ValueError where brackets do not match
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url}: not an http:// or https:// address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address holds no user name or password; use auth")
    if parts.fragment or not re.fullmatch(r"[!-~]+", url):
        raise ValueError(f"{url}: no fragment, no spaces, only ASCII; percent-encode the rest")
    # Both raise ValueError: where it is no port, and where it cannot be a name in the DNS.
    _ = parts.port, parts.hostname.encode("idna")
    return url


def _check_look_up(url: str) -> str:
    if "{id}" not in url:
        raise ValueError("must hold {id}, in whose place the entry's id is put")
    _check_url(url.replace("{id}", "0"))
    return url


def _check_header_name(name: str) -> str:
    if not TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is no name for a header")
    if OURS.fullmatch(name):
        raise ValueError(f"{name} is set by the driver")
    if name.lower() == "authorization":
        raise ValueError("secrets do not belong into the configuration; use auth")
    return name


def _check_header_value(value: str) -> str:
    if not re.fullmatch(r"[!-~]([ -~]*[!-~])?", value):
        raise ValueError("a header's value is printable ASCII, with no space around it")
    return value


Url = Annotated[str, AfterValidator(_check_url)]


class BearerSettings(Settings):
    """A token that an operator puts there (RFC 6750)."""

    kind: Literal["bearer"]
    token_file: SecretFile
    """File whose only line is the token. It is read again when it changes, like all of these."""


class BasicSettings(Settings):
    """A user and a password (RFC 7617)."""

    kind: Literal["basic"]
    user: Annotated[str, Field(pattern=r"^[^:\x00-\x1f\x7f]+$")]
    """Without a colon, which ends it on the wire."""
    password_file: SecretFile
    """File whose only line is the password."""


class OAuth2Settings(Settings):
    """Tokens of OAuth 2.0, fetched with client credentials (RFC 6749, section 4.4)."""

    kind: Literal["oauth2"]
    token_url: Url
    """Where tokens are fetched."""
    client_id: Annotated[str, Field(min_length=1)]
    client_secret_file: SecretFile
    """File whose only line is the client's secret."""
    client_in: Literal["header", "body"] = "header"
    """Where id and secret are sent; "body" for token endpoints that take them only there."""
    scope: str | None = None
    """What the token is to allow, in the words of the system."""
    audience: str | None = None
    """Which system the token is for, where the token endpoint serves several."""
    ca_file: FilePath | None = None
    """Certificates that vouch for the token endpoint; else those that this machine trusts."""


class SignatureSettings(Settings):
    """A signature over each request (Standard Webhooks 1.0, symmetric)."""

    kind: Literal["signature"]
    secret_file: SecretFile
    """File that holds the secret, whsec_…; while it is changed, both, each on a line."""


Auth = Annotated[
    BearerSettings | BasicSettings | OAuth2Settings | SignatureSettings, Field(discriminator="kind")
]


class BatchSettings(Settings):
    """How much goes into one request."""

    max_entries: int = Field(default=100, ge=2, le=500)
    """The most milestones in a request."""
    max_bytes: int = Field(default=1_000_000, ge=1)
    """The most bytes of a request that holds several; one milestone alone is always sent."""


class HttpSettings(Settings):
    """A system that milestones are posted to."""

    url: Url
    """Where milestones are posted. The final address: redirects are not followed."""
    look_up: Annotated[str, AfterValidator(_check_look_up)] | None = None
    """Where a milestone is asked for when the answer to its posting was lost; {id} is its id.

    Must answer 404 if the system does not have it. Without it, the milestone is posted again.
    """
    batch: BatchSettings | None = None
    """Post several milestones in a request; without it, each has a request of its own."""
    connect_timeout_seconds: float = Field(default=5, gt=0)
    """How long making a connection may take, and again its encryption."""
    timeout_seconds: float = Field(default=10, gt=0)
    """How long sending and the whole answer may take, once connected."""
    auth: Auth | None = None
    """How the system knows us."""
    ca_file: FilePath | None = None
    """Certificates that vouch for the system; without it, those that this machine trusts."""
    client_certificate_file: SecretFile | None = None
    """Our certificate (PEM), for systems that ask for one. Read again when it changes."""
    client_key_file: SecretFile | None = None
    """The certificate's key (PEM, without a password)."""
    headers: dict[
        Annotated[str, AfterValidator(_check_header_name)],
        Annotated[str, AfterValidator(_check_header_value)],
    ] = Field(default_factory=dict)
    """Further headers, sent with each request. Not for secrets."""

    @model_validator(mode="after")
    def _secrets_stay_secret(self) -> Self:
        urls = [self.url, self.look_up]
        if isinstance(self.auth, OAuth2Settings):
            urls.append(self.auth.token_url)
        # A signature tells nobody the secret that made it.
        if self.auth is not None and not isinstance(self.auth, SignatureSettings):
            for url in urls:
                if url is not None and _is_exposed(url):
                    raise ValueError(
                        f"{url}: over http:// anyone on the way can read the secret; use https://"
                    )
        return self

    @model_validator(mode="after")
    def _certificate_can_be_shown(self) -> Self:
        if (self.client_certificate_file is None) != (self.client_key_file is None):
            raise ValueError("client_certificate_file and client_key_file go together")
        if self.client_certificate_file is not None and not self.url.startswith("https:"):
            raise ValueError(f"{self.url}: a client's certificate is shown over https:// only")
        return self


def _is_exposed(url: str) -> bool:
    """Tell whether others can read what is sent there."""
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return False
    try:
        return not ip_address(parts.hostname or "").is_loopback
    except ValueError:  # a name
        return True
