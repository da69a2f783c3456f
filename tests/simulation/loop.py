"""An event loop with virtual time, in which a process can die between any two steps.

Time passes only when nothing else can run: the clock then jumps to the next
timer. There are no threads: what the store would do on its thread is done by
the loop, after a time that the disk decides. Which of several ready callbacks
runs next is drawn, so that code which relies on luck has none; but callbacks of
one origin run in their order, as the callbacks of a future do.
"""

import asyncio
import heapq
import inspect
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context, ContextVar, copy_context
from itertools import count
from types import CoroutineType
from typing import Any, Protocol

MOST_STEPS_AT_ONCE = 50_000
"""More callbacks in no time at all, and something turns in circles."""

LIFE: ContextVar["Life | None"] = ContextVar("LIFE", default=None)
"""Whose callback it is: a process's, or the outside world's."""


class Stuck(Exception):
    """The simulation does not go on."""


class Task(asyncio.Task[Any]):
    """A task that is found in a set at the same place in every run."""

    _log_destroy_pending = False  # tasks of a dead process are left pending

    def __init__(self, coroutine: Any, number: int, **keywords: Any) -> None:
        self._number = number
        super().__init__(coroutine, **keywords)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class Life:
    """A process between its start and its death."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_dead = False
        self.tasks: list[Task] = []
        self.context = copy_context()
        self.context.run(LIFE.set, self)

    def die(self) -> None:
        """Run nothing of it any more, not even its clean-up."""
        self.is_dead = True
        for task in self.tasks:
            if not task.done():
                self.context.run(_dismantle, task)
        self.tasks.clear()


def _dismantle(task: Task) -> None:
    """Close a coroutine in which nobody waits any more; it is not asked what it thinks of it."""
    coroutine = task.get_coro()
    assert isinstance(coroutine, CoroutineType)
    _close(coroutine)


def _close(coroutine: "CoroutineType[Any, Any, Any]") -> None:
    while inspect.getcoroutinestate(coroutine) != inspect.CORO_CLOSED:
        if isinstance(coroutine.cr_await, CoroutineType):
            _close(coroutine.cr_await)
        # It may await in its `finally`, or raise: a dead process has no say.
        with suppress(BaseException):
            coroutine.close()


class Disk(Protocol):
    """How long the store's thread takes."""

    def seconds(self) -> tuple[float, float]:
        """Return the time until work is done, and until that is known."""
        ...


class VirtualLoop(asyncio.BaseEventLoop):
    """Callbacks of a dead life are never run, whoever asks for it."""

    def __init__(self, draw: random.Random, disk: Disk, *, shuffle: bool) -> None:
        super().__init__()
        self._draw = draw
        self._disk = disk
        self._shuffle = shuffle
        self._now = 0.0
        self._still_since = 0
        self._order = count()
        self.task_numbers = count()
        self._queue: list[tuple[asyncio.Handle, Life | None, int]] = []
        """What is ready, whose it is, and the step that made it so."""
        self._timers: list[tuple[float, int, asyncio.TimerHandle, Life | None]] = []
        self.world = copy_context()
        self.steps = 0
        self.on_step: Callable[[], None] = lambda: None
        """Called after each callback."""
        self.failures: list[str] = []
        """What callbacks raised."""
        self.stop_process: Callable[[], None] | None = None
        """What the living process wants to be called on SIGTERM."""
        self.set_task_factory(_new_task)
        self.set_exception_handler(self._note)

    def time(self) -> float:
        """Return the virtual time, in seconds."""
        return self._now

    def call_soon(  # type: ignore[override]  # typeshed names no plain Callable
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Run soon, unless the life that wants it is dead."""
        context = copy_context() if context is None else context
        handle = asyncio.Handle(callback, args, self, context)
        life = context.get(LIFE)
        if life is None or not life.is_dead:
            self._queue.append((handle, life, self.steps))
        return handle

    def call_at(  # type: ignore[override]  # as above
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run at a time, unless the life that wants it is dead by then."""
        context = copy_context() if context is None else context
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        life = context.get(LIFE)
        if life is None or not life.is_dead:
            heapq.heappush(self._timers, (when, next(self._order), handle, life))
        return handle

    def call_later(  # type: ignore[override]  # as above
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Run after a time, unless the life that wants it is dead by then."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def outside(self, delay: float, callback: Callable[..., object], *args: Any) -> None:
        """Run after a time whatever happens to the process: it is the outside world's affair."""
        self.call_at(self._now + delay, callback, *args, context=self.world)

    def run_in_executor(  # type: ignore[override]  # as above
        self, executor: object, work: Callable[..., Any], *args: Any
    ) -> "asyncio.Future[Any]":
        """Do what belongs on another thread; a process that dies meanwhile may have done it."""
        del executor
        done = self.create_future()
        until_done, until_known = self._disk.seconds()

        def finish() -> None:
            try:
                result = work(*args)
            except Exception as error:  # noqa: BLE001 - handed to whoever waits
                self.call_later(until_known, _fail, done, error)
            else:
                self.call_later(until_known, _succeed, done, result)

        self.call_later(until_done, finish)
        return done

    def add_signal_handler(  # type: ignore[override]  # as above
        self, sig: int, callback: Callable[..., object], *args: Any
    ) -> None:
        """Remember what SIGTERM does."""
        if sig != signal.SIGTERM:
            return
        context = copy_context()

        def stop() -> None:
            context.run(self.call_soon, callback, *args)

        self.stop_process = stop

    def remove_signal_handler(self, sig: int) -> bool:
        """Forget it."""
        del sig
        self.stop_process = None
        return True

    def _run_once(self) -> None:
        """Run one callback; let time pass first if there is none."""
        if not self._queue:
            if not self._timers:
                raise Stuck("nothing will ever happen again")
            if self._timers[0][0] > self._now:
                self._now, self._still_since = self._timers[0][0], self.steps
        if self.steps - self._still_since > MOST_STEPS_AT_ONCE:
            raise Stuck("it turns in circles, and no time passes")
        while self._timers and self._timers[0][0] <= self._now:
            _, number, timer, life = heapq.heappop(self._timers)
            if not timer.cancelled():
                self._queue.append((timer, life, -number - 1))
        if not self._queue:
            return
        handle, life, _ = self._queue.pop(self._choose())
        if not handle.cancelled() and (life is None or not life.is_dead):
            handle._run()
            self.steps += 1
            self.on_step()

    def _choose(self) -> int:
        if not self._shuffle:
            return 0
        queue = self._queue
        index = int(self._draw.random() * len(queue))
        origin = queue[index][2]
        while index and queue[index - 1][2] == origin:  # what one step made ready stands together
            index -= 1
        return index

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing: a cancelled timer is dropped when its time comes."""

    def _write_to_self(self) -> None:
        """Nothing: there is no other thread that would have to wake this one."""

    def _note(self, loop: object, what: dict[str, Any]) -> None:
        del loop
        if "handle" in what:  # not what the collector finds of dead processes
            self.failures.append(f"{what['message']}: {what.get('exception')!r}")


def _new_task(loop: Any, coroutine: Any, **keywords: Any) -> Task:
    task = Task(coroutine, next(loop.task_numbers), loop=loop, **keywords)
    context = keywords.get("context")
    life = LIFE.get() if context is None else context.get(LIFE)
    if life is not None:
        life.tasks.append(task)
    return task


def _succeed(done: "asyncio.Future[Any]", result: object) -> None:
    if not done.done():
        done.set_result(result)


def _fail(done: "asyncio.Future[Any]", error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
