"""What a broker delivers again makes no second signal, and nothing new is taken for old."""

import pytest

from tests.fault.mqtt_peers import (
    PINGRESP,
    PUBACK,
    PUBCOMP,
    PUBREC,
    PUBREL,
    SUBSCRIBE,
    TWO_AT_ONCE,
    UNSUBACK,
    UNSUBSCRIBE,
    RecordingIntake,
    ScriptedBroker,
    message,
    packet,
    running,
    settings_of,
    until,
)


async def commit_one(broker: ScriptedBroker, intake: RecordingIntake, qos: int = 1) -> None:
    """Have "A" committed under packet id 7, and the process die before it acknowledges."""
    async with running(settings_of(broker.port, qos=qos), intake) as listener:
        peer = await broker.accept()
        await peer.let_in()
        await peer.grant(qos)
        await until(lambda: listener.link.is_up)
        intake.hold_answers()
        peer.send(message(b"A", 7, qos=qos))
        await until(lambda: intake.payloads == ["A"])
    assert intake.remembered
    intake.release()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for commits that are held back: a process that dies does not, either."""
    monkeypatch.setattr("drivers.mqtt.source.DRAIN_SECONDS", 0.0)


@pytest.mark.parametrize(("qos", "kind"), [(1, PUBACK), (2, PUBREC)])
async def test_redelivery_after_a_crash_makes_no_second_signal(qos: int, kind: int) -> None:
    intake = RecordingIntake()
    async with ScriptedBroker() as broker:
        await commit_one(broker, intake, qos)
        async with running(settings_of(broker.port, qos=qos), intake):
            peer = await broker.accept()
            await peer.let_in(session_present=True)
            peer.send(message(b"A", 7, qos=qos, dup=True), message(b"B", 8, qos=qos))
            await peer.grant(qos)
            assert await peer.acknowledged(2, kind) == [7, 8]
    assert intake.payloads == ["A", "B"]


async def test_redelivery_is_recognised_after_every_further_crash() -> None:
    intake = RecordingIntake()
    async with ScriptedBroker() as broker:
        await commit_one(broker, intake)
        for _ in range(3):
            async with running(settings_of(broker.port), intake) as listener:
                peer = await broker.take(listener, session_present=True)
                peer.send(message(b"A", 7, dup=True))
                assert await peer.acknowledged(1) == [7]
    assert intake.payloads == ["A"]


@pytest.mark.parametrize(
    "again",
    [
        message(b"other", 7, dup=True),
        message(b"A", 7, dup=True, topic="dc/y"),
        message(b"A", 8, dup=True),
        message(b"A", 7),
    ],
    ids=["other payload", "other topic", "other packet id", "not marked as sent before"],
)
async def test_a_message_that_only_resembles_an_earlier_one_is_a_signal(again: bytes) -> None:
    intake = RecordingIntake()
    async with ScriptedBroker() as broker:
        await commit_one(broker, intake)
        async with running(settings_of(broker.port), intake):
            peer = await broker.accept()
            await peer.let_in(session_present=True)
            await peer.grant()
            peer.send(again)
            await peer.acknowledged(1)
    assert len(intake.payloads) == 2


async def test_a_packet_id_is_forgotten_once_the_broker_has_shown_that_it_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drivers.mqtt.connection.PING_SECONDS", 0.02)
    intake = RecordingIntake()
    async with (
        ScriptedBroker() as broker,
        running(settings_of(broker.port), intake) as listener,
    ):
        peer = await broker.take(listener)
        peer.send(message(b"A", 7))
        await until(lambda: intake.remembered)
        await until(lambda: not intake.remembered)
        peer.send(message(b"A", 7, dup=True))
        assert await peer.acknowledged(2) == [7, 7]
    assert intake.payloads == ["A", "A"]


async def test_a_packet_id_is_remembered_while_the_broker_shows_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drivers.mqtt.connection.PING_SECONDS", 0.02)
    intake = RecordingIntake()
    async with (
        ScriptedBroker() as broker,
        running(settings_of(broker.port), intake) as listener,
    ):
        peer = await broker.take(listener)
        peer.silent = True
        peer.send(message(b"A", 7))
        assert await peer.acknowledged(1) == [7]
        pings = peer.pings
        await until(lambda: peer.pings > pings + 5)
        peer.send(message(b"A", 7, dup=True))
        assert await peer.acknowledged(1) == [7]
    assert intake.payloads == ["A"]


async def test_an_answer_to_an_earlier_ping_does_not_show_that_the_broker_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drivers.mqtt.connection.PING_SECONDS", 0.02)
    intake = RecordingIntake()
    async with (
        ScriptedBroker() as broker,
        running(settings_of(broker.port), intake) as listener,
    ):
        peer = await broker.accept()
        peer.silent = True
        await peer.let_in()
        await peer.grant(after=TWO_AT_ONCE)
        await until(lambda: peer.pings)
        peer.send(message(b"A", 7))
        assert await peer.acknowledged(1) == [7]
        peer.send(packet(PINGRESP))
        await until(lambda: listener.link.heard_until)
        peer.send(message(b"A", 7, dup=True))
        assert await peer.acknowledged(1) == [7]
    assert intake.payloads == ["1", "2", "A"]


async def test_a_redelivery_is_remembered_until_its_own_acknowledgement_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    intake = RecordingIntake()
    async with ScriptedBroker() as broker:
        await commit_one(broker, intake)
        monkeypatch.setattr("drivers.mqtt.connection.PING_SECONDS", 0.02)
        first = set(intake.remembered)
        async with running(settings_of(broker.port), intake) as listener:
            peer = await broker.take(listener, session_present=True)
            intake.hold_answers()
            peer.send(message(b"A", 7, dup=True))
            pings = peer.pings
            await until(lambda: peer.pings > pings + 3)
            peer.silent = True
            intake.release()
            assert await peer.acknowledged(1) == [7]
            await until(lambda: not first & set(intake.remembered))
        async with running(settings_of(broker.port), intake) as listener:
            peer = await broker.take(listener, session_present=True)
            peer.send(message(b"A", 7, dup=True))
            assert await peer.acknowledged(1) == [7]
    assert intake.payloads == ["A"]


async def test_a_lost_session_is_a_gap_and_its_packet_ids_mean_nothing_any_more() -> None:
    intake = RecordingIntake()
    async with ScriptedBroker() as broker:
        await commit_one(broker, intake)
        async with running(settings_of(broker.port), intake):
            peer = await broker.accept()
            await peer.let_in(session_present=False)
            await peer.grant()
            peer.send(message(b"A", 7, dup=True))
            assert await peer.acknowledged(1) == [7]
    assert intake.payloads == ["A", "A"]
    (gap,) = intake.gaps
    assert gap.subject == "#"
    assert "no longer knows the session of client milepost-test" in gap.reason


async def test_the_first_session_ever_is_no_gap() -> None:
    intake = RecordingIntake()
    async with ScriptedBroker() as broker:
        await commit_one(broker, intake)
    assert intake.gaps == []


async def test_messages_still_being_committed_when_the_connection_breaks_come_once() -> None:
    intake = RecordingIntake()
    async with ScriptedBroker() as broker:
        async with running(settings_of(broker.port), intake) as listener:
            peer = await broker.take(listener)
            intake.hold_commits()
            peer.send(message(b"A", 7))
            await until(lambda: len(intake.offered[-1].signals) == 1)
            peer.writer.close()
            await until(lambda: not listener.link.is_up)
            assert not listener.task.done(), "it must not reconnect while commits are under way"
            intake.release()
            assert "the broker closed the connection" in await listener.ended()
        async with running(settings_of(broker.port), intake):
            peer = await broker.accept()
            await peer.let_in(session_present=True)
            await peer.grant()
            peer.send(message(b"A", 7, dup=True))
            assert await peer.acknowledged(1) == [7]
    assert intake.payloads == ["A"]


async def test_a_release_is_always_answered() -> None:
    intake = RecordingIntake()
    async with ScriptedBroker() as broker, running(settings_of(broker.port, qos=2), intake):
        peer = await broker.accept()
        await peer.let_in(session_present=True)
        peer.send(packet(PUBREL, b"\x01\x02", flags=2))
        assert await peer.acknowledged(1, PUBCOMP) == [0x0102]


async def test_a_topic_is_unsubscribed_even_if_the_process_dies_between() -> None:
    intake = RecordingIntake()
    async with ScriptedBroker() as broker:
        async with running(settings_of(broker.port, "dc/old"), intake):
            peer = await broker.accept()
            await peer.let_in()
            await peer.expect(SUBSCRIBE)  # and dies before the answer
        for _ in range(2):
            async with running(settings_of(broker.port, "dc/new"), intake):
                peer = await broker.accept()
                await peer.let_in(session_present=True)
                await peer.grant()
                body = await peer.expect(UNSUBSCRIBE)
                assert body.endswith(b"\x00\x06dc/old")
        async with running(settings_of(broker.port, "dc/new"), intake) as listener:
            peer = await broker.accept()
            await peer.let_in(session_present=True)
            await peer.grant()
            body = await peer.expect(UNSUBSCRIBE)
            peer.send(packet(UNSUBACK, body[:2] + b"\0\0"))
            await until(lambda: listener.link.is_up)
    assert intake.stored["subscribed"] == b'["dc/new"]'


async def test_a_subscription_that_the_broker_does_not_end_stays_known() -> None:
    intake = RecordingIntake()
    async with ScriptedBroker() as broker:
        async with running(settings_of(broker.port, "dc/old"), intake) as listener:
            await broker.take(listener)
        async with running(settings_of(broker.port, "dc/new"), intake) as listener:
            peer = await broker.accept()
            await peer.let_in(session_present=True)
            await peer.grant()
            body = await peer.expect(UNSUBSCRIBE)
            peer.send(packet(UNSUBACK, body[:2] + b"\0\x87"))
            await until(lambda: listener.link.is_up)
            text = "the broker does not end the subscription: not authorized"
            assert listener.link.faults == {"subscription dc/old": text}
    assert intake.stored["subscribed"] == b'["dc/new", "dc/old"]'
