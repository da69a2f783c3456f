"""Other rules beside those in force: both judge the same signals, and what differs is counted.

Reads the store of a gateway that runs, and never writes: nothing is sent, and the
gateway does not wait. As in a backtest, all sources count as heard until the time of the
last signal.
"""

from dataclasses import dataclass, replace

from buffer import history
from buffer.journal import SignalRow
from buffer.reader import Reader
from edge.config import Configuration
from edge.milestones.epcis import encode
from edge.milestones.model import Milestone
from edge.milestones.site import Site
from edge.rules.comparing import Comparison, Difference, is_same_event
from edge.rules.rehearsal import Rehearsal

CERTAIN_AFTER = 60_000
"""Milliseconds after which what only one of them has concluded is a difference."""


@dataclass(frozen=True, slots=True)
class _Alone:
    """What one of them has concluded, and the other has not yet."""

    difference: Difference
    noticed_at: int
    event: bytes | None = None
    """By the new rules."""


class Shadow:
    """Follows a journal by other rules."""

    def __init__(self, reader: Reader, configuration: Configuration, *, most: int) -> None:
        """Keep `most` differences until they are taken away."""
        self._reader = reader
        self._rehearsal = Rehearsal(configuration)
        self._site = Site(configuration.site.uri, configuration.site.zone_offset)
        self._after_signal = 0
        self._after_milestone = 0
        self._first_signal = 0
        self._only_new: dict[bytes, _Alone] = {}
        self._only_old: dict[bytes, _Alone] = {}
        self.found = Comparison(most)
        """What differs since `begin`; its differences are for the caller to take away."""

    @property
    def uncertain(self) -> int:
        """How many milestones only one of them has concluded, and the other still may."""
        return len(self._only_new) + len(self._only_old)

    async def begin(self) -> None:
        """Judge what the journal has: open tracks are then known. It is not compared.

        Raises:
            StoreFailed: The store cannot be read.

        """
        self._after_milestone = await history.newest_milestone(self._reader)
        async for rows in history.signals(self._reader):
            self._first_signal = self._first_signal or rows[0].seq
            concluded = self._judge(rows)
            # The old rules may be about to conclude the last of these.
            recently = self._rehearsal.now - CERTAIN_AFTER
            for each in concluded:
                if each.occurred_at >= recently:
                    self._take(each)
        known = await history.known(self._reader, self._only_new)
        for identity in known:
            del self._only_new[identity]
        self.found.signals = self.found.quarantined = 0
        self.found.began_at = self.found.ended_at

    async def look(self) -> None:
        """Judge and compare what has come since the last time.

        Raises:
            StoreFailed: The store cannot be read.

        """
        async for rows in history.signals(self._reader, self._after_signal):
            for milestone in self._judge(rows):
                self._take(milestone)
        async for past in history.milestones(self._reader, self._after_milestone):
            self._after_milestone = past[-1].seq
            for row in past:
                told = Difference("only old", row.id.hex(), row.name, row.key, row.occurred_at)
                if row.first_signal is None or row.first_signal < self._first_signal:
                    self.found.unexplained += 1
                else:
                    self._only_old[row.id] = _Alone(told, self._rehearsal.now)
        await self._match()
        for alone in (self._only_new, self._only_old):
            self._settle(alone)

    def _judge(self, rows: list[SignalRow]) -> list[Milestone]:
        """Return what is concluded."""
        self._rehearsal.replay(rows)
        milestones, faults = self._rehearsal.take_away()
        self._after_signal = rows[-1].seq
        self.found.signals += len(rows)
        self.found.ended_at = rows[-1].recorded_at
        self.found.quarantined += faults
        return milestones

    def _take(self, milestone: Milestone) -> None:
        told = Difference(
            "only new", milestone.id, milestone.name, milestone.key, milestone.occurred_at
        )
        event = encode(milestone, self._site)
        self._only_new[bytes.fromhex(milestone.id)] = _Alone(told, self._rehearsal.now, event)

    async def _match(self) -> None:
        both = self._only_new.keys() & self._only_old.keys()
        for identity, known in (await history.known(self._reader, both)).items():
            new, _ = self._only_new.pop(identity), self._only_old.pop(identity)
            if is_same_event(known.body, new.event or b""):
                self.found.counts[known.name, "same"] += 1
            else:
                self.found.add(replace(new.difference, kind="changed"))

    def _settle(self, alone: dict[bytes, _Alone]) -> None:
        certain = [
            identity
            for identity, each in alone.items()
            if each.noticed_at + CERTAIN_AFTER <= self._rehearsal.now
        ]
        for identity in certain:
            self.found.add(alone.pop(identity).difference)
