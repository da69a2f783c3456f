"""Work that waits for a transaction, and which of it shares the next one."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from buffer.lane import Lane
from buffer.writing.writer import Work

MAX_WEIGHT = 2000
"""A transaction takes work up to this weight (about: rows), so that none is long."""
MAX_BYTES = 8 * 1024 * 1024
"""And up to this size."""


NEEDS_NO_ROOM = -1
"""Size of upkeep that adds nothing, or takes something away: pruning, the sign of life.

It goes in any order, also before upkeep that waits for the very room that it makes.
"""
ROOMLESS: Final = "roomless"
Queue = Lane | Literal["roomless"] | None


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of work. Without a lane of intake it is upkeep."""

    do: Work
    weight: int
    size: int
    intake: Lane | None
    done: "asyncio.Future[Any]"

    @property
    def queue(self) -> Queue:
        """Where it waits: its lane, None for upkeep in its order, or with what needs no room."""
        return ROOMLESS if self.intake is None and self.size < 0 else self.intake


class Waiting:
    """Pieces in queues, each in the order in which they came."""

    def __init__(self) -> None:
        queues: tuple[Queue, ...] = (ROOMLESS, None, *Lane)
        self._queues: dict[Queue, deque[Piece]] = {each: deque() for each in queues}
        self._turn = 0

    def add(self, piece: Piece) -> None:
        """Let a piece wait behind those of its queue."""
        self._queues[piece.queue].append(piece)

    def has(self, queues: Iterable[Queue]) -> bool:
        """Tell whether anything waits in these queues."""
        return any(self._queues[queue] for queue in queues)

    def take(self, names: Iterable[Queue], *, alone: bool = False) -> list[Piece]:
        """Take what shares the next transaction, of these queues; nothing if nothing waits.

        The queues come in the order given, each as far as the transaction has
        room. But the first piece comes from each queue in its turn, so that none
        starves; it is taken however large it is. If `alone`, it is the only one.
        """
        queues = [self._queues[name] for name in names if self._queues[name]]
        if not queues:
            return []
        self._turn += 1
        pieces = [queues[self._turn % len(queues)].popleft()]
        weight, size = pieces[0].weight, pieces[0].size
        while queues and not alone:
            if not queues[0]:
                del queues[0]
                continue
            piece = queues[0][0]
            weight, size = weight + piece.weight, size + piece.size
            if weight > MAX_WEIGHT or size > MAX_BYTES:
                break
            pieces.append(queues[0].popleft())
        return pieces

    def put_back(self, pieces: Sequence[Piece]) -> None:
        """Let pieces wait again, in their old places; what needs no room, behind the others."""
        for piece in reversed(pieces):
            if piece.queue == ROOMLESS:
                self.add(piece)  # or one that finds none after all would always be tried first
            else:
                self._queues[piece.queue].appendleft(piece)

    def clear(self) -> list[Piece]:
        """Take everything."""
        pieces = [piece for queue in self._queues.values() for piece in queue]
        for queue in self._queues.values():
            queue.clear()
        return pieces
