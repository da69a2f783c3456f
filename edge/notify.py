"""What systemd is told about the daemon: sd_notify(3), without its library.

Outside systemd every call does nothing. A socket that is named but cannot be
reached raises OSError: a supervisor that hears nothing would end the daemon
anyway, later and with less to say.
"""

import os
import socket


def ready() -> None:
    """Say that the daemon has started; units ordered after it start now."""
    _send("READY=1")


def stopping() -> None:
    """Say that the daemon has begun to shut down."""
    _send("STOPPING=1")


def status(text: str) -> None:
    """Show `text` in `systemctl status`."""
    # A line end would begin another assignment.
    _send(f"STATUS={' '.join(text.splitlines())}")


def watchdog() -> None:
    """Say that the daemon is alive and makes progress."""
    _send("WATCHDOG=1")


def watchdog_seconds() -> float | None:
    """Return after how long a silence systemd ends this process; None if it never does.

    Call `watchdog` at least twice in that time (sd_watchdog_enabled(3)).
    """
    limit = os.environ.get("WATCHDOG_USEC")
    # The variables are inherited; only the process that they name is watched.
    if limit is None or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(limit) / 1_000_000


def _send(assignment: str) -> None:
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # the abstract namespace, unix(7)
        address = f"\0{address[1:]}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to_systemd:
        to_systemd.sendto(assignment.encode(), address)
