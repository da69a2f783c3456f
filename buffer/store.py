"""The store: one connection that writes, one thread that owns it, group commit.

Whatever is submitted while a transaction is being synced goes into the next
one, together; there is no timer. On a slow disk transactions grow, on an idle
one a single piece of work is committed at once.
"""

import asyncio
import os
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from buffer.failures import StoreFailed
from buffer.opening import lock, open_for_writing

T = TypeVar("T")

MAX_WEIGHT = 2000
"""A transaction takes work up to this weight (about: rows), so that none is long."""


@dataclass(slots=True)
class _Work:
    do: Callable[[sqlite3.Connection], Any]
    weight: int
    done: "asyncio.Future[Any]"


@dataclass(slots=True)
class _Result:
    value: Any = None
    error: Exception | None = None


class Store:
    """The store, open for writing by this process alone. Use from one event loop."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock_descriptor: int) -> None:
        self.path = path
        self.commits = 0
        """Transactions committed since the start."""
        self._connection = connection
        self._lock = lock_descriptor
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._waiting: deque[_Work] = deque()
        self._running: asyncio.Task[None] | None = None
        self._failure: StoreFailed | None = None

    @classmethod
    def open(cls, path: Path) -> "Store":
        """Open, create or migrate the store at `path`.

        Raises:
            StoreRefused: It must not be touched, and has not been.
            StoreFailed: It cannot be opened now.

        """
        descriptor = lock(path)
        try:
            return cls(path, open_for_writing(path), descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def submit(self, do: Callable[[sqlite3.Connection], T], weight: int = 1) -> "asyncio.Future[T]":
        """Have `do` run in a transaction; the future is done once that is on disk.

        Work is done in the order submitted. `do` runs on the store's thread;
        it must not begin or end transactions. If it raises, its own changes
        are undone, those of others in the same transaction stand, and the
        future gets the exception. Cancelling the future does not undo work.

        The future fails with StoreFailed if the disk or the file failed, now
        or earlier: whether this work was committed is then not known, and
        nothing more will be.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._failure:
            done.set_exception(self._failure)
            return done
        self._waiting.append(_Work(do, weight, done))
        if self._running is None:
            self._running = asyncio.create_task(self._commit_all(), name="store")
        return done

    async def write(self, do: Callable[[sqlite3.Connection], T], weight: int = 1) -> T:
        """Submit work and wait for it: return its result, or raise as described there."""
        return await self.submit(do, weight)

    async def close(self) -> None:
        """Commit what was submitted, then close. The next start finds nothing to recover.

        Work submitted afterwards fails with StoreFailed.
        """
        while self._running is not None:
            await asyncio.wait([self._running])
        self._failure = self._failure or StoreFailed(f"{self.path}: the store is closed")
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()
        os.close(self._lock)

    def _close(self) -> None:
        self._connection.close()

    async def _commit_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch = self._take()
                try:
                    results = await loop.run_in_executor(
                        self._thread, self._commit, [work.do for work in batch]
                    )
                except sqlite3.Error as error:
                    self._fail(batch, error)
                    return
                self.commits += 1
                for work, result in zip(batch, results, strict=True):
                    if work.done.cancelled():
                        continue
                    if result.error is not None:
                        work.done.set_exception(result.error)
                    else:
                        work.done.set_result(result.value)
        finally:
            self._running = None

    def _take(self) -> list[_Work]:
        batch, weight = [self._waiting.popleft()], 0
        weight = batch[0].weight
        while self._waiting and weight + self._waiting[0].weight <= MAX_WEIGHT:
            work = self._waiting.popleft()
            weight += work.weight
            batch.append(work)
        return batch

    def _fail(self, batch: list[_Work], error: sqlite3.Error) -> None:
        # Errors that Python's module raises itself, of wrong use, have no code.
        code = getattr(error, "sqlite_errorname", type(error).__name__)
        self._failure = StoreFailed(f"{self.path}: {error} ({code})")
        self._failure.__cause__ = error
        for work in [*batch, *self._waiting]:
            if not work.done.done():
                work.done.set_exception(self._failure)
        self._waiting.clear()

    def _commit(self, works: list[Callable[[sqlite3.Connection], Any]]) -> list[_Result]:
        """Run on the store's thread. Raises sqlite3.Error if nothing was committed."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        results = [self._attempt(work) for work in works]
        connection.execute("COMMIT")
        return results

    def _attempt(self, work: Callable[[sqlite3.Connection], Any]) -> _Result:
        connection = self._connection
        connection.execute("SAVEPOINT work")
        try:
            result = _Result(value=work(connection))
        except sqlite3.IntegrityError as error:
            result = _Result(error=error)
        except sqlite3.Error:
            raise
        except Exception as error:  # noqa: BLE001 - handed to whoever submitted the work
            result = _Result(error=error)
        if result.error is not None:
            connection.execute("ROLLBACK TO work")
        connection.execute("RELEASE work")
        return result
