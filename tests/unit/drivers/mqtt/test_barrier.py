from drivers.mqtt.barrier import Barrier, Proof


def test_an_answer_proves_what_was_published_before_the_ping() -> None:
    barrier = Barrier(receive_maximum=10)
    barrier.ping(1_000, acknowledged=3)
    assert barrier.answered() == Proof(complete=True, sent_at=1_000, acknowledged=3)


def test_a_full_window_proves_nothing_the_broker_may_have_more() -> None:
    barrier = Barrier(receive_maximum=2)
    barrier.received(1)
    barrier.received(2)
    barrier.ping(1_000, acknowledged=0)
    proof = barrier.answered()
    assert proof is not None
    assert not proof.complete


def test_messages_that_come_before_the_answer_fill_the_window() -> None:
    barrier = Barrier(receive_maximum=2)
    barrier.ping(1_000, acknowledged=0)
    barrier.received(1)
    barrier.received(2)
    proof = barrier.answered()
    assert proof is not None
    assert not proof.complete


def test_an_acknowledgement_after_the_ping_had_not_arrived_when_it_was_answered() -> None:
    barrier = Barrier(receive_maximum=2)
    barrier.received(1)
    barrier.received(2)
    barrier.ping(1_000, acknowledged=0)
    barrier.released(1)
    barrier.released(2)
    proof = barrier.answered()
    assert proof is not None
    assert not proof.complete


def test_an_acknowledgement_before_the_ping_makes_room() -> None:
    barrier = Barrier(receive_maximum=2)
    barrier.received(1)
    barrier.received(2)
    barrier.released(1)
    barrier.ping(1_000, acknowledged=1)
    proof = barrier.answered()
    assert proof is not None
    assert proof.complete


def test_a_release_of_an_earlier_connection_makes_no_room() -> None:
    barrier = Barrier(receive_maximum=1)
    barrier.received(1)
    barrier.released(99)
    barrier.ping(1_000, acknowledged=0)
    proof = barrier.answered()
    assert proof is not None
    assert not proof.complete


def test_the_answer_to_an_earlier_ping_is_not_taken_for_a_later_one() -> None:
    barrier = Barrier(receive_maximum=10)
    barrier.ping(1_000, acknowledged=0)
    barrier.ping(2_000, acknowledged=0)
    barrier.ping(3_000, acknowledged=0)
    assert barrier.answered() == Proof(complete=True, sent_at=1_000, acknowledged=0)
    barrier.ping(4_000, acknowledged=0)
    assert barrier.answered() is None
    assert barrier.answered() is None
    assert barrier.answered() == Proof(complete=True, sent_at=4_000, acknowledged=0)


def test_an_answer_to_nothing_proves_nothing() -> None:
    assert Barrier(receive_maximum=1).answered() is None


def test_as_many_as_ever_were_in_flight_may_be_all_that_the_broker_sends_at_once() -> None:
    barrier = Barrier(receive_maximum=2000)
    for packet_id in range(32):
        barrier.received(packet_id)
    for packet_id in range(10):
        barrier.released(packet_id)
        barrier.received(100 + packet_id)
    barrier.ping(1_000, acknowledged=1)
    proof = barrier.answered()
    assert proof is not None
    assert not proof.complete


def test_with_nothing_in_flight_the_broker_has_nothing_more() -> None:
    barrier = Barrier(receive_maximum=2000)
    barrier.received(1)
    barrier.released(1)
    barrier.ping(1_000, acknowledged=1)
    assert barrier.answered() == Proof(complete=True, sent_at=1_000, acknowledged=1)
