"""A store that is kept busy, so that whatever is submitted waits."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from buffer.store import Store


@asynccontextmanager
async def busy(store: Store) -> AsyncIterator[None]:
    """Keep the store's thread in a transaction while the test submits more."""
    started, goes_on = threading.Event(), threading.Event()

    def wait(_: sqlite3.Connection) -> None:
        started.set()
        goes_on.wait()

    work = store.submit(wait)
    await asyncio.to_thread(started.wait)
    try:
        yield
    finally:
        goes_on.set()
    await work
