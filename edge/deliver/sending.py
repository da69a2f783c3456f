"""Sending entries together, once. A fault of the driver is an unknown outcome, not a failure."""

from collections.abc import Sequence

import structlog

from buffer.outbox import PendingEntry
from drivers.contract import Accepted, Divide, Entry, Retry, Sink, Unknown, Verdict

log = structlog.get_logger(__name__)


async def look_up(sink: Sink, destination: str, entry: Entry) -> Accepted | Retry | Unknown | None:
    """Ask whether an entry has arrived earlier."""
    try:
        return await sink.look_up(entry)
    except Exception as error:
        log.exception("driver_failed", destination=destination, milestone=entry.id)
        return Unknown(f"the driver failed: {error!r}; see the log")


async def send(
    sink: Sink, destination: str, entries: Sequence[Entry]
) -> Sequence[Verdict] | Divide:
    """Send entries together; what the driver says of them, or that it failed."""
    try:
        outcome = await sink.deliver(entries)
    except Exception as error:
        # A fault of the driver holds back the entries that meet it, not the queue.
        log.exception("driver_failed", destination=destination, milestone=entries[0].id)
        return [Unknown(f"the driver failed: {error!r}; see the log")] * len(entries)
    if isinstance(outcome, Divide):
        if len(entries) > 1:
            return outcome
        fault = f"it cannot divide one entry ({outcome.reason})"
    elif len(outcome) != len(entries):
        fault = f"{len(outcome)} verdicts on {len(entries)} entries"
    else:
        return outcome
    log.error("driver_failed", destination=destination, milestone=entries[0].id, reason=fault)
    return [Unknown(f"the driver failed: {fault}")] * len(entries)


def pieces_of(rows: Sequence[PendingEntry]) -> list[list[PendingEntry]]:
    """Return what to send of these together: all, but each by itself whose outcome is unknown.

    Perhaps one of them makes the destination fail, and then all others with it each time.
    """
    alone = [[row] for row in rows if row.unsure and row.attempts]
    together = [row for row in rows if not (row.unsure and row.attempts)]
    return [*alone, together] if together else alone


def entry_of(row: PendingEntry, site: str) -> Entry:
    """Return what a sink is given of an entry."""
    return Entry(
        id=row.id.hex(),
        key=row.key,
        name=row.name,
        occurred_at=row.occurred_at,
        site=site,
        body=row.body,
        attempt=row.attempts + 1,
        retracts=None if row.retracts is None else row.retracts.hex(),
    )
