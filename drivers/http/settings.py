"""Settings of an HTTP destination."""

import re
from ipaddress import ip_address
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, FilePath, model_validator

from drivers.contract import SecretFile, Settings

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What a header may be called (RFC 9110, section 5.6.2)."""
OURS = re.compile(
    r"ce-.*|idempotency-key|content-type|content-length|transfer-encoding|host|connection"
    r"|accept-encoding",
    re.IGNORECASE,
)
"""Headers that say what is sent and how; configuration must not contradict them."""


def _check_url(url: str) -> str:
    parts = urlsplit(url)  # raises ValueError where brackets do not match
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"{url}: not an http:// or https:// address")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address holds no user name or password; use bearer_token_file")
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
        raise ValueError("secrets do not belong into the configuration; use bearer_token_file")
    return name


def _check_header_value(value: str) -> str:
    if not re.fullmatch(r"[!-~]([ -~]*[!-~])?", value):
        raise ValueError("a header's value is printable ASCII, with no space around it")
    return value


class HttpSettings(Settings):
    """A system that milestones are posted to, one request each."""

    url: Annotated[str, AfterValidator(_check_url)]
    """Where milestones are posted. The final address: redirects are not followed."""
    look_up: Annotated[str, AfterValidator(_check_look_up)] | None = None
    """Where a milestone is asked for when the answer to its posting was lost; {id} is its id.

    Must answer 404 if the system does not have it. Without it, the milestone is posted again.
    """
    connect_timeout_seconds: float = Field(default=5, gt=0)
    """How long making a connection may take."""
    timeout_seconds: float = Field(default=10, gt=0)
    """How long sending and the whole answer may take, once connected."""
    bearer_token_file: SecretFile | None = None
    """File that holds a bearer token (RFC 6750). It is read again when it changes."""
    ca_file: FilePath | None = None
    """Certificates that vouch for the system; without it, those that this machine trusts."""
    headers: dict[
        Annotated[str, AfterValidator(_check_header_name)],
        Annotated[str, AfterValidator(_check_header_value)],
    ] = Field(default_factory=dict)
    """Further headers, sent with each request. Not for secrets."""

    @model_validator(mode="after")
    def _token_stays_secret(self) -> Self:
        for url in (self.url, self.look_up):
            if self.bearer_token_file is not None and url is not None and _is_exposed(url):
                raise ValueError(
                    f"{url}: over http:// anyone on the way can read the token; use https://"
                )
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
