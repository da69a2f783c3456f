"""Work that waits for a transaction, and which of it shares the next one."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from buffer.lane import Lane
from buffer.writing.writer import Work

MAX_WEIGHT = 2000
"""A transaction takes work up to this weight (about: rows), so that none is long."""
MAX_BYTES = 8 * 1024 * 1024
"""And up to this size."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of work. Without a lane of intake it is upkeep."""

    do: Work
    weight: int
    size: int
    intake: Lane | None
    done: "asyncio.Future[Any]"


class Waiting:
    """Pieces by lane, each lane in the order in which they came."""

    def __init__(self) -> None:
        self._queues: dict[Lane | None, deque[Piece]] = {each: deque() for each in (None, *Lane)}
        self._turn = 0

    def add(self, piece: Piece) -> None:
        """Let a piece wait behind those of its lane."""
        self._queues[piece.intake].append(piece)

    def has(self, lanes: Iterable[Lane | None]) -> bool:
        """Tell whether anything of these lanes waits."""
        return any(self._queues[lane] for lane in lanes)

    def take(self, lanes: Iterable[Lane | None], *, alone: bool = False) -> list[Piece]:
        """Take what shares the next transaction, of these lanes; nothing if nothing waits.

        The lanes come in the order given, each as far as the transaction has
        room. But the first piece comes from each lane in its turn, so that none
        starves; it is taken however large it is. If `alone`, it is the only one.
        """
        queues = [self._queues[lane] for lane in lanes if self._queues[lane]]
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
        """Let pieces wait again, in their old places."""
        for piece in reversed(pieces):
            self._queues[piece.intake].appendleft(piece)

    def clear(self) -> list[Piece]:
        """Take everything."""
        pieces = [piece for queue in self._queues.values() for piece in queue]
        for queue in self._queues.values():
            queue.clear()
        return pieces
