"""MQTT 5 reason codes (section 2.4) and failed connections, in an operator's words. Pure."""

import os
import socket
import ssl

_REFUSED = {
    0x80: "it gives no reason; see its log",
    0x84: "it does not speak MQTT 5; use a broker that does",
    0x85: "it does not accept this client id; choose another",
    0x86: "user name or password refused by the broker; check username and password_file",
    0x87: "user name or password refused by the broker, or this client id is not theirs;"
    " check username, password_file and the broker's access rules",
    0x88: "it is not available now",
    0x89: "it is busy now",
    0x8A: "this client is banned; ask who runs the broker",
    0x97: "a quota is used up; ask who runs the broker",
    0x9C: "it asks to use another server; change host",
    0x9D: "it has moved; change host",
}

_ENDED = {
    0x87: "it no longer authorises us; check the broker's access rules",
    0x8B: "it is shutting down",
    0x8D: "it heard nothing from us for the keep-alive time; is this machine overloaded?",
    0x8E: "another client has connected with our client id; give each gateway an id of its own",
    0x95: "a packet was too large",
    0x98: "someone who runs the broker ended it",
}

_NOT_GRANTED = {
    0x87: "check its access rules for this client",
    0x8F: "check the topic filter",
    0x97: "a quota is used up; ask who runs the broker",
    0x9E: "it has no shared subscriptions",
    0xA2: "it has no wildcards in subscriptions; list the topics",
}


def no_connection(where: str, error: OSError, *, is_encrypted: bool) -> str:
    """Say why there is no connection to HOST:PORT, and what to do."""
    match error:
        case ssl.SSLCertVerificationError():
            fact = error.verify_message
            hint = "does ca_file vouch for the broker, under this name?"
        case ssl.SSLError():
            fact, hint = _fact(error), "does the broker speak TLS on this port?"
        case socket.gaierror():
            fact, hint = str(error.strerror), "check host and the name service"
        case ConnectionRefusedError():
            fact, hint = "connection refused", "is the broker running, is port right?"
        case ConnectionError() if is_encrypted:
            fact, hint = "connection cut", "does the broker speak TLS on this port?"
        case _:
            fact, hint = _fact(error), "check host, port and the network"
    return f"cannot connect to {where}: {fact}; {hint}"


def connection_lost(error: Exception | None, *, is_encrypted: bool) -> str:
    """Say why the connection broke, and what to look at; None if it was closed in order."""
    match error:
        case None:
            return "the broker closed the connection without saying why; its log may tell"
        case ssl.SSLError():
            hint = "does the broker accept our certificate? Its log may tell"
        case ConnectionError() if is_encrypted:
            hint = "was the broker restarted, or does it refuse our certificate? Its log may tell"
        case ConnectionError():
            hint = "was the broker restarted? Its log may tell"
        case _:
            hint = "check the network"
    return f"the connection was lost: {_fact(error)}; {hint}"


def connection_refused(code: int, name: str, said: str) -> str:
    """Say why the broker does not let us in, and what to do. `said` is its Reason String."""
    return _sentence(f"the broker refuses the connection: {name.lower()}", _REFUSED.get(code), said)


def connection_ended(code: int, name: str, said: str) -> str:
    """Say why the broker ended the connection, and what to do."""
    return _sentence(f"the broker ended the connection: {name.lower()}", _ENDED.get(code), said)


def subscription_refused(topic: str, code: int, name: str) -> str:
    """Say why the broker does not let us subscribe, and what to do."""
    return _sentence(f"the broker refuses {topic}: {name.lower()}", _NOT_GRANTED.get(code), "")


def _fact(error: Exception) -> str:
    """Return what happened, as the operating system or OpenSSL spells it."""
    if isinstance(error, ssl.SSLError):
        return str(getattr(error, "reason", None) or error).replace("_", " ").lower()
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__


def _sentence(fact: str, hint: str | None, said: str) -> str:
    return fact + (f" ({said})" if said else "") + (f"; {hint}" if hint else "")
