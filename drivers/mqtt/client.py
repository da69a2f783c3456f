"""One connection to a broker: paho for what is intricate, our own code for what is frequent.

paho's client encodes CONNECT, SUBSCRIBE, UNSUBSCRIBE and DISCONNECT and
decodes their answers. It opens no socket, starts no thread and keeps no time.
Messages and acknowledgements do not pass through it, because

- it sends PUBREC on receipt (QoS 2); here PUBREC waits for the commit, too;
- it leaves a PUBREL unanswered if an earlier process took the message;
- it reads byte by byte and writes each acknowledgement on its own.

The one private method of paho that is replaced is `_create_socket`.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from paho.mqtt import client as paho
from paho.mqtt.client import ConnectFlags, DisconnectFlags
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MQTTException
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from drivers.contract import LinkDown
from drivers.mqtt import packets, reasons
from drivers.mqtt.packets import Delivery, Malformed, Packet, Splitter
from drivers.mqtt.settings import MqttSettings, Subscription
from drivers.mqtt.stream import Stream

ANSWER_SECONDS = 10.0
"""How long the broker may take to answer CONNECT, SUBSCRIBE and UNSUBSCRIBE."""

_ACKNOWLEDGED_BY = {1: packets.PUBACK, 2: packets.PUBREC}
_PING = bytes((packets.PINGREQ, 0))

T = TypeVar("T")


class Terms(NamedTuple):
    """On what terms the broker lets us in."""

    session_present: bool
    """It knows our session, and what it kept for it follows."""
    session_expiry_seconds: int
    """How long it keeps the session once we are away."""


class Client(paho.Client):
    """One connection to a broker.

    Hands over what one read of the socket yields, as one list, to `received`
    (nothing, sometimes); calls `released` with each packet id that the broker
    gives up (PUBREL), and `answered` for each answer to a ping.
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
        loop = asyncio.get_running_loop()
        self.stream = Stream(self._split, self.end)
        self._splitter = Splitter(settings.maximum_packet_bytes)
        self.ended: asyncio.Future[str] = loop.create_future()
        """Done when the connection is over; says why."""
        self._connected: asyncio.Future[tuple[bool, ReasonCode, Properties]] = loop.create_future()
        self._expected: dict[int | None, asyncio.Future[list[ReasonCode]]] = {}
        self.on_connect = self._note_connack
        self.on_subscribe = self.on_unsubscribe = self._note_answer
        self.on_disconnect = self._note_disconnect

    def end(self, reason: str) -> None:
        """Note that the connection is over; the first reason given counts."""
        if not self.ended.done():
            self.ended.set_result(reason)

    async def log_in(self, password: str | None) -> Terms:
        """Send CONNECT on the open stream; return the broker's terms.

        Raises:
            LinkDown: The broker refuses, does not answer or does not speak MQTT 5.

        """
        settings = self._settings
        if settings.username is not None:
            self.username_pw_set(settings.username, password)
        asked = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call] # paho leaves it out
        asked.SessionExpiryInterval = settings.session_expiry_seconds
        asked.ReceiveMaximum = settings.receive_maximum
        asked.MaximumPacketSize = settings.maximum_packet_bytes
        self.connect(
            settings.host,
            settings.port,
            settings.keepalive_seconds,
            clean_start=False,
            properties=asked,
        )
        session_present, reason, granted = await self._answer(self._connected, "CONNECT")
        if reason.is_failure:
            raise LinkDown(
                reasons.connection_refused(reason.value, reason.getName(), _said(granted))
            )
        expiry: int = getattr(granted, "SessionExpiryInterval", settings.session_expiry_seconds)
        return Terms(session_present, expiry)

    async def subscribe_to(self, subscriptions: Sequence[Subscription]) -> list[ReasonCode]:
        """Subscribe; return the broker's answer to each.

        Retained messages come only with a subscription that is new to the
        session (Retain Handling 1, section 3.8.3.1): not again with each connection.
        """
        options = [
            (each.topic, SubscribeOptions(qos=each.qos, retainHandling=1)) for each in subscriptions
        ]
        _, packet_id = self.subscribe(options)
        return await self._answers(packet_id, len(options), "SUBSCRIBE")

    async def unsubscribe_from(self, topics: list[str]) -> list[ReasonCode]:
        """Unsubscribe; return the broker's answer to each."""
        _, packet_id = self.unsubscribe(topics)
        return await self._answers(packet_id, len(topics), "UNSUBSCRIBE")

    def acknowledge(self, deliveries: Iterable[Delivery]) -> None:
        """Send PUBACK or PUBREC for each that asks for it, in the order given, in one write."""
        acknowledgements = [
            packets.acknowledgement(_ACKNOWLEDGED_BY[each.qos], each.packet_id)
            for each in deliveries
            if each.qos
        ]
        if acknowledgements:
            self._send(b"".join(acknowledgements))

    def ping(self) -> None:
        """Ask for a sign of life."""
        self._send(_PING)

    def _send(self, data: bytes) -> None:
        if not self.ended.done():
            self.stream.send(data)

    async def _answers(self, packet_id: int | None, number: int, question: str) -> list[ReasonCode]:
        answer: asyncio.Future[list[ReasonCode]] = asyncio.get_running_loop().create_future()
        self._expected[packet_id] = answer
        answers = await self._answer(answer, question)
        if len(answers) != number:
            raise LinkDown(f"the broker gives {len(answers)} answers to {number} in {question}")
        return answers

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
        expected = self._expected.pop(packet_id, None)
        if expected is not None and not expected.done():
            expected.set_result(answers)

    def _note_disconnect(
        self, _c: object, _u: object, flags: DisconnectFlags, reason: ReasonCode, terms: object
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self.end(reasons.connection_ended(reason.value, reason.getName(), _said(terms)))

    def _split(self, received: memoryview) -> None:
        """Handle all packets that are complete; hand over the messages among them."""
        arrived: list[Delivery] = []
        try:
            for packet in self._splitter.split(received):
                if packet.kind == packets.PUBLISH:
                    arrived.append(self._decode(packet))
                    continue
                if packet.kind == packets.PINGRESP:
                    # It says something about the messages before it: they go first.
                    self._received(arrived)
                    arrived = []
                self._handle(packet)
        except (Malformed, MQTTException) as error:
            self.end(f"the broker sent {error}; is it an MQTT 5 broker?")
            self.stream.close()
        self._received(arrived)

    def _decode(self, packet: Packet) -> Delivery:
        if not self.is_connected():
            raise Malformed("a message before CONNACK")
        return packets.decode_publish(packet)

    def _handle(self, packet: Packet) -> None:
        if packet.kind == packets.PUBREL:
            packet_id = packets.packet_id(packet)
            # Always: an earlier process may have taken the message and sent PUBREC.
            self._send(packets.acknowledgement(packets.PUBCOMP, packet_id))
            self._released(packet_id)
        elif packet.kind == packets.PINGRESP:
            self._answered()
        else:
            self.stream.offer(packet.data)
            if self.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise Malformed(f"a packet of kind 0x{packet.kind:02x} that it may not send")

    def _create_socket(self) -> Stream:
        return self.stream


def _said(terms: object) -> str:
    """Return the broker's Reason String, if it sent one."""
    return str(getattr(terms, "ReasonString", ""))
