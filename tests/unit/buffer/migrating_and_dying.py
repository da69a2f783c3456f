"""A process that is killed while it migrates a store.

`python -m tests.unit.buffer.migrating_and_dying PATH DONE` migrates the store and is killed
when that many statements of the step are done, with what they wrote in the -wal file.
"""

import os
import signal
import sqlite3
import sys
from pathlib import Path
from unittest import mock

from buffer import opening
from buffer.migrating import migrate


def _migrate_and_die(connection: sqlite3.Connection, steps: list[tuple[int, str]]) -> None:
    # The changes leave the cache for the -wal file, as those of a large store would.
    connection.execute("PRAGMA cache_size = 1")
    left = int(sys.argv[2])

    def count(statement: str) -> None:
        nonlocal left
        if statement.startswith(("BEGIN", "PRAGMA temp_store")):
            return
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    connection.set_trace_callback(count)
    migrate(connection, steps)


if __name__ == "__main__":
    with mock.patch.object(opening, "migrate", _migrate_and_die):
        opening.open_for_writing(Path(sys.argv[1]))
