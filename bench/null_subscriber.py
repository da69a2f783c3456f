"""A subscriber that counts and acknowledges, and does nothing else."""

import asyncio
from typing import cast

from bench import mqtt

RECEIVE_MAXIMUM = 2000
"""As the gateway's own, unless it is configured otherwise."""


class NullSubscriber(asyncio.Protocol):
    """One connection to a broker."""

    def __init__(self, count: int) -> None:
        loop = asyncio.get_running_loop()
        self.subscribed: asyncio.Future[None] = loop.create_future()
        self.complete: asyncio.Future[None] = loop.create_future()
        """Done when `count` messages have come."""
        self._missing = count
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect and subscribe to everything."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(mqtt.connect("null-subscriber", RECEIVE_MAXIMUM))
        self._transport.write(mqtt.subscribe("#"))

    def data_received(self, data: bytes) -> None:
        """Acknowledge what has come, in one write."""
        data = self._rest + data
        at, acknowledgements = 0, []
        while packet := mqtt.find_packet(data, at):
            if packet.kind == mqtt.PUBLISH:
                acknowledgements.append(mqtt.acknowledgement(data, packet))
            elif packet.kind == mqtt.SUBACK:
                self.subscribed.set_result(None)
            at = packet.end
        self._rest = data[at:]
        if acknowledgements and self._transport is not None:
            self._transport.write(b"".join(acknowledgements))
            self._missing -= len(acknowledgements)
            if self._missing <= 0 and not self.complete.done():
                self.complete.set_result(None)
