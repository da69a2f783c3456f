"""What a driver that delivers is given, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """One milestone owed to one destination. Every attempt carries the same bytes."""

    id: str
    """The milestone's id, 32 hexadecimal digits: the idempotency key."""
    key: str
    """The order or unit whose milestones must arrive in order, e.g. "unit:340…"."""
    name: str
    """The milestone's name, e.g. "departed"."""
    occurred_at: int
    """When it happened, milliseconds since the Unix epoch."""
    site: str
    """URI of the site."""
    body: bytes
    """The EPCIS event, JSON, exactly as stored."""
    attempt: int
    """1 for the first."""
    retracts: str | None = None
    """The id of the entry that this one declares false: what the destination must reverse."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The destination has it, now or from an earlier attempt."""

    receipt: str
    """What the destination answered, shortened for a person to read."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The destination will never take this entry as it is."""

    reason: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Not taken, and certainly without effect; send it again later."""

    reason: str
    after: float | None = None
    """Seconds the destination asked to wait."""
    outage: bool = False
    """True if the destination as a whole takes nothing, not just this entry."""
    overloaded: bool = False
    """True if the destination works, but is sent more than it takes: send less."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, but the outcome is not known: it may have taken effect."""

    reason: str
    outage: bool = False
    """True if the destination as a whole does not answer."""


Verdict = Accepted | Rejected | Retry | Unknown


@dataclass(frozen=True, slots=True)
class Divide:
    """A batch was refused as a whole and without effect; smaller ones may be taken.

    Never the answer to a single entry.
    """

    reason: str
    too_large: bool
    """True if its size was the reason; false if some entry in it was, and it is not said which."""


class Sink(Protocol):
    """A configured destination."""

    @property
    def batch_limit(self) -> int:
        """The most entries that one delivery may hold; 1 if this destination takes no batches."""
        ...

    async def deliver(self, entries: Sequence[Entry]) -> Sequence[Verdict] | Divide:
        """Send the entries once, together, and say how each ended, in their order.

        Their keys differ. Raises only on a fault of its own.
        """
        ...

    async def look_up(self, entry: Entry) -> Accepted | Retry | Unknown | None:
        """Ask whether an entry of unknown outcome has arrived.

        Returns None if it has not, or if this destination cannot be asked, and
        Unknown if it did not tell; either way the entry is sent again. Retry,
        an outage or an overload, if it answered that it wants to be left alone.
        """
        ...

    async def close(self) -> None:
        """Give up the connections."""
        ...
