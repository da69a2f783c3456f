"""A broker that knows of every message whether the daemon has acknowledged it."""

import asyncio
import json
import threading
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
"""While the client is connected: what there is to deliver in the end depends on no machine."""
PAUSE_SECONDS = 0.01
SCAN_EVERY = 15
"""One message in so many is a scan; the others are noise, which is kept and leads to nothing."""


class RecordingBroker:
    """Tells one client, in one session, of busy devices; in a thread of its own.

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
        self._unacknowledged: dict[int, tuple[int, bytes]] = {}
        """Number and payload by packet id, in the order of sending."""
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
        while not self._stopped.is_set():
            if self._writer is not None and not self._resting.is_set():
                self.told += int(PER_SECOND * PAUSE_SECONDS)
            self._send()
            await asyncio.sleep(PAUSE_SECONDS)
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
            for packet_id, (number, payload) in self._unacknowledged.items():
                writer.write(_publish(packet_id, number, payload, dup=True))
        elif kind == PUBACK:
            number, _ = self._unacknowledged.pop(int.from_bytes(body[:2], "big"))
            self.acknowledged.add(number)
        elif kind == PINGREQ:
            writer.write(packet(PINGRESP))

    def _send(self) -> None:
        while (
            self._writer is not None
            and self._sent < self.told
            and len(self._unacknowledged) < IN_FLIGHT
        ):
            number, packet_id = self._sent, self._sent % 65_535 + 1
            said = {"number": number, "unit": f"T-{number}", "time": system_clock()}
            payload = json.dumps(said).encode()
            self._unacknowledged[packet_id] = number, payload
            self._writer.write(_publish(packet_id, number, payload))
            self._sent += 1


def _publish(packet_id: int, number: int, payload: bytes, *, dup: bool = False) -> bytes:
    topic = "noise/motor" if number % SCAN_EVERY else "scan/dock"
    return message(payload, packet_id, dup=dup, topic=topic)
