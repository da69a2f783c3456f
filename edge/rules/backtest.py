"""Collapsing the journal again, by rules that may be others, and comparing what is concluded.

Nothing is sent and nothing is stored. All sources count as heard until the
time of the signal that is judged next: what was concluded late because a source
was away is concluded in time, and may be retracted.
"""

from collections.abc import Sequence

from buffer import history
from buffer.journal import SignalRow
from buffer.reader import Reader
from edge.config import Configuration
from edge.milestones.epcis import encode
from edge.milestones.model import Milestone
from edge.milestones.site import Site
from edge.rules.comparing import Comparison, Difference, Kind, is_same_event
from edge.rules.rehearsal import Rehearsal


class Backtest:
    """Compares what a store's journal led to with what it leads to by a configuration."""

    def __init__(
        self, reader: Reader, configuration: Configuration, *, since: int, most: int
    ) -> None:
        """Compare milestones that happened at `since` (ms) or later; show `most` differences."""
        self._reader = reader
        self._rehearsal = Rehearsal(configuration)
        self._site = Site(configuration.site.uri, configuration.site.zone_offset)
        self._since = since
        self._seen: set[bytes] = set()
        self._found = Comparison(most)

    async def run(self) -> Comparison:
        """Judge all signals that are kept, then all milestones that only the old rules made.

        Raises:
            StoreFailed: The store cannot be read.

        """
        first_signal = None
        async for rows in history.signals(self._reader):
            if first_signal is None:
                first_signal, self._found.began_at = rows[0].seq, rows[0].recorded_at
            self._judge(rows)
            await self._compare()
        if first_signal is not None:
            await self._end(first_signal)
        return self._found

    def _judge(self, rows: Sequence[SignalRow]) -> None:
        self._rehearsal.replay(rows)
        self._found.signals += len(rows)
        self._found.ended_at = rows[-1].recorded_at

    async def _compare(self) -> None:
        """Compare what has been concluded since the last time."""
        milestones, faults = self._rehearsal.take_away()
        self._found.quarantined += faults
        concluded = [each for each in milestones if each.occurred_at >= self._since]
        known = await history.known(self._reader, (bytes.fromhex(each.id) for each in concluded))
        for each in concluded:
            identity = bytes.fromhex(each.id)
            self._seen.add(identity)
            if identity not in known:
                self._count("only new", each)
            elif is_same_event(known[identity].body, encode(each, self._site)):
                self._found.counts[each.name, "same"] += 1
            else:
                self._count("changed", each)

    async def _end(self, first_signal: int) -> None:
        """Let time pass to the last that was recorded, and find what was concluded only then."""
        only_old: list[history.PastMilestone] = []
        until = self._rehearsal.now
        async for rows in history.milestones(self._reader):
            compared = [row for row in rows if row.occurred_at >= self._since]
            until = max(until, *(row.recorded_at for row in rows))
            only_old += [row for row in compared if row.id not in self._seen]
        self._rehearsal.pass_time(until)
        await self._compare()
        for row in only_old:
            if row.id in self._seen:
                continue
            if row.first_signal is None or row.first_signal < first_signal:
                self._found.unexplained += 1
            else:
                difference = Difference(
                    "only old", row.id.hex(), row.name, row.key, row.occurred_at
                )
                self._found.add(difference)

    def _count(self, kind: Kind, milestone: Milestone) -> None:
        self._found.add(
            Difference(kind, milestone.id, milestone.name, milestone.key, milestone.occurred_at)
        )
