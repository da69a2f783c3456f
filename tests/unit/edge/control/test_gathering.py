"""Facts that the daemon knows better than its store."""

from buffer import tally
from buffer.lane import Lane
from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import Link
from edge.control.gathering import describe, gather


def test_a_source_is_described_with_its_lane() -> None:
    link = Link("plc", lambda: 1000, reason="away")
    source, destination = describe(link, Lane.BULK), describe(link)
    assert (source.direction, source.lane) == ("source", "bulk")
    assert (destination.direction, destination.lane) == ("destination", None)
    assert (source.is_up, source.changed_at, source.reason) == (False, 1000, "away")


async def test_what_runs_says_since_when_before_its_store_does(
    store: Store, reader: Reader
) -> None:
    """While the disk is full, the store knows only of the run before."""
    await store.write(lambda connection: tally.beat(connection, 1000, 2000))
    stopped = await gather(reader, {}, 9000, set_aside=())
    assert (stopped.running, stopped.started_at, stopped.alive_at) == (False, 1000, 2000)
    runs = await gather(reader, {}, 9000, set_aside=(), running_since=8000)
    assert (runs.running, runs.started_at) == (True, 8000)
