"""The OPC UA source: one session, everything in it made anew each time it is run."""

import asyncio
from collections.abc import Coroutine

from drivers.contract import Clock, Intake, Link, LinkDown
from drivers.opcua.connection import Connection
from drivers.opcua.handoff import Handoff
from drivers.opcua.records import RecordReader
from drivers.opcua.settings import Events, OpcUaSettings, Variable
from drivers.opcua.subscription import Subscription

_KEEP_SECONDS = 1.0
_RETRY_REFUSED_SECONDS = 30.0


class OpcUaSource:
    """A PLC: its record buffers, read without missing one, its variables' changes and events."""

    def __init__(self, settings: OpcUaSettings, clock: Clock) -> None:
        """Remember what to connect to; nothing is opened before `run`."""
        self._settings = settings
        self._clock = clock

    async def run(self, intake: Intake, link: Link) -> None:
        """Connect, hand in and acknowledge until cancelled; see `drivers.contract.Source`."""
        reason = "stopped"
        try:
            await self._listen(intake, link)
        except LinkDown as down:
            reason = str(down)
            raise
        finally:
            link.down(reason)

    async def _listen(self, intake: Intake, link: Link) -> None:
        """Hold one session until it breaks."""
        bookmarks = await intake.bookmarks()
        handoff = Handoff(intake, link)
        connection = await Connection.open(self._settings)
        try:
            readers = {
                buffer.counter: RecordReader(connection, handoff, self._clock, buffer, bookmarks)
                for buffer in self._settings.record_buffers
            }
            watched: list[Variable | Events] = [*self._settings.variables, *self._settings.events]
            subscription = Subscription(connection, handoff, self._clock, watched, bookmarks)
            await subscription.open({node: reader.wake for node, reader in readers.items()})
            link.up()
            await _until_one_ends(
                subscription.run(),
                _tend(connection, subscription),
                *(reader.run() for reader in readers.values()),
            )
        finally:
            await connection.close()


async def _tend(connection: Connection, subscription: Subscription) -> None:
    """Keep the session alive, also while the intake is full and nobody else asks for anything."""
    time = asyncio.get_running_loop().time
    retry_at = time() + _RETRY_REFUSED_SECONDS
    while True:
        await asyncio.sleep(_KEEP_SECONDS)
        await connection.keep()
        if time() >= retry_at:
            await subscription.retry_refused()
            retry_at = time() + _RETRY_REFUSED_SECONDS


async def _until_one_ends(*parts: Coroutine[None, None, None]) -> None:
    """Run the parts, all endless, until one fails or we are stopped; then stop the others.

    A stop counts more than what breaks while it is carried out: there
    asyncio.TaskGroup decides otherwise. A failure that is not the link's counts
    more than the links that fail with it.
    """
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    failures = [end for end in ends if isinstance(end, Exception)]
    others = [end for end in failures if not isinstance(end, LinkDown)]
    raise next(iter(others + failures), asyncio.CancelledError())
