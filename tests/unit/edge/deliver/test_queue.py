"""The queue step by step, where a whole delivery would only show it by chance."""

from buffer.lane import Lane
from buffer.outbox import PendingEntry
from edge.deliver.queue import LOOK_UPS, KeyQueue


def entry(seq: int, key: str, lane: Lane = Lane.NORMAL, *, unsure: bool = False) -> PendingEntry:
    return PendingEntry(seq, key, 0, unsure, b"", "picked", 0, 0, b"", lane, seq)


def test_a_probe_is_not_always_of_the_same_lane() -> None:
    """A critical entry that is never answered is told from an outage: wso2/product-ei#2740."""
    queue = KeyQueue(window=10)
    queue.offer(entry(1, "a", Lane.CRITICAL))
    queue.offer(entry(2, "b", Lane.BULK))
    probed = []
    for _ in range(4):
        (each,) = queue.probe()
        probed.append(each.seq)
        queue.again(each)
    assert probed == [1, 2, 1, 2]


def test_no_more_entries_wait_for_look_ups_of_others_than_a_few() -> None:
    queue = KeyQueue(window=1000)
    for seq in range(1, 101):
        queue.offer(entry(seq, f"unit:{seq}", unsure=seq > 5))
    batch = queue.lease(100, critical=False)
    assert len(batch) == 5 + LOOK_UPS


def test_a_key_that_is_promoted_goes_before_the_others_at_once() -> None:
    queue = KeyQueue(window=10)
    for seq in (1, 2, 3):
        queue.offer(entry(seq, f"unit:{seq}", Lane.BULK))
    queue.offer(entry(4, "unit:3", Lane.CRITICAL))
    assert [each.seq for each in queue.lease(9, critical=True)] == [3]
    assert [each.seq for each in queue.lease(9, critical=False)] == [1, 2]
    queue.settled("unit:3")
    assert [each.seq for each in queue.lease(9, critical=True)] == [4]


def test_a_key_whose_critical_entry_is_through_is_what_its_other_entries_are() -> None:
    queue = KeyQueue(window=10)
    queue.offer(entry(1, "a", Lane.CRITICAL))
    queue.offer(entry(2, "a", Lane.BULK))
    queue.lease(1, critical=True)
    queue.settled("a")
    assert queue.lease(9, critical=True) == []
    assert [each.seq for each in queue.lease(9, critical=False)] == [2]


def test_of_a_key_that_does_not_come_back_no_rest_is_kept_for_ever() -> None:
    queue = KeyQueue(window=10)
    queue.offer(entry(1, "a"))
    (given_up,) = queue.lease(1, critical=False)
    queue.rest(given_up, until=5.0)
    queue = queue.afresh(now=1.0)
    assert queue._rests_kept == {"a": (1, 5.0)}
    assert queue.afresh(now=2.0)._rests_kept == {"a": (1, 5.0)}, "it may yet be loaded"
    assert queue.afresh(now=5.0)._rests_kept == {}


def test_an_entry_fetched_with_its_key_is_not_taken_again_when_its_turn_comes() -> None:
    queue = KeyQueue(window=10)
    queue.defer(entry(9, "a", Lane.CRITICAL), first=3)
    assert queue.wanted() == ("a", Lane.CRITICAL, 3)
    queue.fetched("a", [entry(5, "a", Lane.BULK), entry(9, "a", Lane.CRITICAL)], more=False)
    queue.offer(entry(5, "a", Lane.BULK))
    for seq in (5, 9):
        assert [each.seq for each in queue.lease(9, critical=True)] == [seq]
        queue.settled("a")
    assert queue.wanted() is None
