"""What tests of the MQTT driver need: an intake that can be held up, a broker that obeys."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Self

from paho.mqtt import publish as paho

from drivers.contract import Batch, Gap, Link, system_clock
from drivers.mqtt.settings import MqttSettings
from drivers.mqtt.source import MqttSource
from simulators.broker import Broker

PATIENCE_SECONDS = 20.0
CLIENT = "milepost-test"


def settings_of(port: int, *topics: str, qos: int = 1, **more: Any) -> MqttSettings:
    subscriptions = [{"topic": topic, "qos": qos} for topic in topics or ("dc/#",)]
    return MqttSettings.model_validate(
        {"host": "127.0.0.1", "port": port, "client_id": CLIENT, "subscriptions": subscriptions}
        | more
    )


def send(broker: Broker, payloads: Iterable[str], topic: str = "dc/x", qos: int = 1) -> None:
    """Publish, and return when the broker has acknowledged."""
    paho.multiple([(topic, each, qos, False) for each in payloads], broker.host, broker.port)


async def until(condition: Callable[[], object]) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - conditions of other processes, too
            await asyncio.sleep(0.005)


class RecordingIntake:
    """Remembers what is committed, as the store does; commits and answers can be held back."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.offered: list[Batch] = []
        """Handed in, committed or not."""
        self.stored: dict[str, bytes] = {}
        self.error: Exception | None = None
        """What commits end with."""
        self._order = asyncio.Lock()
        self._may_commit = asyncio.Event()
        self._may_answer = asyncio.Event()
        self.release()

    def hold_commits(self) -> None:
        """Stall, as a full store does."""
        self._may_commit.clear()

    def hold_answers(self) -> None:
        """Commit, but do not say so: who dies now has not acknowledged."""
        self._may_answer.clear()

    def release(self) -> None:
        self._may_commit.set()
        self._may_answer.set()

    async def bookmarks(self) -> dict[str, bytes]:
        return dict(self.stored)

    async def commit(self, batch: Batch) -> None:
        self.offered.append(batch)
        async with self._order:
            await self._may_commit.wait()
            if self.error is not None:
                raise self.error
            self.batches.append(batch)
            for key, value in batch.bookmarks.items():
                if value is None:
                    self.stored.pop(key, None)
                else:
                    self.stored[key] = value
            await self._may_answer.wait()

    @property
    def payloads(self) -> list[str]:
        return [each.payload.decode() for batch in self.batches for each in batch.signals]

    @property
    def gaps(self) -> list[Gap]:
        return [gap for batch in self.batches for gap in batch.gaps]

    @property
    def remembered(self) -> list[str]:
        """Bookmarks of deliveries."""
        return [key for key in self.stored if key.startswith("delivered:")]


@dataclass
class Listener:
    task: asyncio.Task[None]
    link: Link

    async def ended(self) -> str:
        """Wait until the connection is lost; return why."""
        await asyncio.wait([self.task], timeout=PATIENCE_SECONDS)
        assert self.task.done(), "the source goes on although it should have lost the connection"
        assert not self.link.is_up
        assert str(self.task.exception()) == self.link.reason
        assert type(self.task.exception()).__name__ == "LinkDown"
        return self.link.reason

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@asynccontextmanager
async def running(settings: MqttSettings, intake: RecordingIntake) -> AsyncIterator[Listener]:
    """Run a source, whether it comes up or not."""
    link = Link("floor", system_clock)
    source = MqttSource(settings, system_clock)
    listener = Listener(asyncio.create_task(source.run(intake, link)), link)
    try:
        yield listener
    finally:
        await listener.stop()


@asynccontextmanager
async def listening(settings: MqttSettings, intake: RecordingIntake) -> AsyncIterator[Listener]:
    """Run a source and wait until it listens."""
    async with running(settings, intake) as listener:
        await until(lambda: listener.link.is_up or listener.task.done())
        assert listener.link.is_up, listener.link.reason
        yield listener


CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14


def packet(kind: int, body: bytes = b"", flags: int = 0) -> bytes:
    """Encode a packet (MQTT 5.0, section 2.1)."""
    length, rest = bytearray(), len(body)
    while rest or not length:
        rest, low = divmod(rest, 128)
        length.append(low | (0x80 if rest else 0))
    return bytes([kind << 4 | flags]) + length + body


def message(
    payload: bytes, packet_id: int = 0, *, qos: int = 1, dup: bool = False, topic: str = "dc/x"
) -> bytes:
    """Encode a PUBLISH packet without properties."""
    name = topic.encode()
    identifier = packet_id.to_bytes(2, "big") if qos else b""
    body = len(name).to_bytes(2, "big") + name + identifier + b"\0" + payload
    return packet(PUBLISH, body, flags=dup << 3 | qos << 1)


TWO_AT_ONCE = (message(b"1", 1), message(b"2", 2))
"""After these, one that is unacknowledged does not show that the broker has more."""


class Peer:
    """The broker's side of one connection. Answers pings unless told to be silent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.silent = False
        self.pings = 0
        self._reader = reader
        self.received: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        self.reading = asyncio.create_task(self._read())

    def send(self, *packets: bytes) -> None:
        self.writer.write(b"".join(packets))

    async def receive(self) -> tuple[int, bytes]:
        """Return kind and body of the next packet that is not a ping."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.received.get()

    async def _read(self) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                first, length = await self._reader.readexactly(2)
                assert length < 128, "the client's packets are short"
                body = await self._reader.readexactly(length)
                if first >> 4 != PINGREQ:
                    self.received.put_nowait((first >> 4, body))
                    continue
                self.pings += 1
                if not self.silent:
                    self.send(packet(PINGRESP))

    async def expect(self, kind: int) -> bytes:
        received, body = await self.receive()
        assert received == kind
        return body

    async def let_in(self, *, session_present: bool = False, properties: bytes = b"\0") -> None:
        """Accept CONNECT."""
        await self.expect(CONNECT)
        self.send(packet(CONNACK, bytes([session_present, 0]) + properties))

    async def grant(self, *codes: int, after: Sequence[bytes] = ()) -> None:
        """Accept SUBSCRIBE, after messages that were acknowledged."""
        body = await self.expect(SUBSCRIBE)
        self.send(*after)
        await self.acknowledged(len(after))
        self.send(packet(SUBACK, body[:2] + b"\0" + bytes(codes or (1,))))

    async def acknowledged(self, number: int, kind: int = PUBACK) -> list[int]:
        """Return the packet ids of the next acknowledgements."""
        return [int.from_bytes((await self.expect(kind))[:2], "big") for _ in range(number)]


class ScriptedBroker:
    """Says what a test has it say, where mosquitto cannot be made to."""

    def __init__(self) -> None:
        self._peers: asyncio.Queue[Peer] = asyncio.Queue()
        self._all: list[Peer] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for peer in self._all:
            peer.writer.transport.abort()
            await peer.reading
        await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._all.append(Peer(reader, writer))
        self._peers.put_nowait(self._all[-1])

    async def accept(self) -> Peer:
        """Wait for the next connection."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self._peers.get()

    async def take(self, listener: Listener, *, session_present: bool = False) -> Peer:
        """Accept the next connection and its subscriptions, until it is up."""
        peer = await self.accept()
        await peer.let_in(session_present=session_present)
        await peer.grant()
        await until(lambda: listener.link.is_up)
        return peer
