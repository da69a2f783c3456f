"""Asking the gateway: the daemon over its socket, or, while it is stopped, its store."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar

import typer

from buffer.failures import StoreFailed, StoreRefused
from buffer.reader import Reader, must_be_readable
from drivers.contract import system_clock
from edge.config import Configuration
from edge.control.client import Control, NoAnswer, NotAllowed, NotRunning, Refused
from edge.control.decisions import Decisions, Impossible
from edge.control.messages import Message
from edge.control.operations import Decision, Question
from edge.control.questions import Questions
from edge.control.who import account
from edge.exits import Exit

A = TypeVar("A", bound=Message)
B = TypeVar("B", bound=Message)

NOTHING_DONE = 1
"""Exit status where nothing was found, or some of what was named could not be done."""


class Gateway:
    """A gateway, running or stopped: the same questions, decisions and answers."""

    def __init__(self, configuration: Configuration, stack: AsyncExitStack) -> None:
        self._configuration = configuration
        self._stack = stack
        self._control = Control(configuration.control.socket)
        self.not_running: NotRunning | None = None
        """Why its store is asked instead of the daemon; None if the daemon is."""
        self._questions: Questions | None = None
        self._decisions: Decisions | None = None

    async def ask(self, question: Question[A, B], asked: A) -> B:
        """Return the answer to a question.

        Raises:
            StoreFailed: The daemon does not answer, and its store cannot be read.
            NotAllowed: This account may not ask.
            NoAnswer: The daemon did not answer in time.

        """
        if self.not_running is None:
            try:
                return self._control.ask(question, asked)
            except NotRunning as reason:
                self.not_running = reason
        if self._questions is None:
            path = self._configuration.store.path
            reader = await self._stack.enter_async_context(Reader.open(path))
            self._questions = Questions(reader)
        return await question.ask(self._questions, asked)

    async def decide(self, decision: Decision[A, B], asked: A) -> B:
        """Have something decided; return what came of it.

        Raises:
            StoreFailed: The daemon does not answer, and its store failed.
            StoreRefused: As above, and its store must not be touched.
            Refused: It cannot be done; nothing was.
            Impossible: As above.
            NotAllowed: This account may not ask; nothing was done.
            NoAnswer: The daemon did not answer in time; it may have been done.

        """
        if self.not_running is None:
            try:
                return self._control.ask(decision, asked)
            except NotRunning as reason:
                self.not_running = reason
        if self._decisions is None:
            self._decisions = await self._open()
        who = account(os.getuid(), os.environ.get("SUDO_USER"))
        return await decision.decide(self._decisions, asked, who)

    async def _open(self) -> Decisions:
        # Only now: they take a while to load, and most commands find the daemon running.
        from buffer.store import Store  # noqa: PLC0415
        from edge.ingest import configured  # noqa: PLC0415

        path = self._configuration.store.path
        must_be_readable(path)
        try:
            store = Store.open(path, max_size=self._configuration.store.max_size)
        except StoreRefused as refused:
            if isinstance(refused.__cause__, BlockingIOError):  # its lock is taken
                raise StoreRefused(
                    f"{path}: another process uses this store: a daemon with another "
                    "[control] socket, or a command that is still at work"
                ) from refused
            raise
        self._stack.push_async_callback(store.close)
        engine = configured.rules_engine(self._configuration)
        return Decisions(
            store,
            configured.judge(self._configuration, engine, system_clock, confirm=lambda _: None),
            {name: each.lanes() for name, each in self._configuration.destinations.items()},
            system_clock,
            # Nothing is delivered now; the daemon reads the store when it starts.
            on_changed=lambda _: None,
            on_added=lambda: None,
        )


def with_gateway(configuration: Configuration, command: Callable[[Gateway], Awaitable[int]]) -> int:
    """Run a command; return its exit status, or that of what kept it from being done."""
    stack = AsyncExitStack()
    gateway = Gateway(configuration, stack)

    async def reach() -> int:
        async with stack:
            return await command(gateway)

    try:
        return asyncio.run(reach())
    except (StoreFailed, StoreRefused) as failure:
        why = f"{gateway.not_running}; " if gateway.not_running else ""
        typer.echo(f"{why}{failure}", err=True)
        return Exit.STORE_REFUSED
    except (NotAllowed, NoAnswer) as failure:
        typer.echo(str(failure), err=True)
        return Exit.STORE_REFUSED
    except (Refused, Impossible) as refused:
        typer.echo(str(refused), err=True)
        return NOTHING_DONE
