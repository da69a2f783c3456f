"""Splits what the broker sends into packets; decodes the kind that comes in masses. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 0x30, 0x40, 0x50, 0x60, 0x70
PINGREQ, PINGRESP = 0xC0, 0xD0
KIND_BITS = 0xF0
"""Of a packet's first byte (MQTT 5.0, section 2.1.2)."""

_QOS_BITS = 0b0110
_DUP_BIT = 0b1000
_CONTINUES = 0x80
"""Set in each byte of a variable byte integer but the last (section 1.5.5)."""
_LENGTH_BYTES = 4


class Malformed(Exception):
    """The bytes are not MQTT 5."""


class Packet(NamedTuple):
    """One packet."""

    data: bytes
    """All of it."""
    body: int
    """Where the fixed header ends."""

    @property
    def kind(self) -> int:
        """PUBLISH, PUBACK and so on."""
        return self.data[0] & KIND_BITS


class Delivery(NamedTuple):
    """One message, as the broker delivered it."""

    topic: str
    payload: bytes
    qos: int
    packet_id: int
    """0 with QoS 0, which has none."""
    dup: bool
    """The broker has sent it before."""


class Splitter:
    """Finds the packets in a stream of bytes."""

    def __init__(self, maximum_bytes: int) -> None:
        self._maximum_bytes = maximum_bytes
        self._rest = bytearray()
        self._needed = 2

    def split(self, received: bytes | memoryview) -> Iterator[Packet]:
        """Yield the packets that are complete now.

        Raises:
            Malformed: A packet's length has no end, or is above the maximum.

        """
        self._rest += received
        if len(self._rest) < self._needed:
            return
        data = bytes(self._rest)
        start = 0
        while (length := _variable_byte_integer(data, start + 1)) is not None:
            size, body = length
            if size > self._maximum_bytes:
                raise Malformed(f"a packet of {size} bytes")
            if body + size > len(data):
                break
            yield Packet(data[start : body + size], body - start)
            start = body + size
        self._rest = bytearray(data[start:])
        # Until a long packet is complete, it is not looked at again.
        self._needed = 2 if length is None else length[1] + length[0] - start


def decode_publish(packet: Packet) -> Delivery:
    """Decode a PUBLISH packet (MQTT 5.0, section 3.3).

    Properties are passed over: none of them changes what was said. A topic
    that is not UTF-8 keeps its bytes as escapes; it is for a rule to object.

    Raises:
        Malformed: A length points outside the packet, QoS is 3, or a packet id is 0.

    """
    data, at = packet
    end = len(data)
    qos = (data[0] & _QOS_BITS) >> 1
    topic_at = at + 2
    at = topic_at + int.from_bytes(data[at:topic_at], "big")
    topic = data[topic_at:at].decode("utf-8", "backslashreplace")
    packet_id = 0
    if qos:
        packet_id = int.from_bytes(data[at : at + 2], "big")
        at += 2
    properties = _variable_byte_integer(data, at)
    if properties is None or sum(properties) > end:
        raise Malformed("a message that is shorter than its own fields say")
    if qos == 3 or (qos and not packet_id):  # noqa: PLR2004 - two bits hold 0 to 3
        raise Malformed(f"a message with QoS {qos} and packet id {packet_id}")
    return Delivery(topic, data[sum(properties) :], qos, packet_id, bool(data[0] & _DUP_BIT))


def packet_id(packet: Packet) -> int:
    """Return the packet id with which the body of a PUBREL begins (section 3.6.2)."""
    if len(packet.data) < packet.body + 2:
        raise Malformed("a PUBREL without a packet id")
    return int.from_bytes(packet.data[packet.body : packet.body + 2], "big")


def acknowledgement(kind: int, packet_id: int) -> bytes:
    """Encode PUBACK, PUBREC or PUBCOMP with the reason code Success, which is left out."""
    return bytes((kind, 2, packet_id >> 8, packet_id & 0xFF))


def _variable_byte_integer(data: bytes, at: int) -> tuple[int, int] | None:
    """Return the number that stands at `at` and where it ends; None if the data ends before it."""
    value = shift = 0
    for byte in data[at : at + _LENGTH_BYTES]:
        at += 1
        value |= (byte & ~_CONTINUES) << shift
        if not byte & _CONTINUES:
            return value, at
        shift += 7
    if shift == 7 * _LENGTH_BYTES:
        raise Malformed("a length that has no end")
    return None
