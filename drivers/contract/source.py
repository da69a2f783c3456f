"""What a driver that listens hands in, and to whom."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from drivers.contract.link import Link


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that a source said, as it said it.

    Times are milliseconds since the Unix epoch, UTC.
    """

    subject: str
    """What it is about, in the source's own words: an MQTT topic, a variable's name."""
    payload: bytes
    """As received; values that are not bytes on the wire are encoded as JSON."""
    received_at: int
    """When the driver received it."""
    source_at: int | None = None
    """The protocol's own time stamp, where it has one."""
    good: bool = True
    """False if the source itself marked the value as bad or uncertain."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A loss that a source reported or that its numbering shows."""

    subject: str
    noticed_at: int
    reason: str
    """A sentence for the operator: what was lost and why."""
    missed: int | None = None
    """How many signals are gone; None if the source does not tell."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Signals that are committed together, with what the source must remember of them.

    A bookmark is a small value that the driver needs after a restart (a
    counter, a delivery id). It is committed in the same transaction as the
    signals, so the two can never disagree. None forgets the bookmark.
    """

    signals: Sequence[Signal] = ()
    bookmarks: Mapping[str, bytes | None] = field(default_factory=dict)
    gaps: Sequence[Gap] = ()


class Intake(Protocol):
    """Where a source hands in its signals."""

    async def bookmarks(self) -> dict[str, bytes]:
        """Return this source's bookmarks as last committed."""
        ...

    async def commit(self, batch: Batch) -> None:
        """Commit the batch; when this returns, it survives a power cut.

        Only then may the driver acknowledge. Batches are committed in the
        order of the calls, and calls return in that order. Waits while the
        intake is full, which is how a source is slowed down; a cancelled call
        may or may not have committed. Raises nothing that a driver could
        handle: if the store fails, the daemon stops.
        """
        ...


class Source(Protocol):
    """A configured connection that signals come from."""

    async def run(self, intake: Intake, link: Link) -> None:
        """Connect, hand in signals and acknowledge them after commit, until cancelled.

        Keeps `link` true at all times. Whatever a device sends is a signal;
        only decoding, which is not the driver's business, may find it wrong.

        Raises:
            LinkDown: The connection failed or was lost; the caller runs the
                source again after a pause. Everything not yet acknowledged
                comes again from the device.

        """
        ...
