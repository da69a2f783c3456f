"""What is known in memory of one key: its next entries, and what may happen with them. Pure."""

from dataclasses import dataclass
from enum import Enum, auto

from buffer.lane import Lane
from buffer.outbox import PendingEntry


class State(Enum):
    """What may happen next with a key."""

    READY = auto()
    """Its head may be sent."""
    BUSY = auto()
    """Its head is being sent."""
    RESTING = auto()
    """Its head is sent again later."""
    WANTED = auto()
    """Its next entries are to be fetched from the store."""


@dataclass(slots=True)
class Chain:
    """The first undelivered entries of a key; others may be left to the store."""

    entries: list[PendingEntry]
    """In order of sequence. The first is the head."""
    lane: Lane
    """The most critical of the entries and of those behind."""
    behind: Lane | None = None
    """Set if the key has later entries that are in the store alone: the most critical known."""
    behind_from: int = 0
    """The first milestone that one of them can have."""
    state: State = State.READY
    rests_until: float = 0.0
    is_outdated: bool = False
    """An operator may have changed its entries while the head was sent."""

    def append(self, entry: PendingEntry) -> None:
        """Add the next entry."""
        self.entries.append(entry)
        self.lane = min(self.lane, entry.lane)

    def leave(self, entry: PendingEntry) -> None:
        """Leave an entry to the store."""
        if self.behind is None:
            self.behind, self.behind_from = entry.lane, entry.milestone
        else:
            self.behind = min(self.behind, entry.lane)
            self.behind_from = min(self.behind_from, entry.milestone)
        self.lane = min(self.lane, entry.lane)

    def cut(self, keep: int) -> None:
        """Leave all but the first entries to the store."""
        for entry in self.entries[keep:]:
            self.leave(entry)
        del self.entries[keep:]

    def drop_head(self) -> None:
        """Forget the first entry, and what lane it gave to the key."""
        del self.entries[0]
        if self.entries or self.behind is not None:
            self.find_lane(self.lane)

    def find_lane(self, best: Lane) -> None:
        """Set the lane anew; it is `best` at best."""
        for lane in range(best, Lane.BULK + 1):
            if self.behind == lane or any(entry.lane == lane for entry in self.entries):
                self.lane = Lane(lane)
                return
