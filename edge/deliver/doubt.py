"""Which entries may have been sent by a run that ended without a stop. Pure."""

from buffer.lane import Lane
from buffer.outbox import PendingEntry


class Doubt:
    """What must be looked up before it is first sent.

    Nothing is written before an entry is sent, so after a crash the store does
    not tell what was under way. It can only have been the first entry of a
    key, and one that was in memory: an entry that had been tried before, or
    one of the oldest. All of those are looked up, whether they were sent or not.
    """

    def __init__(self, up_to: int, fresh_keys: int) -> None:
        """Doubt entries up to this sequence: the newest when the run ended.

        Of each lane the first `fresh_keys` may have had their first entry under
        way: more than a delivery holds in memory and has yet to fetch.
        """
        self.up_to = up_to
        self._fresh = dict.fromkeys(Lane, fresh_keys)
        self._first: dict[str, int] = {}

    def of(self, entry: PendingEntry, lane: Lane) -> bool:
        """Whether an entry that is loaded, for a key of that lane, may have been sent."""
        if entry.seq > self.up_to:
            return False
        if entry.attempts > 0:
            return True
        if entry.key not in self._first and self._fresh[lane] > 0:
            self._fresh[lane] -= 1
            self._first[entry.key] = entry.seq
        # One before the first comes later if it was hidden, or given up and then sent after all.
        return entry.seq <= self._first.get(entry.key, 0)
