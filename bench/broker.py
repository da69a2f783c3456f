"""What the broker reaches: the publisher through mosquitto into a subscriber that only counts."""

import asyncio
import time
from pathlib import Path

import uvloop

from bench import paho_subscriber
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
    """B: the bound of everything that comes in by MQTT, and what paho alone makes of it."""
    note = "QoS 1, Receive Maximum 2000, one publisher, one subscriber, no commit"
    bound = measure(scratch)
    return [
        Figure("broker", bound, "messages/s", note=note),
        Figure(
            "paho",
            _through_paho(scratch),
            "messages/s",
            {"broker": bound},
            ratio_to="broker",
            note="paho's client with manual acknowledgement in its own thread; no commit",
        ),
    ]


def _through_paho(scratch: Path) -> float:
    with (
        Broker(scratch / "paho-broker", autosave_seconds=NEVER) as broker,
        Devices(broker.port, MESSAGES) as devices,
    ):
        return paho_subscriber.receive(broker, devices, MESSAGES, PATIENCE_SECONDS)
