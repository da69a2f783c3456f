"""A process that writes to a store and says what was acknowledged, until it is killed.

`python -m tests.fault.store_writer PATH FIRST` appends signals from FIRST on, from several
tasks at once, and prints each sequence when its commit has returned.
"""

import argparse
import asyncio
import itertools
import os
import resource
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from buffer import journal
from buffer.failures import StoreFailed
from buffer.store import Store
from tests.unit.buffer.rows import signal as row


async def _append(store: Store, numbers: Iterator[int]) -> None:
    for number in numbers:
        await store.write(partial(journal.append, signals=[row(number)]))
        os.write(1, b"%d\n" % number)


async def _run(path: Path, first: int, tasks: int, max_size: int | None) -> None:
    store = Store.open(path, max_size=max_size)
    numbers = itertools.count(first)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(tasks):
                group.create_task(_append(store, numbers))
    except* StoreFailed as failures:
        os.write(1, f"{failures.exceptions[0]}\n".encode())
        await store.close()
        sys.exit(4)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("first", type=int)
    parser.add_argument("--limit", type=int, help="no file may grow beyond that many bytes")
    parser.add_argument("--tasks", type=int, default=4)
    parser.add_argument("--max-size", type=int, help="the store's budget")
    given = parser.parse_args()
    if given.limit is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (given.limit, given.limit))
    asyncio.run(_run(given.path, given.first, given.tasks, given.max_size))
