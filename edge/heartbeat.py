"""The sign of life: to the store, where health finds it, and to systemd's watchdog."""

import asyncio
import sqlite3

from buffer import tally
from buffer.store import Store
from buffer.writing.waiting import NEEDS_NO_ROOM
from drivers.contract import Clock
from edge import notify

BEAT_SECONDS = 5.0
"""How often the store is proven to work, at least."""


async def keep_beating(store: Store, started_at: int, clock: Clock) -> None:
    """Tell the watchdog that the loop turns, and that the store does what it is given.

    On a volume that is full to the last byte it cannot commit. That is for
    health to tell, and no reason to be ended: the watchdog hears that it was
    tried. It hears nothing while the loop, the store's thread or its disk hangs.

    Raises:
        StoreFailed: The store failed.

    """
    limit = notify.watchdog_seconds()
    pause = min(BEAT_SECONDS, limit / 3) if limit else BEAT_SECONDS
    tried = 0

    def beat(connection: sqlite3.Connection) -> None:
        nonlocal tried
        tried += 1
        tally.beat(connection, started_at, clock())

    while True:
        done = store.submit(beat, size=NEEDS_NO_ROOM)
        try:
            while not done.done():
                before = tried
                await asyncio.wait([done], timeout=pause)
                if tried > before:
                    notify.watchdog()
        finally:
            done.cancel()
        await done
        await asyncio.sleep(pause)
