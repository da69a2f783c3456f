"""Loopback ports for processes that are yet to start."""

import random
import socket

HOST = "127.0.0.1"
LISTENING = range(15_000, 32_000)
"""Below the ports that Linux gives to outgoing connections (ip_local_port_range)."""


def free_port() -> int:
    """Return a TCP port that nothing listened on a moment ago.

    It is none that a connection made meanwhile could be given.
    """
    while True:
        port = random.SystemRandom().choice(LISTENING)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port


def reserve() -> socket.socket:
    """Bind a free port without listening on it: connections to it are refused.

    With SO_REUSEADDR a server may bind it too, while the kernel gives it to no one who
    asks for any free port. Close it when the server needs it no more.
    """
    port = socket.socket()
    port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    port.bind((HOST, 0))
    return port


def number(port: socket.socket) -> int:
    """Return the number of a reserved port."""
    found: int = port.getsockname()[1]
    return found
