"""A process that writes to a store and says what was acknowledged, until the power is cut.

`python -m tests.power.writer STORE SAID WORKS [--normal]`: pieces of work from several tasks at
once, half of them before a stop and a new start. The number of each is appended to the file
SAID when its commit has returned.
"""

import asyncio
import os
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from sqlite3 import Connection

from buffer import journal, tally
from buffer.lane import Lane
from buffer.store import Store
from tests.power import without_full_sync
from tests.unit.buffer import rows

TASKS = 3
CHECKPOINT_PAGES = 60
"""Not the product's: for many checkpoints, and small files of which many can be looked at."""
BUDGET = 8 * 1024 * 1024
"""Of the store, in bytes: for the same reason."""
SETTLED_BEHIND = 20
"""So far behind the newest milestone are those that are settled."""


class Said:
    """The acknowledgements: numbers, one a line."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY)
        self._length = 0

    def append(self, number: int) -> None:
        self._length += os.pwrite(self._descriptor, b"%d\n" % number, self._length)


def _work(connection: Connection, number: int) -> None:
    """Store what follows from one signal, and settle an older entry."""
    seq = journal.next_sequence(connection)
    journal.append(connection, [rows.signal(seq)._replace(payload=b"%d" % number)])
    journal.put_bookmarks(connection, "floor", {"last": b"%d" % number})
    rows.owe(connection, number, f"unit:{number % 7}")
    tally.count(connection, {tally.SIGNALS: 1})
    if seq > SETTLED_BEHIND:
        rows.settle(connection, seq - SETTLED_BEHIND, "delivered")


async def _submit(store: Store, said: Said, numbers: Iterator[int]) -> None:
    for number in numbers:
        await store.write(partial(_work, number=number), intake=Lane.NORMAL)
        said.append(number)


async def _run(path: Path, said: Said, numbers: Iterable[int]) -> Store:
    store = Store.open(path, max_size=BUDGET)
    checkpoints = f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}"
    await store.write(lambda connection: connection.execute(checkpoints).fetchall())
    remaining = iter(numbers)
    async with asyncio.TaskGroup() as group:
        for _ in range(TASKS):
            group.create_task(_submit(store, said, remaining))
    return store


async def _write(path: Path, said: Said, works: int) -> None:
    store = await _run(path, said, range(works // 2))
    await store.close()
    await _run(path, said, range(works // 2, works))
    os._exit(0)  # not closed: a checkpoint would sync what was not


if __name__ == "__main__":
    if "--normal" in sys.argv:
        without_full_sync.weaken()
    asyncio.run(_write(Path(sys.argv[1]), Said(Path(sys.argv[2])), int(sys.argv[3])))
