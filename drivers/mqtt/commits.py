"""Batches on their way into the intake, in order."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from drivers.contract import Batch, Intake


class Commits:
    """Hands batches to the intake without waiting for the earlier ones to be committed.

    Each batch has an action, which runs when that batch and all earlier ones
    are committed. If the intake fails, `failed` is called and no further action runs.
    """

    def __init__(self, intake: Intake, failed: Callable[[BaseException], None]) -> None:
        self._intake = intake
        self._failed = failed
        self._under_way: deque[_UnderWay] = deque()
        self._stopped = False
        self.size = 0
        """Of everything under way, as the callers of `submit` measured it."""

    def submit(self, batch: Batch, size: int, then: Callable[[], None]) -> None:
        """Hand in a batch; `then` runs when it is committed."""
        task = asyncio.ensure_future(self._intake.commit(batch))
        self._under_way.append(_UnderWay(task, size, then))
        self.size += size
        task.add_done_callback(self._settle)

    def after(self, then: Callable[[], None]) -> None:
        """Run `then` when all handed in so far is committed: now, if nothing is under way."""
        self._under_way.append(_UnderWay(None, 0, then))
        self._settle()

    async def drain(self, seconds: float | None) -> None:
        """Wait until everything is committed and acted upon; give up what takes longer."""
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while tasks := self._tasks():  # an action may have handed in more
                        await asyncio.wait(tasks)
        finally:
            while tasks := self._tasks():
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [each.task for each in self._under_way if each.task is not None]

    def _settle(self, _: asyncio.Task[None] | None = None) -> None:
        while self._under_way and self._under_way[0].is_done():
            done = self._under_way.popleft()
            self.size -= done.size
            error = done.error()
            if error is not None and not self._stopped:
                self._stopped = True
                if not isinstance(error, asyncio.CancelledError):
                    self._failed(error)
            if not self._stopped:
                done.then()


@dataclass(frozen=True, slots=True)
class _UnderWay:
    task: asyncio.Task[None] | None
    size: int
    then: Callable[[], None]

    def is_done(self) -> bool:
        return self.task is None or self.task.done()

    def error(self) -> BaseException | None:
        """Return why it was not committed. Ask it of all: asyncio logs what nobody asked for."""
        if self.task is None:
            return None
        return asyncio.CancelledError() if self.task.cancelled() else self.task.exception()
