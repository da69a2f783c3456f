"""Whose the store's files are: the daemon's, also where somebody else makes them."""

import os
from contextlib import suppress
from pathlib import Path


def open_for_owner(file: Path) -> int:
    """Open a file in the store's directory, made if it is not there; return its descriptor.

    What root makes is given to the owner of the directory, as SQLite does with a -wal file:
    a command with sudo must leave nothing that keeps the daemon from its store.
    """
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        # Not given away: it may be a link, to a file that must stay root's.
        return os.open(file, os.O_RDWR | os.O_CLOEXEC)
    if os.geteuid() == 0:
        directory = file.parent.stat()
        with suppress(PermissionError):  # on some network file systems root may not
            os.fchown(descriptor, directory.st_uid, directory.st_gid)
    return descriptor


def advice(error: OSError) -> str:
    """Say what to do where a file of the store cannot be opened."""
    if not isinstance(error, PermissionError):
        return "check [store] path and who owns its directory"
    if os.access(error.filename, os.F_OK):
        mend = f"it must belong to the daemon's account: `chown milepost: {error.filename}`"
    else:
        mend = "its directory must belong to the daemon's account"
    return f"{mend}. Anybody else uses sudo"
