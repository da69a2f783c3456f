"""As much of MQTT 5 as a publisher and a subscriber with QoS 1 need, as fast as Python allows.

Not the driver's code: what a driver is compared with must not be the driver.
"""

from typing import NamedTuple

CONNACK, PUBLISH, PUBACK, SUBACK = 0x20, 0x30, 0x40, 0x90
KIND_BITS = 0xF0
PUBACK_BYTES = 4
"""Of a PUBACK with the reason Success."""
PACKET_IDS = 65_535


class Packet(NamedTuple):
    """Where a packet lies in what was read."""

    kind: int
    body: int
    end: int


def connect(client_id: str, receive_maximum: int) -> bytes:
    """Encode CONNECT with Clean Start and no keep-alive (MQTT 5.0, section 3.1)."""
    properties = b"\x21" + receive_maximum.to_bytes(2, "big")
    beginning = b"\x00\x04MQTT\x05\x02\x00\x00" + bytes((len(properties),)) + properties
    return _packet(0x10, beginning + _text(client_id))


def subscribe(topic_filter: str) -> bytes:
    """Encode SUBSCRIBE with QoS 1 (section 3.8)."""
    return _packet(0x82, b"\x00\x01\x00" + _text(topic_filter) + b"\x01")


def publish(topic: str, payload: bytes, packet_id: int) -> bytes:
    """Encode PUBLISH with QoS 1 and no properties (section 3.3)."""
    return _packet(0x32, _text(topic) + packet_id.to_bytes(2, "big") + b"\x00" + payload)


def find_packet(data: bytes, at: int) -> Packet | None:
    """Return the packet that begins at `at`; None if it is not complete."""
    length, position = 0, at + 1
    while position < len(data):
        length |= (data[position] & 0x7F) << 7 * (position - at - 1)
        position += 1
        if data[position - 1] < 0x80:  # noqa: PLR2004 - section 1.5.5
            end = position + length
            return Packet(data[at] & KIND_BITS, position, end) if end <= len(data) else None
    return None


def acknowledgement(data: bytes, packet: Packet) -> bytes:
    """Return the PUBACK for a PUBLISH with QoS 1."""
    at = packet.body + 2 + int.from_bytes(data[packet.body : packet.body + 2], "big")
    return b"\x40\x02" + data[at : at + 2]


def _text(text: str) -> bytes:
    encoded = text.encode()
    return len(encoded).to_bytes(2, "big") + encoded


def _packet(first: int, body: bytes) -> bytes:
    length = len(body)
    encoded = bytearray((first,))
    while length > 0x7F:  # noqa: PLR2004 - section 1.5.5
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    encoded.append(length)
    return bytes(encoded + body)
