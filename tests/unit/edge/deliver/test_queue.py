"""Order per key, step by step; what holds for any steps is in tests/property."""

from buffer.outbox import PendingEntry
from edge.deliver.queue import KeyQueue


def entry(seq: int, key: str = "a") -> PendingEntry:
    return PendingEntry(seq, key, 0, False, b"", "picked", 0, 0, b"")


def test_a_key_is_sent_one_entry_at_a_time_and_keys_take_turns() -> None:
    queue = KeyQueue(held=())
    assert all(queue.offer(entry(seq, key)) for seq, key in enumerate("aab", 1))
    assert queue.lease(0) == entry(1)
    assert queue.lease(0) == entry(3, "b")
    assert queue.lease(0) is None
    assert not queue.settled("a")
    assert queue.lease(0) == entry(2)


def test_a_held_key_is_parked_from_its_first_entry_on() -> None:
    queue = KeyQueue(held={"a"})
    assert not queue.offer(entry(1))
    assert queue.offer(entry(2, "b"))
    assert queue.lease(0) == entry(2, "b")
    assert queue.release("a")
    queue.unpark("a", [entry(1)], more=False)
    assert queue.lease(0) == entry(1)


def test_a_resting_key_comes_back_with_its_head_before_what_was_parked_behind_it() -> None:
    queue = KeyQueue(held=())
    assert all(queue.offer(entry(seq)) for seq in (1, 2))
    queue.lease(0)
    assert queue.rest(entry(1), until=5.0) == [2]
    assert not queue.offer(entry(3))
    assert queue.next_rest_ends == 5.0
    assert queue.lease(4.9) is None
    assert queue.lease(5.0) == entry(1)
    assert queue.settled("a"), "2 and 3 are to be fetched"
    assert not queue.offer(entry(4))
    queue.unpark("a", [entry(2), entry(3)], more=True)
    assert not queue.offer(entry(5))
    assert queue.lease(6.0) == entry(2)
    assert not queue.settled("a")
    assert queue.lease(6.0) == entry(3)
    assert queue.settled("a"), "4 and 5 are to be fetched"


def test_a_decision_on_a_key_that_is_under_way_waits_until_it_is_through() -> None:
    queue = KeyQueue(held=())
    assert queue.offer(entry(2))
    queue.lease(0)
    assert not queue.release("a")  # 1, rejected earlier, is to be sent again
    assert not queue.offer(entry(3))
    assert queue.rest(entry(2), until=1.0) == []
    assert queue.lease(1.0) == entry(2)
    assert queue.settled("a"), "1 and 3 are to be fetched"
