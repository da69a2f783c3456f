"""Loading a window of what a destination is owed, lane by lane and, where order asks, by key.

Each lane has a cursor: what lies behind it is in the store alone. An entry may
only be sent after the earlier ones of its key, and those may lie behind the
cursor of another lane: then the key is fetched from the store, first entry first.

Promise 4: memory holds a window of the backlog, whatever its length.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from buffer.lane import Lane
from buffer.outbox import PendingEntry
from buffer.reader import Reader
from edge.deliver.doubt import Doubt
from edge.deliver.queue import KeyQueue

CHUNK = 1000
"""Entries of one lane read from the store at once, at most."""
CHUNK_OF_KEY = 100
"""Entries of one key read from the store at once."""
FETCHES = 50
"""Keys fetched in a row, before what is ready is sent."""


class _Place(NamedTuple):
    """A place in the outbox: all entries up to it have been seen. Both ascend together."""

    entry: int = 0
    milestone: int = 0


class Backlog:
    """Fills a queue from the store. One `load` runs at a time."""

    def __init__(
        self,
        destination: str,
        reader: Reader,
        queue: KeyQueue,
        *,
        chunk: int,
        holds: bool,
        doubt: Doubt,
    ) -> None:
        """Begin with nothing loaded; `holds`: a dead letter holds back its key."""
        self._destination = destination
        self._reader = reader
        self._queue = queue
        self._chunk = chunk
        self._holds = holds
        self._doubt = doubt
        self._cursors = dict.fromkeys(Lane, _Place())
        self._last = _Place()
        self._act: int | None = None
        self.is_outdated = False
        """Set when an operator has changed entries: another one must begin from the store."""
        self._settled: set[int] = set()
        self._held: set[str] = set()

    def settled(self, entry: int) -> None:
        """Say that an entry is settled: what is being read from the store may not know yet."""
        self._settled.add(entry)

    def held(self, key: str) -> None:
        """Say that a key is held back from now on, which may not be known yet either."""
        self._held.add(key)

    async def load(self, *, news: bool) -> bool:
        """Load what there is room for, a chunk of each lane at most; return whether there is more.

        `news`: entries may have been added since.

        Raises:
            StoreFailed: The store cannot be read.

        """
        self._settled.clear()
        self._held.clear()
        if news:
            await self._look()
        rows = [row for lane in Lane for row in await self._next(lane)]
        if rows:
            rows.sort()
            await self._offer(rows)
        fetched_all = await self._fetch()
        return (
            not fetched_all
            or self.is_outdated
            or any(self._cursors[lane] < self._last and self._queue.has_room(lane) for lane in Lane)
        )

    async def _look(self) -> None:
        entry, milestone, act = await self._reader.newest()
        self._last = _Place(entry, milestone)
        self._act = act if self._act is None else self._act
        self.is_outdated = self.is_outdated or act != self._act

    async def _next(self, lane: Lane) -> list[PendingEntry]:
        """Read on in a lane, up to the last entry known: so far all lanes are seen alike."""
        cursor, last = self._cursors[lane], self._last
        if cursor >= last or not self._queue.has_room(lane):
            return []
        found = await self._reader.pending(self._destination, lane, cursor.entry, self._chunk)
        rows = [row for row in found if row.seq <= last.entry]
        is_all = len(rows) < self._chunk
        self._cursors[lane] = last if is_all else _Place(rows[-1].seq, rows[-1].milestone)
        return rows

    async def _offer(self, rows: list[PendingEntry]) -> None:
        keys = {row.key for row in rows}
        if self._holds:
            dead, act = await self._reader.dead_among(self._destination, keys)
            # After an act, a key may be free whose first entries the cursors have left behind.
            self.is_outdated = self.is_outdated or act != self._act
            rows = [row for row in rows if row.key not in dead]
        stretches = dict(self._stretches(rows))
        hidden = set[int]()
        if stretches:
            places = list(stretches)
            found = await self._reader.hidden(self._destination, list(stretches.values()))
            hidden = {places[position] for position in found}
        if self.is_outdated:
            return
        for row in rows:
            # What was settled while the store was read may be told as pending.
            if row.seq in self._settled or row.key in self._held:
                continue
            if row.seq in hidden:
                self._queue.defer(row, stretches[row.seq][1] + 1)
            else:
                self._queue.offer(self._doubting(row, row.lane))

    def _stretches(
        self, rows: Iterable[PendingEntry]
    ) -> Iterator[tuple[int, tuple[str, int, int]]]:
        """Return where earlier entries may be hidden: by entry, (key, after, before)."""
        cursors = self._cursors.items()
        nearest_of = [min(place for lane, place in cursors if lane != own) for own in Lane]
        if min(nearest_of) >= self._last:
            return
        seen = dict[str, int]()
        for row in rows:
            nearest = nearest_of[row.lane]
            if nearest.entry < row.seq:
                after = seen.get(row.key) or self._queue.last_milestone(row.key)
                yield row.seq, (row.key, after or nearest.milestone, row.milestone)
            seen[row.key] = row.milestone

    async def _fetch(self) -> bool:
        """Fetch keys whose turn it is; return whether those were all."""
        for _ in range(FETCHES):
            wanted = self._queue.wanted()
            if wanted is None:
                return True
            key, lane, first = wanted
            rows = await self._reader.pending_of_key(
                self._destination, key, first - 1, CHUNK_OF_KEY
            )
            self._queue.fetched(
                key,
                [self._doubting(row, lane) for row in rows],
                more=len(rows) == CHUNK_OF_KEY,
            )
        return self._queue.wanted() is None

    def _doubting(self, row: PendingEntry, lane: Lane) -> PendingEntry:
        return row._replace(unsure=True) if self._doubt.of(row, lane) else row
