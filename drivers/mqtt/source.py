"""Listens to an MQTT 5 broker; acknowledges only what is committed."""

import itertools

from drivers.contract import Clock, Intake, Link, LinkDown
from drivers.mqtt.connection import Connection
from drivers.mqtt.settings import MqttSettings

DRAIN_SECONDS = 5.0
"""When cancelled: how long commits under way may take to be acknowledged."""
MOST_RESUMPTIONS = 3
"""So many connections in a row are given up because the broker may hold messages back."""


class MqttSource:
    """A connection to one broker, and the session that the broker keeps for us."""

    def __init__(self, settings: MqttSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    async def run(self, intake: Intake, link: Link) -> None:
        """Listen until cancelled; see `Source.run` for what the caller may rely on.

        When the connection is lost, this returns only after everything received
        is committed: else it would come again before it is known to be committed.
        """
        for number in itertools.count():
            connection = Connection(
                self._settings, self._clock, intake, link, is_last=number == MOST_RESUMPTIONS
            )
            await self._listen(connection, link)

    async def _listen(self, connection: Connection, link: Link) -> None:
        """Listen until the session must be taken up anew."""
        reason = "stopped"
        patience: float | None = DRAIN_SECONDS
        try:
            await connection.open()
            await connection.listen()
            reason, patience = "", None
        except LinkDown as down:
            reason, patience = str(down), None
            raise
        finally:
            if reason:
                link.down(reason)
            try:
                await connection.settle(patience)
            finally:
                await connection.close()
