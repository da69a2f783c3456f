"""The devices of the site, as one process: sends PUBLISH packets that were encoded beforehand.

The same for every measurement. It keeps at most WINDOW packets unacknowledged,
and says "ready" when it is connected, "done" when all are acknowledged.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from typing import cast

import orjson
import uvloop

from bench import mqtt
from simulators.clock import now
from simulators.ports import HOST

WINDOW = 1000
"""Packets that the broker has not acknowledged yet."""
CHUNK = 100
"""Packets in one write, at most."""
PAYLOAD_BYTES = 430
TELEMETRY_TOPIC = "telemetry/conveyor/infeed"
_TIME = 1_000_000_000_000
"""Stands for the time in a packet until it is sent; a time of today has as many digits."""


def packets(count: int, scan_every: int, read_point: str) -> list[bytes]:
    """Encode the packets; each `scan_every`th is the scan of a unit that was never seen before."""
    return [
        _packet(number, f"scan/{read_point}" if number % scan_every == scan_every - 1 else None)
        for number in range(count)
    ]


def _packet(number: int, scan_topic: str | None) -> bytes:
    said: dict[str, object] = {"time": _TIME, "device": "infeed-07", "sequence": number}
    if scan_topic:
        said |= {"unit": f"U{number:09}"}
    else:
        said |= {"current": number % 97 / 7, "speed": number % 89 / 11}
    said["diagnosis"] = "." * (PAYLOAD_BYTES - len(orjson.dumps(said)) - len(',"diagnosis":""'))
    topic = scan_topic or TELEMETRY_TOPIC
    return mqtt.publish(topic, orjson.dumps(said), number % mqtt.PACKET_IDS + 1)


class Publisher(asyncio.Protocol):
    """One connection to a broker."""

    def __init__(self, prepared: Sequence[bytes], rate: float) -> None:
        """Send the packets at a rate per second, or as fast as may be if that is 0."""
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._packets = prepared
        self._rate = rate
        self._acknowledged = 0
        self._sent = 0
        self._changed = asyncio.Event()
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(mqtt.connect("publisher", mqtt.PACKET_IDS))

    def data_received(self, data: bytes) -> None:
        """Count acknowledgements; they are all alike, so that none needs to be looked at alone."""
        data = self._rest + data
        if not self.connected.done():
            connack = mqtt.find_packet(data, 0)
            if connack is None:
                self._rest = data
                return
            self.connected.set_result(None)
            data = data[connack.end :]
        whole = len(data) // mqtt.PUBACK_BYTES
        if data[: whole * mqtt.PUBACK_BYTES : mqtt.PUBACK_BYTES].count(mqtt.PUBACK) != whole:
            raise ValueError(f"not acknowledged: {data[:32].hex()}; does anyone subscribe?")
        self._rest = data[whole * mqtt.PUBACK_BYTES :]
        self._acknowledged += whole
        self._changed.set()

    async def publish(self) -> None:
        """Send everything; return when everything is acknowledged."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while self._acknowledged < len(self._packets):
            due = len(self._packets)
            if self._rate:
                due = min(due, int((loop.time() - began) * self._rate))
            room = WINDOW - (self._sent - self._acknowledged)
            if room < CHUNK or self._sent == len(self._packets):
                self._changed.clear()
                await self._changed.wait()
            elif self._sent < due:
                self._send(min(due - self._sent, CHUNK))
                await asyncio.sleep(0)
            else:
                await asyncio.sleep(0.001)

    def _send(self, number: int) -> None:
        assert self._transport is not None
        chunk = b"".join(self._packets[self._sent : self._sent + number])
        self._transport.write(chunk.replace(b'"time":%d' % _TIME, b'"time":%d' % now()))
        self._sent += number


async def run(port: int, prepared: Sequence[bytes], rate: float) -> None:
    """Connect, wait for a line on standard input, publish."""
    loop = asyncio.get_running_loop()
    _, publisher = await loop.create_connection(lambda: Publisher(prepared, rate), HOST, port)
    await publisher.connected
    _say("ready")
    await loop.run_in_executor(None, sys.stdin.readline)
    await publisher.publish()
    _say("done")


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(prog="python -m bench.publisher", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--scan-every", type=int, required=True)
    parser.add_argument("--read-point", required=True)
    parser.add_argument("--rate", type=float, default=0.0, help="per second; 0: as fast as may be")
    given = parser.parse_args()
    prepared = packets(given.count, given.scan_every, given.read_point)
    uvloop.run(run(given.port, prepared, given.rate))


if __name__ == "__main__":
    main()
