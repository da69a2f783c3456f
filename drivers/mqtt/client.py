"""paho's MQTT client, driven by the event loop and acknowledging when told to.

paho encodes and decodes; it opens no socket, starts no thread and keeps no
time. What it would do differently is overridden, in private methods of paho
2.2, hence the upper bound on its version:

- It reads from an asyncio transport, from which a whole buffer comes at once.
- QoS 2: paho sends PUBREC on receipt and hands the message over at PUBREL.
  Here a message is handed over on receipt, and PUBREC waits for `acknowledge`.
- PUBREL is always answered, also for a message that an earlier process took.
"""

import asyncio
import struct
from collections.abc import Callable, Iterable
from typing import TypeVar

from paho.mqtt import client as paho
from paho.mqtt.client import ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MQTTException
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from drivers.contract import LinkDown
from drivers.mqtt import publish, reasons
from drivers.mqtt.publish import Delivery
from drivers.mqtt.settings import MqttSettings, Subscription
from drivers.mqtt.stream import Stream

ANSWER_SECONDS = 10.0
"""How long the broker may take to answer CONNECT, SUBSCRIBE and UNSUBSCRIBE."""

_ACKNOWLEDGEMENT = struct.Struct("!BBH")
_PUBACK, _PUBREC, _PUBCOMP = 0x40, 0x50, 0x70
_ACKNOWLEDGES = {1: _PUBACK, 2: _PUBREC}

T = TypeVar("T")


class Client(paho.Client):
    """One connection to a broker.

    Hands over what one read of the socket yields, as one list, to `received`;
    `released` tells packet ids that the broker gave up (PUBREL), `answered` that a ping was.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        received: Callable[[list[Delivery]], None],
        released: Callable[[int], None],
        answered: Callable[[], None],
    ) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            settings.client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._settings = settings
        self._received = received
        self._released = released
        self._answered = answered
        self._arrived: list[Delivery] = []
        loop = asyncio.get_running_loop()
        self.stream = Stream(self._read, self.end)
        self.ended: asyncio.Future[str] = loop.create_future()
        """Done when the connection is over; says why."""
        self._connected: asyncio.Future[tuple[bool, ReasonCode, Properties]] = loop.create_future()
        self._answers: dict[int | None, asyncio.Future[list[ReasonCode]]] = {}
        self.on_connect = self._note_connack
        self.on_subscribe = self.on_unsubscribe = self._note_answer
        self.on_disconnect = self._note_disconnect

    def end(self, reason: str) -> None:
        """Note that the connection is over; the first reason given counts."""
        if not self.ended.done():
            self.ended.set_result(reason)

    async def log_in(self, password: str | None) -> tuple[bool, Properties]:
        """Send CONNECT on the open stream; return whether the session was kept, and the terms.

        Raises:
            LinkDown: The broker refuses, does not answer or does not speak MQTT 5.

        """
        settings = self._settings
        if settings.username is not None:
            self.username_pw_set(settings.username, password)
        terms = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho leaves it out
        terms.SessionExpiryInterval = settings.session_expiry_seconds
        terms.ReceiveMaximum = settings.receive_maximum
        terms.MaximumPacketSize = settings.maximum_packet_bytes
        self.connect(
            settings.host,
            settings.port,
            settings.keepalive_seconds,
            clean_start=False,
            properties=terms,
        )
        session_present, reason, granted = await self._answer(self._connected, "CONNECT")
        if reason.is_failure:
            raise LinkDown(
                reasons.connection_refused(reason.value, reason.getName(), _said(granted))
            )
        return session_present, granted

    async def subscribe_to(self, subscriptions: Iterable[Subscription]) -> list[ReasonCode]:
        """Subscribe; return the broker's answer to each.

        Retained messages come only with a subscription that is new to the
        session (Retain Handling 1, section 3.8.3.1): not again with each connection.
        """
        _, packet_id = self.subscribe(
            [
                (each.topic, SubscribeOptions(qos=each.qos, retainHandling=1))
                for each in subscriptions
            ]
        )
        return await self._answer(self._expect(packet_id), "SUBSCRIBE")

    async def unsubscribe_from(self, topics: list[str]) -> list[ReasonCode]:
        """Unsubscribe; return the broker's answer to each."""
        _, packet_id = self.unsubscribe(topics)
        return await self._answer(self._expect(packet_id), "UNSUBSCRIBE")

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """Send PUBACK or PUBREC for each that asks for it, in the order given, in one write."""
        acknowledgements = [
            _ACKNOWLEDGEMENT.pack(_ACKNOWLEDGES[each.qos], 2, each.packet_id)
            for each in deliveries
            if each.qos
        ]
        if acknowledgements and not self.ended.done():
            self.stream.send(b"".join(acknowledgements))

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._send_pingreq()

    def _expect(self, packet_id: int | None) -> asyncio.Future[list[ReasonCode]]:
        answer: asyncio.Future[list[ReasonCode]] = asyncio.get_running_loop().create_future()
        self._answers[packet_id] = answer
        return answer

    async def _answer(self, answer: asyncio.Future[T], question: str) -> T:
        await asyncio.wait(
            (answer, self.ended), timeout=ANSWER_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if answer.done():
            return answer.result()
        if self.ended.done():
            raise LinkDown(self.ended.result())
        raise LinkDown(f"the broker does not answer {question} within {ANSWER_SECONDS:.0f} s")

    def _note_connack(
        self, _c: object, _u: object, flags: ConnectFlags, reason: ReasonCode, terms: object
    ) -> None:
        assert isinstance(terms, Properties)
        if not self._connected.done():
            self._connected.set_result((flags.session_present, reason, terms))

    def _note_answer(
        self, _c: object, _u: object, packet_id: int, answers: list[ReasonCode], _terms: object
    ) -> None:
        expected = self._answers.pop(packet_id, None)
        if expected is not None and not expected.done():
            expected.set_result(answers)

    def _note_disconnect(
        self, _c: object, _u: object, flags: DisconnectFlags, reason: ReasonCode, terms: object
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self.end(reasons.connection_ended(reason.value, reason.getName(), _said(terms)))

    def _read(self) -> None:
        """Handle all packets that have come, then hand over the messages among them."""
        problem = ""
        try:
            while self.stream.pending and not self.ended.done():
                if self.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    problem = "a packet that it may not send"
                    break
        except (publish.Malformed, MQTTException) as error:
            problem = str(error)
        if self._in_packet["remaining_length"] > self._settings.maximum_packet_bytes:
            problem = f"a packet of {self._in_packet['remaining_length']} bytes"
        if problem:
            self.end(f"the broker sent {problem}; is it an MQTT 5 broker?")
            self.stream.close()
        if self._arrived:
            arrived, self._arrived = self._arrived, []
            self._received(arrived)

    # What follows replaces methods of paho.

    def _create_socket(self) -> Stream:
        return self.stream

    def _handle_publish(self) -> MQTTErrorCode:
        if not self.is_connected():
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self._arrived.append(publish.decode(self._in_packet["command"], self._in_packet["packet"]))
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_pubrel(self) -> MQTTErrorCode:
        if len(self._in_packet["packet"]) < 2:  # noqa: PLR2004 - a packet id
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        packet_id = int.from_bytes(self._in_packet["packet"][:2], "big")
        self.stream.send(_ACKNOWLEDGEMENT.pack(_PUBCOMP, 2, packet_id))
        self._released(packet_id)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_pingresp(self) -> MQTTErrorCode:
        self._answered()
        return super()._handle_pingresp()


def _said(terms: object) -> str:
    """Return the broker's Reason String, if it sent one."""
    return str(getattr(terms, "ReasonString", ""))
