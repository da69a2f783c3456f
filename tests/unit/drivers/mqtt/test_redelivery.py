from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from drivers.mqtt.packets import Delivery
from drivers.mqtt.redelivery import PACKET_IDS, Deliveries, digest


def delivery(packet_id: int, payload: bytes = b"A", *, dup: bool = False) -> Delivery:
    return Delivery("dc/x", payload, 1, packet_id, dup)


def stored(*changes: Mapping[str, bytes | None]) -> dict[str, bytes]:
    """Apply bookmarks as the store does."""
    merged: dict[str, bytes | None] = {}
    for change in changes:
        merged |= change
    return {key: value for key, value in merged.items() if value is not None}


def test_only_the_same_content_under_the_same_packet_id_sent_before_is_committed() -> None:
    deliveries = Deliveries({})
    deliveries.add([delivery(7)])
    assert deliveries.is_committed(delivery(7, dup=True))
    assert not deliveries.is_committed(delivery(7))
    assert not deliveries.is_committed(delivery(8, dup=True))
    assert not deliveries.is_committed(delivery(7, b"B", dup=True))
    assert not deliveries.is_committed(delivery(7)._replace(topic="dc/y", dup=True))


def test_topic_and_payload_cannot_be_shifted_into_each_other() -> None:
    assert digest(Delivery("ab", b"c", 1, 7, dup=True)) != digest(
        Delivery("a", b"bc", 1, 7, dup=True)
    )


def test_what_is_committed_is_known_after_a_restart() -> None:
    first = Deliveries({})
    bookmarks = stored(first.add([delivery(1), delivery(2)]), first.add([delivery(3)]))
    second = Deliveries(bookmarks | {"subscribed": b"[]"})
    assert second.last == first.last == 2
    assert all(second.is_committed(delivery(number, dup=True)) for number in (1, 2, 3))


def test_a_packet_id_stands_for_the_latest_message_under_it() -> None:
    first = Deliveries({})
    bookmarks = stored(*(first.add([delivery(7, b"%d" % number)]) for number in range(12)))
    for deliveries in (first, Deliveries(bookmarks)):
        assert deliveries.is_committed(delivery(7, b"11", dup=True))
        assert not deliveries.is_committed(delivery(7, b"9", dup=True))


def test_forgetting_removes_the_bookmarks_and_keeps_later_batches() -> None:
    deliveries = Deliveries({})
    added = [deliveries.add([delivery(1)]), deliveries.add([delivery(2)])]
    forgotten = deliveries.forget(1)
    assert stored(*added, forgotten).keys() == added[1].keys()
    assert not deliveries.is_committed(delivery(1, dup=True))
    assert deliveries.is_committed(delivery(2, dup=True))


def test_forgetting_an_older_batch_keeps_what_its_packet_id_stands_for_now() -> None:
    deliveries = Deliveries({})
    deliveries.add([delivery(1, b"old")])
    deliveries.add([delivery(1, b"new")])
    deliveries.forget(1)
    assert deliveries.is_committed(delivery(1, b"new", dup=True))


def test_messages_without_packet_id_leave_no_bookmark() -> None:
    assert Deliveries({}).add([]) == {}


def test_more_than_there_are_packet_ids_is_never_remembered() -> None:
    deliveries = Deliveries({})
    changes = [
        deliveries.add([delivery(number + offset) for offset in range(1_000)])
        for number in range(1, 200_000, 1_000)
        for number in [number % 60_000]
    ]
    kept = stored(*changes)
    assert PACKET_IDS <= sum(len(value) // 10 for value in kept.values()) < PACKET_IDS + 1_000


@given(
    batches=st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4), max_size=12),
    forget=st.integers(0, 12),
)
def test_the_bookmarks_and_the_memory_never_disagree(batches: list[list[int]], forget: int) -> None:
    deliveries = Deliveries({})
    changes = [
        deliveries.add([delivery(each, b"%d" % number) for each in batch])
        for number, batch in enumerate(batches)
    ]
    changes.append({**deliveries.forget(forget)})
    restarted = Deliveries(stored(*changes))
    for packet_id in range(1, 6):
        for number in range(len(batches)):
            again = delivery(packet_id, b"%d" % number, dup=True)
            assert restarted.is_committed(again) == deliveries.is_committed(again)
