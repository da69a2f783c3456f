"""A process that writes to a store and says what was acknowledged, until it is killed.

`python -m tests.fault.store_writer PATH FIRST` appends signals from FIRST on, from several
tasks at once, and prints each sequence when its commit has returned. With a third
argument no file may grow beyond that many bytes.
"""

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


async def _run(path: Path, first: int) -> None:
    store = Store.open(path)
    numbers = itertools.count(first)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(_append(store, numbers))
    except* StoreFailed as failures:
        os.write(1, f"{failures.exceptions[0]}\n".encode())
        os._exit(4)


if __name__ == "__main__":
    if len(sys.argv) > 3:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limit = int(sys.argv[3])
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    asyncio.run(_run(Path(sys.argv[1]), int(sys.argv[2])))
