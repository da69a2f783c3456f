"""Which entries may have been sent by a run that ended without a stop. Pure."""

from buffer.lane import Lane
from buffer.outbox import PendingEntry

FRESH_KEYS = 3000
"""Keys of each lane, from the oldest on, whose first entry may have been under way.

More than a delivery holds in memory: its window, a chunk, and keys yet to be fetched.
"""


class Doubt:
    """What must be looked up before it is first sent.

    Nothing is written before an entry is sent, so after a crash the store does
    not tell what was under way. It can only have been the first entry of a
    key, and one that was in memory: an entry that had been tried before, or
    one of the oldest. All of those are looked up, whether they were sent or not.
    """

    def __init__(self, up_to: int) -> None:
        """Doubt entries up to this sequence: the newest when the run ended."""
        self.up_to = up_to
        self._fresh = dict.fromkeys(Lane, FRESH_KEYS)
        self._keys: set[str] = set()
        self._doubted: set[int] = set()

    def of(self, entry: PendingEntry, lane: Lane) -> bool:
        """Whether an entry that is loaded, for a key of that lane, may have been sent."""
        if entry.seq > self.up_to:
            return False
        if entry.attempts > 0 or entry.seq in self._doubted:
            return True
        if self._fresh[lane] == 0 or entry.key in self._keys:
            return False
        self._fresh[lane] -= 1
        self._keys.add(entry.key)
        self._doubted.add(entry.seq)
        return True
