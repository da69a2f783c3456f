import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import _packet as paho
from paho.mqtt.enums import MQTTProtocolVersion
from paho.mqtt.exception import MalformedPacket

from drivers.mqtt.packets import (
    PUBLISH,
    PUBREC,
    Malformed,
    Packet,
    Splitter,
    acknowledgement,
    decode_publish,
)
from tests.fault.mqtt_peers import message, packet

PROPERTIES = [
    b"\0",
    b"\x05\x02\0\0\0\x3c",  # Message Expiry Interval
    b"\x02\x01\x01",  # Payload Format Indicator
    b"\x0b\x26\0\x03key\0\x03abc",  # User Property
]


def split(data: bytes, maximum_bytes: int = 1_000_000) -> list[Packet]:
    return list(Splitter(maximum_bytes).split(data))


@given(
    packets=st.lists(st.tuples(st.integers(1, 15), st.binary(max_size=400)), max_size=8),
    cuts=st.lists(st.integers(0, 4_000), max_size=8),
)
def test_packets_are_found_however_the_stream_is_cut(
    packets: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    stream = b"".join(packet(kind, body) for kind, body in packets)
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    splitter = Splitter(1_000_000)
    found = [
        each
        for start, end in pairwise(edges)
        for each in splitter.split(memoryview(stream)[start:end])
    ]
    assert [(each.kind >> 4, each.data[each.body :]) for each in found] == packets


def test_a_packet_comes_as_soon_as_it_is_complete_and_no_sooner() -> None:
    data = packet(3, bytes(300))
    splitter = Splitter(1_000)
    assert [len(list(splitter.split(data[at : at + 1]))) for at in range(len(data))] == [0] * (
        len(data) - 1
    ) + [1]


def test_a_packet_of_many_reads_is_put_together() -> None:
    size = 8_000_000
    data = packet(3, random.Random(1).randbytes(size))
    splitter = Splitter(size)
    (found,) = [
        each
        for at in range(0, len(data), 32_768)
        for each in splitter.split(memoryview(data)[at : at + 32_768])
    ]
    assert found.data == data


def test_a_packet_above_the_maximum_is_refused_before_it_has_come() -> None:
    with pytest.raises(Malformed, match="a packet of 1001 bytes"):
        split(packet(3, bytes(1_001))[:5], 1_000)
    assert len(split(packet(3, bytes(1_000)), 1_000)) == 1


@pytest.mark.parametrize("cut", [5, 6, 20])
def test_a_length_without_end_is_refused(cut: int) -> None:
    with pytest.raises(Malformed, match="no end"):
        split((b"\x30" + b"\xff" * 30)[:cut])


@given(
    topic=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50),
    payload=st.binary(max_size=300),
    qos=st.integers(0, 2),
    packet_id=st.integers(1, 65_535),
    dup=st.booleans(),
    properties=st.sampled_from(PROPERTIES),
)
def test_a_message_is_decoded_as_the_library_would(
    topic: str, payload: bytes, qos: int, packet_id: int, *, dup: bool, properties: bytes
) -> None:
    name = topic.encode()
    identifier = packet_id.to_bytes(2, "big") if qos else b""
    body = len(name).to_bytes(2, "big") + name + identifier + properties + payload
    flags = dup << 3 | qos << 1
    (found,) = split(packet(3, body, flags))
    ours = decode_publish(found)
    theirs = paho.decode_publish(PUBLISH | flags, body, MQTTProtocolVersion.MQTTv5)
    assert ours == (theirs.topic.decode(), theirs.payload, theirs.qos, theirs.mid, theirs.dup)


@given(body=st.binary(max_size=40), flags=st.integers(0, 15))
def test_nonsense_is_refused_wherever_the_library_sees_broken_lengths(
    body: bytes, flags: int
) -> None:
    (found,) = split(packet(3, body, flags))
    try:
        ours = decode_publish(found)
    except Malformed:
        return
    # What we accept, the library accepts too, except for properties, which we pass over.
    try:
        theirs = paho.decode_publish(PUBLISH | flags, body, MQTTProtocolVersion.MQTTv5)
    except MalformedPacket:
        assert len(ours.payload) < len(body)
    else:
        assert (ours.payload, ours.packet_id) == (theirs.payload, theirs.mid)


def test_a_topic_that_is_not_utf_8_keeps_its_bytes() -> None:
    (found,) = split(packet(3, b"\0\x03a\xff/\0payload"))
    assert decode_publish(found).topic == "a\\xff/"


@pytest.mark.parametrize(
    "data",
    [
        packet(3, b""),
        packet(3, b"\0"),
        packet(3, b"\0\x04dc/x"),
        packet(3, b"\0\x04dc/x\0", flags=2),
        packet(3, b"\0\x04dc/x\0\x01", flags=2),
        packet(3, b"\0\x04dc/x\x05abc"),
        packet(3, b"\xff\xffdc/x\0"),
        message(b"", 0, qos=2),
    ],
)
def test_a_message_that_contradicts_itself_is_refused(data: bytes) -> None:
    (found,) = split(data)
    with pytest.raises(Malformed):
        decode_publish(found)


def test_an_acknowledgement_is_four_bytes() -> None:
    assert acknowledgement(PUBREC, 0x0102) == b"\x50\x02\x01\x02"
