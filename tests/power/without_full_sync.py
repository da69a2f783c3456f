"""The control of the proofs: what the product would lose with `synchronous = NORMAL`.

Run with the command line of the daemon as its arguments, it is the daemon with that one change.
"""

import sqlite3
import sys
from pathlib import Path

from buffer import opening
from edge.cli import main


def weaken() -> None:
    """Have this process open stores so that a commit does not wait for the disk."""
    connect = opening._connect

    def weakly(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    opening._connect = weakly


if __name__ == "__main__":
    weaken()
    del sys.argv[0]
    main()
