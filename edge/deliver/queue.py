"""Which entry may be sent next: order per key, in bounded memory. Pure.

Promise 3: at one destination the milestones of one key arrive in order, and a
key that is held back delays no other.

Each key has a chain of entries, and only the head of a chain is ever sent. A
key is *ready*, *busy* (its head is being sent), *resting* (its head is sent
again later) or *held* (its head was rejected and an operator must decide).
Memory holds a window of the backlog. What is behind the head of a resting or
held key does not take part in the window: it is parked in the store and
fetched when the key goes on.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Sequence

from buffer.outbox import PendingEntry

WINDOW = 1000
"""Entries of ready and busy keys held in memory."""
MAX_RESTING = 10_000
"""Keys that may rest, each with its head in memory; beyond that nothing more is loaded."""


class KeyQueue:
    """The entries of one destination that are in memory. Times are the event loop's."""

    def __init__(self, held: Iterable[str]) -> None:
        """Start empty; `held` are the keys that already wait for an operator."""
        self._chains: dict[str, deque[PendingEntry]] = {}
        self._ready: deque[str] = deque()
        self._rests: list[tuple[float, str]] = []
        self._resting: set[str] = set()
        self._held = set(held)
        self._parked: set[str] = set()
        self._loaded = 0

    @property
    def has_room(self) -> bool:
        """Whether more entries should be loaded."""
        return self._loaded < WINDOW and len(self._resting) < MAX_RESTING

    @property
    def next_rest_ends(self) -> float | None:
        """When the first resting key may be tried again."""
        return self._rests[0][0] if self._rests else None

    def offer(self, entry: PendingEntry) -> bool:
        """Take an entry, newer than all before it; False if it must be parked instead."""
        key = entry.key
        if key in self._held or key in self._parked or key in self._resting:
            self._parked.add(key)
            return False
        self._loaded += 1
        if key in self._chains:
            self._chains[key].append(entry)
        else:
            self._chains[key] = deque([entry])
            self._ready.append(key)
        return True

    def lease(self, now: float) -> PendingEntry | None:
        """Return the next entry to send, and make its key busy; None if no key is ready."""
        while self._rests and self._rests[0][0] <= now:
            _, key = heapq.heappop(self._rests)
            self._resting.discard(key)
            self._ready.append(key)
            self._loaded += 1
        return self._chains[self._ready.popleft()][0] if self._ready else None

    def settled(self, key: str) -> bool:
        """Drop the settled head of a busy key; True if the key's parked entries come next."""
        chain = self._chains[key]
        chain.popleft()
        self._loaded -= 1
        if chain:
            self._ready.append(key)
            return False
        del self._chains[key]
        return key in self._parked

    def again(self, entry: PendingEntry) -> None:
        """Send the head of a busy key again, after the other ready keys.

        Last, so that the next probe of a failing destination takes another
        key: one entry that is never answered must not pass for an outage.
        """
        self._chains[entry.key][0] = entry
        self._ready.append(entry.key)

    def rest(self, entry: PendingEntry, until: float) -> list[int]:
        """Send the head of a busy key again later; return the entries to be parked behind it."""
        chain = self._chains[entry.key]
        behind = [waiting.seq for waiting in list(chain)[1:]]
        self._chains[entry.key] = deque([entry])
        self._loaded -= len(chain)
        heapq.heappush(self._rests, (until, entry.key))
        self._resting.add(entry.key)
        if behind:
            self._parked.add(entry.key)
        return behind

    def hold(self, key: str) -> list[int]:
        """Hold a key whose head was rejected; return the entries to be parked behind it."""
        chain = self._chains.pop(key)
        self._loaded -= len(chain)
        self._held.add(key)
        behind = [waiting.seq for waiting in list(chain)[1:]]
        if behind:
            self._parked.add(key)
        return behind

    def release(self, key: str) -> bool:
        """Let a held key go on; True if its parked entries come next.

        They do not while entries of the key are in memory: those come first,
        and `settled` tells when they are through.
        """
        self._held.discard(key)
        self._parked.add(key)
        return key not in self._chains

    def unpark(self, key: str, entries: Sequence[PendingEntry], *, more: bool) -> None:
        """Take parked entries back, in order; `more` if others of the key stay parked.

        Only of a key whose parked entries come next, as `settled` or `release` said.
        """
        self._parked.discard(key)
        for entry in entries:
            self.offer(entry)
        if more:
            self._parked.add(key)
