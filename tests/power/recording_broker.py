"""A broker that knows of every message whether the daemon has acknowledged it."""

import asyncio
import json
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from drivers.contract import system_clock
from tests.fault.mqtt_peers import (
    CONNACK,
    CONNECT,
    PINGREQ,
    PINGRESP,
    PUBACK,
    SUBACK,
    SUBSCRIBE,
    message,
    packet,
)

IN_FLIGHT = 500
"""Less than the Receive Maximum of the daemon."""
PER_SECOND = 1_500
SCAN_EVERY = 15
"""One message in so many is a scan; the others are noise, which is kept and leads to nothing."""


class RecordingBroker:
    """Tells one client, in one session, of devices that never rest; in a thread of its own.

    Messages have numbers from 0. One that is not acknowledged is sent again on
    the next connection, as MQTT demands (MQTT 5.0, section 4.4).
    """

    def __init__(self) -> None:
        self.told = 0
        """Messages that the devices have published so far."""
        self.acknowledged = set[int]()
        """Numbers of those that the client has acknowledged."""
        self._resting = threading.Event()
        self._sent = 0
        self._unacknowledged: dict[int, bytes] = {}
        self._is_known = False
        self._writer: asyncio.StreamWriter | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="broker")
        self._listening = threading.Event()
        self._stopped = threading.Event()

    def rest(self) -> None:
        """Have the devices publish nothing more."""
        self._resting.set()

    @property
    def is_drained(self) -> bool:
        """Whether the client has acknowledged everything."""
        return len(self.acknowledged) == self.told

    def units(self) -> list[str]:
        """Return the units that were scanned, at the read point `dock`."""
        return [f"T-{number}" for number in range(0, self.told, SCAN_EVERY)]

    def __enter__(self) -> Self:
        self._thread.start()
        self._listening.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopped.set()
        self._thread.join()

    async def _run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = server.sockets[0].getsockname()[1]
        self._listening.set()
        began = time.monotonic()
        while not self._stopped.is_set():
            if not self._resting.is_set():
                self.told = int((time.monotonic() - began) * PER_SECOND)
            self._send()
            await asyncio.sleep(0.005)
        server.close()
        if self._writer is not None:
            self._writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                first, length = await reader.readexactly(2)
                assert length < 128, "the client's packets are short"
                self._answer(first >> 4, await reader.readexactly(length), writer)
        if self._writer is writer:
            self._writer = None
        writer.close()

    def _answer(self, kind: int, body: bytes, writer: asyncio.StreamWriter) -> None:
        if kind == CONNECT:
            writer.write(packet(CONNACK, bytes([self._is_known, 0, 0])))
        elif kind == SUBSCRIBE:
            filters, at = 0, 3  # behind the packet id and no properties
            while at < len(body):
                at += 2 + int.from_bytes(body[at : at + 2], "big") + 1
                filters += 1
            writer.write(packet(SUBACK, body[:2] + b"\0" + b"\1" * filters))
            self._is_known = True
            self._writer = writer
            for number, payload in self._unacknowledged.items():
                writer.write(_publish(number, payload, dup=True))
        elif kind == PUBACK:
            number = next(
                each
                for each in self._unacknowledged
                if _packet_id(each) == int.from_bytes(body[:2], "big")
            )
            del self._unacknowledged[number]
            self.acknowledged.add(number)
        elif kind == PINGREQ:
            writer.write(packet(PINGRESP))

    def _send(self) -> None:
        while (
            self._writer is not None
            and self._sent < self.told
            and len(self._unacknowledged) < IN_FLIGHT
        ):
            said = {"number": self._sent, "unit": f"T-{self._sent}", "time": system_clock()}
            self._unacknowledged[self._sent] = json.dumps(said).encode()
            self._writer.write(_publish(self._sent, self._unacknowledged[self._sent]))
            self._sent += 1


def _packet_id(number: int) -> int:
    return number % 65_535 + 1


def _publish(number: int, payload: bytes, *, dup: bool = False) -> bytes:
    topic = "noise/motor" if number % SCAN_EVERY else "scan/dock"
    return message(payload, _packet_id(number), dup=dup, topic=topic)
