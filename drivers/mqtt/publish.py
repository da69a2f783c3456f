"""The PUBLISH packet: the only one that comes thousands of times a second. Pure."""

from typing import NamedTuple

QOS_BITS = 0b0110
DUP_BIT = 0b1000
CONTINUES = 0x80
"""Set in each byte of a variable byte integer but the last (MQTT 5.0, section 1.5.5)."""


class Delivery(NamedTuple):
    """One message, as the broker delivered it."""

    topic: str
    payload: bytes
    qos: int
    packet_id: int
    """0 with QoS 0, which has none."""
    dup: bool
    """The broker has sent it before."""


class Malformed(Exception):
    """The bytes are not a PUBLISH packet."""


def decode(flags: int, body: bytes | bytearray) -> Delivery:
    """Decode a PUBLISH packet (MQTT 5.0, section 3.3).

    `flags` is its first byte, `body` what follows the length. Properties are
    passed over: none of them changes what was said. A topic that is not UTF-8
    keeps its bytes as escapes; it is for a rule to object.

    Raises:
        Malformed: Length fields point outside the packet, or QoS is 3, or a
            packet id is 0.

    """
    qos = (flags & QOS_BITS) >> 1
    end = len(body)
    at = 2 + (body[0] << 8 | body[1]) if end > 1 else end + 1
    topic = body[2:at].decode("utf-8", "backslashreplace")
    packet_id = 0
    if qos:
        packet_id = body[at] << 8 | body[at + 1] if at + 1 < end else 0
        at += 2
    properties, at = _variable_byte_integer(body, at)
    at += properties
    if at > end:
        raise Malformed("a PUBLISH packet is shorter than its own fields say")
    if qos == 3 or (qos and not packet_id):  # noqa: PLR2004 - two bits hold 0 to 3
        raise Malformed(f"a PUBLISH packet with QoS {qos} and packet id {packet_id}")
    return Delivery(topic, bytes(body[at:]), qos, packet_id, bool(flags & DUP_BIT))


def _variable_byte_integer(body: bytes | bytearray, at: int) -> tuple[int, int]:
    """Return the number that stands at `at`, and where it ends."""
    value = shift = 0
    for position in range(at, min(at + 4, len(body))):
        value |= (body[position] & ~CONTINUES) << shift
        if not body[position] & CONTINUES:
            return value, position + 1
        shift += 7
    raise Malformed("the length of a PUBLISH packet's properties has no end")
