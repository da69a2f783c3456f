"""One device's MQTT connection: keeps what matters until the broker has it."""

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

if TYPE_CHECKING:  # it does not exist at run time
    from paho.mqtt.client import SocketLike

HOST = "127.0.0.1"
KEEPALIVE_SECONDS = 15
RECONNECT_SECONDS = 0.3

log = logging.getLogger(__name__)


class Connection:
    """A client of the broker on the loopback interface, driven by the running event loop.

    What is given to `keep` is sent in order, QoS 1, and again after a lost
    connection until the broker acknowledges it. What is given to `offer` is
    sent once, QoS 0, and only while connected.
    """

    def __init__(self, name: str, port: int, will: tuple[str, bytes] | None = None) -> None:
        self.is_up = asyncio.Event()
        self.is_down = asyncio.Event()
        self.is_down.set()
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[str, bytes, bool]] = deque()
        self._sent: set[int] = set()
        self._client = client = Client(CallbackAPIVersion.VERSION2, client_id=name)
        client.connect_async(HOST, port, KEEPALIVE_SECONDS)
        if will is not None:
            client.will_set(*will, qos=1, retain=True)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_publish = self._published
        client.on_socket_open = self._opened
        client.on_socket_close = self._closed
        client.on_socket_register_write = self._wants_to_write
        client.on_socket_unregister_write = self._has_written

    @property
    def unacknowledged(self) -> int:
        """How many kept messages the broker does not have yet."""
        return len(self._waiting) + len(self._sent)

    def keep(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send the message, now or when the broker is back."""
        self._waiting.append((topic, payload, retain))
        self._flush()

    def offer(self, topic: str, payload: bytes) -> bool:
        """Send the message if connected; return whether it was sent."""
        if self.is_up.is_set():
            self._client.publish(topic, payload, qos=0)
        return self.is_up.is_set()

    async def run(self) -> None:
        """Connect, and connect again whenever the connection is lost, until cancelled."""
        while True:
            try:
                self._client.reconnect()  # blocks only for the TCP handshake on loopback
            except OSError as error:
                log.debug("no broker: %s", error)
            else:
                await self._until_lost()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def close(self) -> None:
        """Say goodbye to the broker, which then forgets the will; return when it is said."""
        self._client.disconnect()
        await self.is_down.wait()

    async def _until_lost(self) -> None:
        while self._client.socket() is not None:
            self._client.loop_misc()
            await asyncio.sleep(1)

    def _flush(self) -> None:
        while self._waiting and self.is_up.is_set():
            topic, payload, retain = self._waiting.popleft()
            self._sent.add(self._client.publish(topic, payload, qos=1, retain=retain).mid)

    def _connected(
        self, _c: Client, _u: Any, _f: ConnectFlags, reason: ReasonCode, _p: Properties | None
    ) -> None:
        if reason.is_failure:
            log.error("the broker refuses the connection: %s", reason)
            return
        # Not before paho has sent again, after this callback, what is still unacknowledged.
        self._loop.call_soon(self._ready)

    def _ready(self) -> None:
        if self._client.is_connected():
            self.is_down.clear()
            self.is_up.set()
            self._flush()

    def _disconnected(
        self, _c: Client, _u: Any, _f: DisconnectFlags, _r: ReasonCode, _p: Properties | None
    ) -> None:
        self.is_up.clear()
        self.is_down.set()

    def _published(self, _c: Client, _u: Any, mid: int, _r: ReasonCode, _p: Properties) -> None:
        self._sent.discard(mid)

    def _opened(self, client: Client, _u: Any, sock: "SocketLike") -> None:
        self._loop.add_reader(sock, client.loop_read)

    def _closed(self, _c: Client, _u: Any, sock: "SocketLike") -> None:
        self._loop.remove_reader(sock)
        self._loop.remove_writer(sock)

    def _wants_to_write(self, client: Client, _u: Any, sock: "SocketLike") -> None:
        self._loop.add_writer(sock, client.loop_write)

    def _has_written(self, _c: Client, _u: Any, sock: "SocketLike") -> None:
        self._loop.remove_writer(sock)
