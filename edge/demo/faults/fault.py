"""A fault that a demonstration can make happen, and the parts that it is made of."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from edge.demo.stage import AS_SHIPPED, Stage, Staging


@dataclass(frozen=True, slots=True)
class Happening:
    """Something done to the stage, at so many seconds of the play."""

    at: float
    words: str
    do: Callable[[], Awaitable[object]]


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and when. Everything it does ends before the play is judged."""

    words: str
    """A line for who chooses one."""
    happenings: Callable[[Stage, float], Sequence[Happening]]
    """Called with the stage and the length of the play in seconds; in order of time."""
    staging: Staging = AS_SHIPPED
    lasts_longer: float = 0.0
    """Seconds more than usual after which the book is compared as it stands."""
    lacks: Callable[[], str | None] = _nothing
    """What this machine lacks for it, and how to get it; None if nothing."""


async def happen(happenings: Sequence[Happening], say: Callable[[str], None]) -> None:
    """Let things happen at their times, counted from now; each is said as it happens."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    for happening in happenings:
        await asyncio.sleep(max(0.0, start + happening.at - loop.time()))
        say(happening.words)
        await happening.do()


def in_thread(
    do: Callable[..., object], *arguments: object, **named: object
) -> Callable[[], Awaitable[object]]:
    """Return what does it without holding up the event loop."""
    return partial(asyncio.to_thread, do, *arguments, **named)
