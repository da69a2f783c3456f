"""Asking the gateway: the daemon over its socket, or, while it is stopped, its store."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TypeVar

import typer

from buffer.failures import StoreFailed, StoreRefused
from buffer.reader import Reader
from drivers.contract import system_clock
from edge.config import Configuration
from edge.control.client import Control, NoAnswer, NotRunning, Refused
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
        self._control: Control | None = Control(configuration.control.socket)
        self._questions: Questions | None = None
        self._decisions: Decisions | None = None

    async def ask(self, question: Question[A, B], asked: A) -> B:
        """Return the answer to a question.

        Raises:
            StoreFailed: The daemon does not answer, and its store cannot be read.
            NoAnswer: The daemon did not answer in time.

        """
        if self._control is not None:
            try:
                return self._control.ask(question, asked)
            except NotRunning:
                self._control = None
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
            NoAnswer: The daemon did not answer in time; it may have been done.

        """
        if self._control is not None:
            try:
                return self._control.ask(decision, asked)
            except NotRunning:
                self._control = None
        if self._decisions is None:
            self._decisions = await self._open()
        who = account(os.getuid(), os.environ.get("SUDO_USER"))
        return await decision.decide(self._decisions, asked, who)

    async def _open(self) -> Decisions:
        # Only now: they take a while to load, and most commands find the daemon running.
        from buffer.store import Store  # noqa: PLC0415
        from edge.ingest import configured  # noqa: PLC0415

        path = self._configuration.store.path
        if not path.exists():
            raise StoreRefused(f"{path}: there is no store; check [store] path")
        store = Store.open(path, max_size=self._configuration.store.max_size)
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

    async def reach() -> int:
        async with AsyncExitStack() as stack:
            return await command(Gateway(configuration, stack))

    try:
        return asyncio.run(reach())
    except (StoreFailed, StoreRefused, NoAnswer) as failure:
        typer.echo(str(failure), err=True)
        return Exit.STORE_REFUSED
    except (Refused, Impossible) as refused:
        typer.echo(str(refused), err=True)
        return NOTHING_DONE
