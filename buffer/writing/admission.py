"""Which work may share the next transaction, by how much room there is.

Upkeep makes room and is never held by the budget. Intake of a lane is held when
the lane's part of the budget is used, and all intake when a transaction found no
room: the disk is full, or nearly, whatever the budget says. Then upkeep that finds
no room alone waits for the next look; what needs none passes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import structlog

from buffer.lane import Lane
from buffer.writing.waiting import ROOMLESS, Piece, Queue, Waiting

log = structlog.get_logger(__name__)

STOPS_AT: Mapping[Lane, float] = MappingProxyType(
    {Lane.BULK: 0.80, Lane.NORMAL: 0.90, Lane.CRITICAL: 0.95}
)
"""The part of the budget beyond which a lane takes no more in.

Above the part at which the journal is pruned for room, so that pruning comes first. A tenth is
for what matters more than bulk, and half of that for critical sources alone; the last
twentieth is for upkeep, which adds rows (attempts) before it takes any away.
"""
GOES_ON_BELOW = 0.02
"""How much of the budget must be free again below that, lest a lane stops and goes every second."""

UPKEEP: tuple[Queue, ...] = (ROOMLESS, None)


@dataclass(slots=True)
class _Shortage:
    since: int
    stuck: set[Queue] = field(default_factory=set)
    """Upkeep that found no room either, with nothing beside it and the reserve given up."""
    is_over: bool = False
    """There seems to be room: one piece of intake is tried."""


class Admission:
    """Takes from what waits. Times are milliseconds since the Unix epoch."""

    def __init__(self, waiting: Waiting, budget: int) -> None:
        self.budget = budget
        """In bytes."""
        self.used = 0
        self._waiting = waiting
        self._over_budget: dict[Lane, int] = {}
        self._shortage: _Shortage | None = None
        self._is_careful = False

    @property
    def held(self) -> dict[Lane, int]:
        """The lanes that take nothing in, and since when."""
        if self._shortage is None:
            return dict(self._over_budget)
        since = self._shortage.since
        return {lane: min(since, self._over_budget.get(lane, since)) for lane in Lane}

    def take(self) -> list[Piece]:
        """Take what shares the next transaction; nothing if nothing waits that may go."""
        lanes = [lane for lane in Lane if lane not in self._over_budget]
        if self._shortage is None:
            return self._waiting.take([*UPKEEP, *lanes], alone=self._is_careful)
        if self._shortage.is_over and self._waiting.has(lanes):
            return self._waiting.take(lanes, alone=True)
        going = [queue for queue in UPKEEP if queue not in self._shortage.stuck]
        return self._waiting.take(going, alone=self._is_careful)

    def committed(self, pieces: Sequence[Piece], used: int, at: int) -> None:
        """Conclude from a transaction that found room."""
        # What needs no room says nothing of the room for others.
        self._is_careful &= all(piece.queue == ROOMLESS for piece in pieces)
        if self._shortage is not None:
            self._shortage.stuck.difference_update(piece.queue for piece in pieces)
            if any(piece.intake is not None for piece in pieces):
                self._end_shortage()
        self.measured(used, at)

    def found_no_room(self, pieces: Sequence[Piece], at: int) -> bool:
        """Conclude from one that found none, and let its pieces wait again.

        Returns whether even upkeep alone found none: give up the reserve, and
        tell `relieved` whether that was possible.
        """
        self._waiting.put_back(pieces)
        # What together found no room may find it one by one.
        self._is_careful = True
        if self._shortage is None:
            self._shortage = _Shortage(at)
            log.error("store_out_of_room", used=self.used, budget=self.budget)
        self._shortage.is_over = False
        if len(pieces) == 1 and pieces[0].intake is None:
            self._shortage.stuck.add(pieces[0].queue)
        return all(piece.intake is None for piece in pieces)

    def relieved(self, *, has_given: bool) -> None:
        """Try upkeep again at once if the reserve gave room, else after the next look."""
        if self._shortage is not None and has_given:
            self._shortage.stuck.clear()

    def looked(self, budget: int, used: int, at: int, *, has_room: bool) -> None:
        """Conclude from a look at the volume."""
        self.budget = budget
        self.measured(used, at)
        if self._shortage is not None:
            self._shortage.stuck.clear()
            self._shortage.is_over = has_room and Lane.CRITICAL not in self._over_budget
            if self._shortage.is_over and not self._waiting.has(Lane):
                self._end_shortage()

    def measured(self, used: int, at: int) -> None:
        """Hold lanes, or let them go on, by how much is used."""
        self.used = used
        for lane, part in STOPS_AT.items():
            limit = part - GOES_ON_BELOW if lane in self._over_budget else part
            is_over = used >= limit * self.budget
            if is_over == (lane in self._over_budget):
                continue
            if is_over:
                self._over_budget[lane] = at
                log.warning("intake_held", lane=lane.name, used=used, budget=self.budget)
            else:
                del self._over_budget[lane]
                log.info("intake_goes_on", lane=lane.name, used=used, budget=self.budget)

    def _end_shortage(self) -> None:
        self._shortage = None
        log.info("store_has_room_again", used=self.used, budget=self.budget)
