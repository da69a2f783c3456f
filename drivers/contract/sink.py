"""What a driver that delivers is given, and what it answers."""

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


@dataclass(frozen=True, slots=True)
class Unknown:
    """Sent, but the outcome is not known: it may have taken effect."""

    reason: str
    outage: bool = False
    """True if the destination as a whole does not answer."""


Verdict = Accepted | Rejected | Retry | Unknown


class Sink(Protocol):
    """A configured destination."""

    async def deliver(self, entry: Entry) -> Verdict:
        """Send the entry once and say how it ended. Raises only on a fault of its own."""
        ...

    async def look_up(self, entry: Entry) -> Accepted | None:
        """Ask whether an entry of unknown outcome has arrived.

        Returns None if it has not, or if this destination cannot be asked or
        does not answer; then the entry is sent again.
        """
        ...

    async def close(self) -> None:
        """Give up the connections."""
        ...
