"""Who acts: the account behind a process, as the kernel tells it."""

import pwd
import socket
import struct

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: struct ucred, unix(7)


def peer_uid(connection: socket.socket) -> int:
    """Return the user id of the process at the other end of a Unix socket."""
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(told)
    return int(uid)


def account(uid: int, sudo_user: str | None) -> str:
    """Return the name of an account, and of who became root through sudo.

    Only root is believed who it was before: anybody can set a variable.
    """
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = f"uid {uid}"
    return f"{name} (sudo: {sudo_user})" if uid == 0 and sudo_user else name
