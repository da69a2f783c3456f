"""The OPC UA source: one session, everything in it made anew each time it is run."""

import asyncio

from drivers.contract import Clock, Intake, Link, LinkDown
from drivers.opcua.connection import Connection
from drivers.opcua.handoff import Handoff
from drivers.opcua.records import RecordReader
from drivers.opcua.settings import OpcUaSettings
from drivers.opcua.subscription import Subscription

_KEEP_SECONDS = 1.0
_RETRY_REFUSED_SECONDS = 30.0


class OpcUaSource:
    """A PLC: its record buffers, read without missing one, and its variables' changes."""

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
            subscription = Subscription(
                connection, handoff, self._clock, self._settings.variables, bookmarks
            )
            await subscription.open({node: reader.wake for node, reader in readers.items()})
            link.up()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(subscription.run())
                tasks.create_task(_tend(connection, subscription))
                for reader in readers.values():
                    tasks.create_task(reader.run())
        except BaseExceptionGroup as failures:
            raise _worst(failures) from failures
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


def _worst(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the one failure to raise: what is not the link's matters more."""
    others = [error for error in failures.exceptions if not isinstance(error, LinkDown)]
    return (others or list(failures.exceptions))[0]
