"""The store: one connection that writes, one thread that owns it, group commit.

Whatever is submitted while a transaction is being synced goes into the next
one, together; there is no timer. On a slow disk transactions grow, on an idle
one a single piece of work is committed at once.

Work is upkeep (settling, pruning, an operator's decision) or intake of a lane.
Upkeep makes room and always goes; intake waits here while there is no room for
its lane, and goes on by itself (promise 4).
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog

from buffer.failures import StoreFailed
from buffer.lane import Lane
from buffer.opening import claim, lock
from buffer.setting_aside import set_aside_directories
from buffer.starting import WhenCorrupt, start
from buffer.suspicion import suspect
from buffer.writing.admission import Admission
from buffer.writing.reserve import free_on_volume
from buffer.writing.room import Growth, Room
from buffer.writing.waiting import Piece, Waiting
from buffer.writing.writer import Result, Writer, is_busy, is_no_room

log = structlog.get_logger(__name__)

T = TypeVar("T")

LOOK_SECONDS = 1.0
"""While something is held, how often it is looked whether there is room again."""


def wall_clock() -> int:
    """Return the time of day in milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000  # noqa: TID251 - the store has no other clock unless given


class Store:
    """The store, open for writing by this process alone. Use from one event loop."""

    def __init__(
        self,
        path: Path,
        writer: Writer,
        lock_descriptor: int,
        clock: Callable[[], int],
        thread: Executor | None,
    ) -> None:
        self.path = path
        self.commits = 0
        """Transactions committed since the start."""
        self.stopped_cleanly = writer.stopped_cleanly
        """Whether the last that wrote stopped in order; else an attempt may have been cut off."""
        self._writer = writer
        self._lock = lock_descriptor
        self._clock = clock
        self._thread = thread or ThreadPoolExecutor(1, "store")
        self._is_own_thread = thread is None
        self._waiting = Waiting()
        self._admission = Admission(self._waiting, writer.budget)
        self._admission.measured(writer.used(), clock())
        self._growth = Growth()
        self._running: asyncio.Task[None] | None = None
        self._failure: StoreFailed | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_to_look = False
        self._is_closing = False

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        max_size: int | None = None,
        when_corrupt: WhenCorrupt = "stop",
        clock: Callable[[], int] = wall_clock,
        thread: Executor | None = None,
    ) -> "Store":
        """Open, create or migrate the store at `path`.

        `max_size` is the budget of the file in bytes; without it, the budget is
        what the file has and most of what is free beside it. Everything that
        writes runs on `thread`, which must do one thing at a time and in order.

        Raises:
            StoreRefused: It must not be touched, and has not been.
            StoreFailed: It cannot be opened now.

        """
        descriptor = lock(path)
        try:
            connection = start(path, when_corrupt, clock())
            claim(path, descriptor)
            try:
                writer = Writer(path, connection, max_size, clock)
                return cls(path, writer, descriptor, clock, thread)
            except sqlite3.Error as error:
                connection.close()
                suspect(path, error)
                raise StoreFailed(
                    f"{path}: cannot be opened now ({error}); check its disk"
                ) from error
        except BaseException:
            os.close(descriptor)
            raise

    @property
    def set_aside(self) -> tuple[Path, ...]:
        """Where corrupt stores are, that nobody has recovered yet."""
        return set_aside_directories(self.path)

    @property
    def room(self) -> Room:
        """The room that the store has now."""
        used = self._admission.used
        return Room(
            used=used,
            budget=self._admission.budget,
            free_on_volume=free_on_volume(self.path),
            held=self._admission.held,
            bytes_per_hour=self._growth.bytes_per_hour(used, asyncio.get_running_loop().time()),
        )

    def submit(
        self,
        do: Callable[[sqlite3.Connection], T],
        weight: int = 1,
        *,
        size: int = 0,
        intake: Lane | None = None,
    ) -> "asyncio.Future[T]":
        """Have `do` run in a transaction; the future is done once that is on disk.

        Work of one lane of intake is done in the order submitted, and so is
        upkeep (work without a lane). While there is no room for a lane its work
        waits; upkeep is never held back by the budget. `size` is about how many
        bytes the work adds.

        `do` runs on the store's thread; it must not begin or end transactions,
        and may run again if the transaction found no room. If it raises, its own
        changes are undone, those of others in the same transaction stand, and
        the future gets the exception. Cancelling the future does not undo work.

        The future fails with StoreFailed if the disk or the file failed, now
        or earlier: whether this work was committed is then not known, and
        nothing more will be.
        """
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        if self._failure:
            done.set_exception(self._failure)
            return done
        self._waiting.add(Piece(do, weight, size, intake, done))
        self._go_on()
        return done

    async def write(
        self,
        do: Callable[[sqlite3.Connection], T],
        weight: int = 1,
        *,
        size: int = 0,
        intake: Lane | None = None,
    ) -> T:
        """Submit work and wait for it: return its result, or raise as described there."""
        return await self.submit(do, weight, size=size, intake=intake)

    async def close(self, *, looked_up: bool = False) -> None:
        """Commit what was submitted and has room, then close.

        Work that has no room, or finds another program writing, and work
        submitted afterwards, fails with StoreFailed. The next start takes this
        for a clean stop if the last one was, or if what that one may have cut
        off was `looked_up` since.
        """
        self._is_closing = True
        while self._running is not None:
            await asyncio.wait([self._running])
        if self._timer is not None:
            self._timer.cancel()
        is_clean = self._failure is None and not self._waiting.has([None])
        self._give_up(self._failure or StoreFailed(f"{self.path}: the store is closed"))
        await self._on_thread(
            partial(self._writer.close, is_clean=is_clean and (looked_up or self.stopped_cleanly))
        )
        if self._is_own_thread:
            self._thread.shutdown()
        os.close(self._lock)

    def _go_on(self) -> None:
        if self._running is None:
            self._running = asyncio.create_task(self._commit_all(), name="store")

    async def _commit_all(self) -> None:
        try:
            while True:
                if self._admission.held:
                    self._look_later()
                if self._is_to_look:
                    await self._look()
                pieces = self._admission.take()
                if not pieces:
                    return
                await self._commit(pieces)
        except Exception as error:  # noqa: BLE001 - whatever it is, everybody who waits is told
            self._fail(error)
        finally:
            self._running = None

    async def _commit(self, pieces: list[Piece]) -> None:
        works = [piece.do for piece in pieces]
        try:
            results, used = await self._on_thread(partial(self._writer.commit, works))
        except Exception as error:
            if is_busy(error) and not self._is_closing:
                self._waiting.put_back(pieces)
                log.warning("store_busy", why="another program writes to it, or its disk is slow")
                return
            if not is_no_room(error, self.path):
                self._waiting.put_back(pieces)
                raise
            if self._admission.found_no_room(pieces, self._clock()):
                has_given = await self._on_thread(self._writer.relieve)
                self._admission.relieved(has_given=has_given)
            return
        self.commits += 1
        self._admission.committed(pieces, used, self._clock())
        self._growth.measured(used, asyncio.get_running_loop().time())
        for piece, result in zip(pieces, results, strict=True):
            if not piece.done.done():
                _settle(piece.done, result)

    async def _look(self) -> None:
        self._is_to_look = False
        outlook = await self._on_thread(self._writer.look)
        self._admission.looked(
            outlook.budget, outlook.used, self._clock(), has_room=outlook.has_room
        )

    def _look_later(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look_now)

    def _look_now(self) -> None:
        self._timer = None
        self._is_to_look = True
        self._go_on()

    def _fail(self, error: Exception) -> None:
        # Errors that Python's module raises itself, of wrong use, have no code.
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        failure = StoreFailed(f"{self.path}: {error} ({name})")
        failure.__cause__ = error
        self._give_up(failure)
        self._thread.submit(suspect, self.path, error)

    def _give_up(self, failure: StoreFailed) -> None:
        self._failure = failure
        for piece in self._waiting.clear():
            if not piece.done.done():
                piece.done.set_exception(failure)

    async def _on_thread(self, do: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, do)


def _settle(done: "asyncio.Future[Any]", result: Result) -> None:
    if result.error is not None:
        done.set_exception(result.error)
    else:
        done.set_result(result.value)
