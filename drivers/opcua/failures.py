"""What can go wrong between us and a PLC, in an operator's words."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from asyncua.ua.status_codes import StatusCodes, get_name_and_doc
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from drivers.contract import LinkDown

_ANSWERS = {
    StatusCodes.BadIdentityTokenRejected: "refuses the user name or password",
    StatusCodes.BadIdentityTokenInvalid: "does not accept this way to log in:"
    " check username and password_file against the PLC's settings",
    StatusCodes.BadUserAccessDenied: "refuses the user name or password,"
    " or the user may not read what is configured",
    StatusCodes.BadSecurityChecksFailed: "does not trust our certificate:"
    " accept it in the PLC's list of trusted clients",
    StatusCodes.BadCertificateUntrusted: "does not trust our certificate:"
    " accept it in the PLC's list of trusted clients",
    StatusCodes.BadCertificateUriInvalid: "finds another URI in our certificate:"
    " set application_uri to the one that the certificate names",
    StatusCodes.BadCertificateTimeInvalid: "finds our certificate out of date:"
    " renew it, or set the PLC's clock",
    StatusCodes.BadSecurityPolicyRejected: "does not offer this security_policy",
    StatusCodes.BadTooManySessions: "has no session left:"
    " close other clients, or raise its number of sessions",
    StatusCodes.BadTooManySubscriptions: "has no subscription left:"
    " close other clients, or raise its number of subscriptions",
    StatusCodes.BadNoSubscription: "has ended the subscription",
    StatusCodes.BadSubscriptionIdInvalid: "has ended the subscription",
    StatusCodes.BadSessionIdInvalid: "has ended the session",
    StatusCodes.BadSessionClosed: "has ended the session",
    StatusCodes.BadShutdown: "is shutting down",
    StatusCodes.BadServerHalted: "has stopped its OPC UA server",
}


def describe(status: int) -> str:
    """Return a status code as its name and meaning."""
    name, doc = get_name_and_doc(status & 0xFFFF_0000)  # without the information bits
    return f"status 0x{status:08X}" if doc.startswith("Unknown") else f"{name} ({doc.rstrip('.')})"


@contextmanager
def told_as_link_down(endpoint: str, timeout_seconds: float) -> Iterator[None]:
    """Raise LinkDown, in an operator's words, for whatever fails inside.

    Only for calls into the protocol's library: it raises OSError, its own
    errors, AssertionError, decoding errors of any kind and bare exceptions, and
    none of them leaves a session worth keeping.
    """
    task = asyncio.current_task()
    assert task is not None
    cancelled_before = task.cancelling()
    try:
        yield
    except asyncio.CancelledError:
        if task.cancelling() == cancelled_before:
            # The library cancelled its own request: a task that ended so would end in silence.
            raise LinkDown(f"the connection to {endpoint} was lost during a request") from None
        raise
    except Exception as error:
        if task.cancelling() == cancelled_before:
            raise LinkDown(_words(error, endpoint, timeout_seconds)) from error
        raise asyncio.CancelledError from error
    if task.cancelling() > cancelled_before:
        # The library connects with asyncio.wait_for, which before Python 3.12 swallows a
        # cancellation that comes together with the result (python/cpython#86296).
        raise asyncio.CancelledError


def _words(error: Exception, endpoint: str, timeout_seconds: float) -> str:
    match error:
        case ConnectionRefusedError():
            words = (
                f"the PLC refuses connections at {endpoint}:"
                " is its OPC UA server running, is the port right?"
            )
        case socket.gaierror():
            words = f"the host in {endpoint} is not known: check the endpoint and the name service"
        case TimeoutError():
            words = (
                f"the PLC at {endpoint} does not answer within {timeout_seconds:g} s:"
                " is it switched on, is it an OPC UA server, is a firewall between?"
            )
        case ConnectionError():
            words = (
                f"the connection to {endpoint} was closed by the other side:"
                " is it an OPC UA server, was it restarted?"
            )
        case OSError() if error.filename is not None:
            words = (
                f"cannot read {error.filename} ({error.strerror}):"
                " mend the setting that names it, or who may read it"
            )
        case OSError():
            words = f"{endpoint} cannot be reached ({error.strerror}): check the network"
        case UaStatusCodeError():
            answer = _ANSWERS.get(error.code) or f"answers {describe(error.code)}"
            words = f"the PLC at {endpoint} {answer}"
        case UaError():
            words = f"no session with the PLC at {endpoint}: {error}"
        case _:
            words = f"the PLC at {endpoint} says something that cannot be understood: {error!r}"
    return words
