"""Why there was no connection or no answer, in an operator's words."""

import os
import re
import socket
import ssl
from collections.abc import Iterator

from drivers.http.answer import clean

BYTES = re.compile(r""":?\s+(bytearray\()?b['"].*""", re.DOTALL)
"""What h11 could not read, at the end of its message. It may repeat our credentials."""
# Alerts that end a handshake (RFC 8446, section 6.2), as OpenSSL spells them.
_OF_OUR_CERTIFICATE = (
    "BAD_CERTIFICATE",
    "UNSUPPORTED_CERTIFICATE",
    "CERTIFICATE_REVOKED",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_UNKNOWN",
    "CERTIFICATE_REQUIRED",
    "UNKNOWN_CA",
    "ACCESS_DENIED",
)


def unreachable(error: Exception, place: str) -> str:
    """Say why there is no connection, and what to do."""
    for cause in _causes(error):
        match cause:
            case socket.gaierror():
                return (
                    f"the name in {place} does not resolve ({cause.strerror});"
                    " check url and the name service"
                )
            case ConnectionRefusedError():
                return f"refusing connections at {place}; is it running, is that its address?"
            case ssl.SSLCertVerificationError():
                return (
                    f"certificate not trusted: {place}: {cause.verify_message};"
                    " check ca_file and the host name"
                )
            case ssl.SSLError():
                return refused_by_tls(cause, place) or (
                    f"TLS with {place} fails: {_spelled(cause)}; is https:// right for this port?"
                )
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno:
            return f"cannot connect to {place}: {os.strerror(cause.errno)}; check the network"
    return f"cannot connect to {place}: {clean(str(error))}"


def refused_by_tls(error: Exception, place: str) -> str | None:
    """Say that the other side does not accept our certificate, if that is what it said."""
    for cause in _causes(error):
        reason = getattr(cause, "reason", None) or "" if isinstance(cause, ssl.SSLError) else ""
        if "ALERT" in reason and reason.endswith(_OF_OUR_CERTIFICATE):
            return (
                f"{place} does not accept our certificate: {_spelled(cause)};"
                " check client_certificate_file"
            )
    return None


def broken(error: Exception, place: str) -> str:
    """Say how a connection ended before the answer did."""
    said = (clean(BYTES.sub("", str(cause))) for cause in _causes(error))
    why = next(filter(None, said), type(error).__name__)
    return f"the connection to {place} broke before the whole answer: {why}"


def _spelled(error: BaseException) -> str:
    return clean(getattr(error, "reason", None) or str(error)).replace("_", " ").lower()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield the error and what led to it; several addresses of one name fail as a group."""
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            for each in error.exceptions:
                yield from _causes(each)
        error = error.__cause__ or error.__context__
