"""What the broker reaches: the publisher through mosquitto into a subscriber that only counts."""

import asyncio
import time
from pathlib import Path

import uvloop

from bench.null_subscriber import NullSubscriber
from bench.report import Figure
from bench.site import Devices
from simulators.broker import Broker

MESSAGES = 50_000
NEVER = 24 * 3600
"""Autosave: a broker that writes its memory to disk meanwhile measures that."""
PATIENCE_SECONDS = 60


def measure(scratch: Path) -> float:
    """Return messages per second with QoS 1 on both ways."""
    with (
        Broker(scratch / "null-broker", autosave_seconds=NEVER) as broker,
        Devices(broker.port, MESSAGES) as devices,
    ):
        return uvloop.run(_receive(broker, devices))


async def _receive(broker: Broker, devices: Devices) -> float:
    loop = asyncio.get_running_loop()
    transport, subscriber = await loop.create_connection(
        lambda: NullSubscriber(MESSAGES), broker.host, broker.port
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        await subscriber.subscribed
        began = time.monotonic()
        devices.begin()
        await subscriber.complete
    seconds = time.monotonic() - began
    transport.close()
    return MESSAGES / seconds


def figures(scratch: Path) -> list[Figure]:
    """B: the bound of everything that comes in by MQTT."""
    note = "QoS 1, Receive Maximum 2000, one publisher, one subscriber, no commit"
    return [Figure("broker", measure(scratch), "messages/s", note=note)]
