"""Which entry may be sent next: order per key, lanes, in bounded memory. Pure.

Promise 3: at one destination the milestones of one key arrive in order, and a
key that is held back delays no other.

Each key in memory has a chain. Only its head is ever sent. A key whose head was
rejected for good is dropped, with all that is behind it.

Order per key wins over lanes. Therefore it is the key that has a lane: the
most critical one of its entries. A critical entry pulls those before it along.
"""

import heapq
from collections import OrderedDict
from collections.abc import Sequence

from buffer.lane import Lane
from buffer.outbox import PendingEntry
from edge.deliver.chain import Chain, State

WINDOW = 2000
"""With this many entries of ready and busy keys in memory, no more of their lane are loaded.

Four of the largest batches that a driver here sends; one that sends larger ones cannot fill them.
"""
MAX_RESTING = 10_000
"""Keys of one lane that may rest, each with its head in memory; then no more of it is loaded."""
NORMAL_PER_BULK = 4
"""So many normal entries are sent for a bulk one while both wait: bulk lags, but never starves."""
LOOK_UPS = 10
"""Entries in a batch that are looked up first, one by one: the others wait for it."""


class KeyQueue:
    """The entries of one destination that are in memory. Times are the event loop's."""

    def __init__(self, window: int) -> None:
        """Hold `window` entries of each lane, beside those of resting keys."""
        self._window = window
        self._chains: dict[str, Chain] = {}
        # By lane.
        self._ready = [OrderedDict[str, None]() for _ in Lane]
        self._wanted = [OrderedDict[str, None]() for _ in Lane]
        self._loaded = [0 for _ in Lane]
        self._resting = [0 for _ in Lane]
        self._rests: list[tuple[float, str]] = []
        self._rests_kept: dict[str, tuple[int, float]] = {}
        self._turn = 0
        self._probes = 0

    @property
    def next_rest_ends(self) -> float | None:
        """When the first resting key may be tried again."""
        return self._rests[0][0] if self._rests else None

    def has_room(self, lane: Lane) -> bool:
        """Whether more entries of a lane should be loaded; wanted keys come before."""
        return (
            not self._wanted[lane]
            and self._loaded[lane] < self._window
            and self._resting[lane] < MAX_RESTING
        )

    def last_milestone(self, key: str) -> int | None:
        """Return the milestone of the last entry of a key in memory, None if there is none."""
        chain = self._chains.get(key)
        return chain.entries[-1].milestone if chain and chain.entries else None

    def offer(self, entry: PendingEntry) -> None:
        """Take an entry; of its key and of its lane all before it have been offered or fetched."""
        chain = self._chains.get(entry.key)
        if chain is None:
            chain = self._chains[entry.key] = Chain([entry], entry.lane)
            self._begin(entry.key, chain)
        elif chain.behind is not None or chain.state is State.RESTING:
            self._leave_behind(entry.key, chain, entry)
        elif entry.seq > chain.entries[-1].seq:
            if entry.lane < chain.lane:
                self._leave(entry.key, chain)
                chain.append(entry)
                self._enter(entry.key, chain, chain.state)
            else:
                chain.append(entry)
                self._loaded[chain.lane] += 1
        elif all(entry.seq != known.seq for known in chain.entries):  # else fetched with its key
            self._leave_behind(entry.key, chain, entry)

    def defer(self, entry: PendingEntry, first: int) -> None:
        """Note an entry that others of its key come before, from that milestone on."""
        key = entry.key
        chain = self._chains.get(key)
        if chain is None:
            chain = self._chains[key] = Chain([], entry.lane, entry.lane, first)
            self._enter(key, chain, State.WANTED)
        else:
            self._leave_behind(key, chain, entry._replace(milestone=first))

    def wanted(self) -> tuple[str, Lane, int] | None:
        """Return the next key to fetch, its lane, and from which milestone on; None if none is."""
        for lane in Lane:
            if self._wanted[lane] and self._loaded[lane] < self._window:
                key = next(iter(self._wanted[lane]))
                return key, lane, self._chains[key].behind_from
        return None

    def fetched(self, key: str, entries: Sequence[PendingEntry], *, more: bool) -> None:
        """Take the next entries of a wanted key; `more` if others stay in the store."""
        chain = self._chains[key]
        self._leave(key, chain)
        chain.entries = sorted(entries)
        if more:
            chain.behind_from = entries[-1].milestone + 1
        else:
            chain.behind = None
        chain.find_lane(Lane.CRITICAL)
        if chain.entries:
            self._begin(key, chain)
        else:
            del self._chains[key]

    def wake(self, now: float) -> None:
        """Let keys go on whose rest is over."""
        while self._rests and self._rests[0][0] <= now:
            _, key = heapq.heappop(self._rests)
            self._leave(key, self._chains[key])
            self._enter(key, self._chains[key], State.READY)

    def lease(self, limit: int, *, critical: bool) -> list[PendingEntry]:
        """Return up to `limit` entries to send together, each of a key that is busy from now on.

        Either of the critical lane, or of the others.
        """
        batch: list[PendingEntry] = []
        look_ups = 0
        while len(batch) < limit and look_ups < LOOK_UPS:
            lane = Lane.CRITICAL if critical else self._next_lane()
            if not self._ready[lane]:
                break
            batch.append(self._lend(lane))
            look_ups += batch[-1].unsure
        return batch

    def probe(self) -> list[PendingEntry]:
        """Return one entry, to learn whether the destination works; each time of another lane."""
        for turn in range(len(Lane)):
            lane = Lane((self._probes + turn) % len(Lane))
            if self._ready[lane]:
                self._probes = lane + 1
                return [self._lend(lane)]
        return []

    def settled(self, key: str) -> None:
        """Drop the settled head of a busy key."""
        chain = self._chains[key]
        self._loaded[chain.lane] -= len(chain.entries)
        chain.drop_head()
        if chain.is_outdated:
            self._renew(key, chain)
        elif chain.entries:
            self._enter(key, chain, State.READY)
        elif chain.behind is not None:
            self._enter(key, chain, State.WANTED)
        else:
            del self._chains[key]

    def again(self, entry: PendingEntry) -> None:
        """Send the head of a busy key again, after the other ready keys of its lane.

        Last, so that the next probe of a failing destination takes another
        key: one entry that is never answered must not pass for an outage.
        """
        chain = self._chains[entry.key]
        self._leave(entry.key, chain)
        if chain.is_outdated:
            self._renew(entry.key, chain)
        else:
            chain.entries[0] = entry
            self._enter(entry.key, chain, State.READY)

    def rest(self, entry: PendingEntry, until: float) -> None:
        """Send the head of a busy key again later; what is behind it is left to the store."""
        key = entry.key
        chain = self._chains[key]
        self._leave(key, chain)
        if chain.is_outdated:
            self._rests_kept[key] = entry.seq, until
            self._renew(key, chain)
        else:
            chain.entries[0] = entry
            self._lay(key, chain, until)

    def hold(self, key: str) -> bool:
        """Drop a busy key whose head was rejected: an operator must decide.

        False if one may have done so while it was sent.
        """
        chain = self._chains.pop(key)
        self._leave(key, chain)
        return not chain.is_outdated

    def afresh(self, now: float) -> "KeyQueue":
        """Return an empty queue for the same destination, which keeps what is busy and rests.

        What is under way will be settled there; after that, and after a rest,
        the key goes on with what the store then has of it.
        """
        new = KeyQueue(self._window)
        kept = self._rests_kept.items()
        # Some of these keys may never come back: what they rested for was given up.
        new._rests_kept.update((key, rest) for key, rest in kept if rest[1] > now)
        for key, chain in self._chains.items():
            if chain.state is State.RESTING:
                new._rests_kept[key] = chain.entries[0].seq, chain.rests_until
            elif chain.state is State.BUSY:
                busy = Chain(chain.entries[:1], chain.lane, chain.lane, is_outdated=True)
                new._chains[key] = busy
                new._enter(key, busy, State.BUSY)
        return new

    # ---- How a key goes from one state to another --------------------------------------------

    def _enter(self, key: str, chain: Chain, state: State) -> None:
        chain.state = state
        lane = chain.lane
        if state is State.RESTING:
            self._resting[lane] += 1
            return
        self._loaded[lane] += len(chain.entries)
        if state is State.READY:
            self._ready[lane][key] = None
        elif state is State.WANTED:
            self._wanted[lane][key] = None

    def _leave(self, key: str, chain: Chain) -> None:
        if chain.state is State.RESTING:
            self._resting[chain.lane] -= 1
            return
        self._loaded[chain.lane] -= len(chain.entries)
        if chain.state is State.READY:
            del self._ready[chain.lane][key]
        elif chain.state is State.WANTED:
            del self._wanted[chain.lane][key]

    def _begin(self, key: str, chain: Chain) -> None:
        """Let a key whose entries have just been loaded go on, or go on resting."""
        kept = self._rests_kept.pop(key, None) if self._rests_kept else None
        if kept and kept[0] == chain.entries[0].seq:
            self._lay(key, chain, kept[1])
        else:
            self._enter(key, chain, State.READY)

    def _lay(self, key: str, chain: Chain, until: float) -> None:
        chain.cut(1)
        chain.rests_until = until
        heapq.heappush(self._rests, (until, key))
        self._enter(key, chain, State.RESTING)

    def _renew(self, key: str, chain: Chain) -> None:
        """Fetch all of a key from the store, whatever was known of it."""
        chain.cut(0)
        chain.is_outdated = False
        chain.behind, chain.behind_from = chain.lane, 0
        self._enter(key, chain, State.WANTED)

    def _leave_behind(self, key: str, chain: Chain, entry: PendingEntry) -> None:
        if entry.lane < chain.lane:
            self._leave(key, chain)
            chain.leave(entry)
            self._enter(key, chain, chain.state)
        else:
            chain.leave(entry)

    def _lend(self, lane: Lane) -> PendingEntry:
        key, _ = self._ready[lane].popitem(last=False)
        chain = self._chains[key]
        chain.state = State.BUSY
        return chain.entries[0]

    def _next_lane(self) -> Lane:
        """Return normal or bulk, by their shares."""
        normal, bulk = self._ready[Lane.NORMAL], self._ready[Lane.BULK]
        if not (normal and bulk):
            return Lane.NORMAL if normal else Lane.BULK
        self._turn = (self._turn + 1) % (NORMAL_PER_BULK + 1)
        return Lane.NORMAL if self._turn else Lane.BULK
