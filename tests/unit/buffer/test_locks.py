"""Another program that looks at a store in use must find it locked."""

import subprocess
import sys
from pathlib import Path

from buffer import tally
from buffer.reader import Reader
from buffer.store import Store
from tests.unit.buffer.rows import owe

LOOK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(connection.execute("SELECT count(*) FROM milestone").fetchone()[0])
connection.close()
"""


def look_at(path: Path) -> list[Path]:
    """Have another program read the store; return what of its files is there then."""
    look = [sys.executable, "-c", LOOK, str(path)]
    assert subprocess.run(look, capture_output=True, check=True).stdout == b"1\n"
    return sorted(path.parent.glob("milepost.db-*"))


async def test_a_program_that_looks_at_the_store_in_use_takes_its_wal_away_from_nobody(
    store: Store, path: Path
) -> None:
    """The last to close a store deletes its -wal file; the daemon would go on in a deleted one."""
    await store.write(lambda c: owe(c, 1))
    async with Reader.open(path):
        assert look_at(path) == [Path(f"{path}-shm"), Path(f"{path}-wal")]


async def test_opening_the_store_that_this_process_reads_keeps_its_locks(path: Path) -> None:
    """A command asks, and then decides, in one process; what it commits must not be lost."""
    store = Store.open(path)
    await store.write(lambda c: owe(c, 1))
    await store.close()
    async with Reader.open(path) as reader:
        await reader.tallies()
        store = Store.open(path)
        await store.write(lambda c: tally.beat(c, 1, 2))
        assert look_at(path) == [Path(f"{path}-shm"), Path(f"{path}-wal")]
        await store.close()
