"""A broker that refuses, falls silent, talks nonsense or says too much."""

import asyncio
import json
import random
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drivers.mqtt.commits import Commits
from drivers.mqtt.connection import OVERHEAD_BYTES, UNDER_WAY_BYTES
from drivers.mqtt.redelivery import PREFIX
from drivers.mqtt.settings import MqttSettings
from drivers.mqtt.stream import READ_BYTES
from simulators.broker import Broker
from tests.fault.mqtt_peers import (
    CLIENT,
    CONNACK,
    CONNECT,
    DISCONNECT,
    PINGRESP,
    PUBREL,
    SUBACK,
    SUBSCRIBE,
    TWO_AT_ONCE,
    RecordingIntake,
    ScriptedBroker,
    listening,
    message,
    packet,
    running,
    send,
    settings_of,
    until,
)

KEEPALIVE_SECONDS = 1
DYNAMIC_SECURITY = Path("/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so")


async def test_no_broker_is_told_with_the_address(free_port: int) -> None:
    async with running(settings_of(free_port), RecordingIntake()) as listener:
        assert f"cannot connect to 127.0.0.1:{free_port}" in await listener.ended()


@pytest.mark.parametrize("password", ["wrong", None])
async def test_a_refused_password_is_told_in_an_operators_words(
    tmp_path: Path, password: str | None
) -> None:
    passwords = tmp_path / "passwords"
    passwords.touch(mode=0o600)
    login: dict[str, Any] = {}
    if password is not None:
        (tmp_path / "password").write_text(password)
        login = {"username": "milepost", "password_file": tmp_path / "password"}
    with Broker(tmp_path / "broker", password_file=passwords) as broker:
        async with running(settings_of(broker.port, **login), RecordingIntake()) as listener:
            reason = await listener.ended()
    assert reason.startswith("the broker refuses the connection: not authorized")
    assert "user name or password refused by the broker" in reason


@pytest.mark.parametrize(
    ("code", "properties", "words"),
    [
        (0x86, b"\0", "bad user name or password; user name or password refused by the broker"),
        (0x88, b"\0", "server unavailable; it is not available now"),
        (0x80, b"\x08\x1f\0\x05stock", "unspecified error (stock)"),
        (0x01, b"", "unsupported protocol version; it does not speak MQTT 5"),
    ],
)
async def test_a_refusal_is_told_in_an_operators_words(
    code: int, properties: bytes, words: str
) -> None:
    async with (
        ScriptedBroker() as broker,
        running(settings_of(broker.port), RecordingIntake()) as listener,
    ):
        peer = await broker.accept()
        await peer.expect(CONNECT)
        peer.send(packet(CONNACK, bytes([0, code]) + properties))
        assert words in await listener.ended()


@pytest.mark.skipif(not DYNAMIC_SECURITY.exists(), reason="mosquitto has no dynamic security here")
async def test_a_refused_subscription_is_a_fault_and_the_others_go_on(tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    allowed = [
        {"acltype": kind, "topic": "dc/allowed", "priority": 0, "allow": True}
        for kind in ("subscribeLiteral", "publishClientReceive", "publishClientSend")
    ]
    configuration = {
        "defaultACLAccess": dict.fromkeys(
            ("publishClientSend", "publishClientReceive", "subscribe", "unsubscribe"), False
        ),
        "clients": [],
        "groups": [{"groupname": "all", "roles": [{"rolename": "floor", "priority": 0}]}],
        "roles": [{"rolename": "floor", "acls": allowed}],
        "anonymousGroup": "all",
    }
    rules.write_text(json.dumps(configuration))
    plugin = [f"plugin {DYNAMIC_SECURITY}", f"plugin_opt_config_file {rules}"]
    intake = RecordingIntake()
    with Broker(tmp_path / "broker", settings=plugin) as broker:
        settings = settings_of(broker.port, "dc/allowed", "dc/secret")
        async with listening(settings, intake) as listener:
            assert listener.link.faults == {
                "subscription dc/secret": "the broker refuses dc/secret: not authorized;"
                " check its access rules for this client"
            }
            send(broker, ["heard"], topic="dc/allowed")
            await until(lambda: intake.payloads == ["heard"])
            # Once the broker has shown that it has our acknowledgement, it is forgotten.
            await until(lambda: not any(name.startswith(PREFIX) for name in intake.stored))
            assert listener.link.heard_until is None


async def test_a_lower_qos_is_a_fault_until_it_is_granted() -> None:
    intake = RecordingIntake()
    async with ScriptedBroker() as broker:
        async with running(settings_of(broker.port), intake) as listener:
            peer = await broker.accept()
            await peer.let_in()
            await peer.grant(0)
            await until(lambda: listener.link.is_up)
            text = "the broker grants QoS 0 only, not 1"
            assert listener.link.faults == {"subscription dc/#": text}
        async with running(settings_of(broker.port), intake) as listener:
            listener.link.fault("subscription dc/#", text)
            await broker.take(listener, session_present=True)
            assert listener.link.faults == {}


async def test_a_session_that_the_broker_keeps_for_less_is_a_fault() -> None:
    async with (
        ScriptedBroker() as broker,
        running(settings_of(broker.port), RecordingIntake()) as listener,
    ):
        peer = await broker.accept()
        await peer.let_in(properties=b"\x05\x11\0\0\x0e\x10")
        await peer.grant()
        await until(lambda: listener.link.is_up)
        assert "keeps messages for us for 3600 s only" in listener.link.faults["session"]


async def test_another_client_with_our_id_ends_the_connection(broker: Broker) -> None:
    settings = settings_of(broker.port)
    async with (
        listening(settings, RecordingIntake()) as first,
        listening(settings, RecordingIntake()),
    ):
        assert "the broker closed the connection" in await first.ended()


def impatient(settings: MqttSettings) -> MqttSettings:
    """Shorten the keep-alive time to less than an operator may choose."""
    return settings.model_copy(update={"keepalive_seconds": KEEPALIVE_SECONDS})


async def test_silence_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.mqtt.connection.PING_SECONDS", 0.05)
    async with (
        ScriptedBroker() as broker,
        running(impatient(settings_of(broker.port)), RecordingIntake()) as listener,
    ):
        peer = await broker.take(listener)
        await until(lambda: listener.link.heard_until is not None)
        peer.silent = True
        pings = peer.pings
        await until(lambda: peer.pings > pings)
        heard = listener.link.heard_until
        assert "the broker has been silent for" in await listener.ended()
        assert listener.link.heard_until == heard


async def test_a_broker_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.mqtt.client.ANSWER_SECONDS", 0.2)
    async with (
        ScriptedBroker() as broker,
        running(settings_of(broker.port), RecordingIntake()) as listener,
    ):
        await broker.accept()
        assert "does not answer CONNECT within" in await listener.ended()


@pytest.mark.parametrize(
    ("nonsense", "words"),
    [
        (b"\xff\xff\xff\xff\xff", "is it an MQTT 5 broker?"),
        (b"\x30\xff\xff\xff\xff\x01", "a length that has no end"),
        (b"\x30\xff\xff\xff\x7f", "a packet of 268435455 bytes"),
        (message(b"A", 0), "QoS 1 and packet id 0"),
        (packet(3, b"\0\x04dc/x\0\x01\0", flags=6), "QoS 3"),
        (packet(3, b"\xff\xffdc/x"), "shorter than its own fields say"),
        (packet(PUBREL, b"\x01", flags=2), "a PUBREL without a packet id"),
        (packet(0), "a packet of kind 0x00"),
        (packet(DISCONNECT, b"\x8b\0"), "server shutting down"),
        (packet(DISCONNECT, b"\x8e\0"), "another client has connected with our client id"),
        (packet(DISCONNECT), "the broker ended the connection: normal disconnection"),
        (b"\x30", "the broker closed the connection"),
    ],
)
async def test_nonsense_ends_the_connection_and_keeps_what_came_before(
    nonsense: bytes, words: str
) -> None:
    intake = RecordingIntake()
    async with (
        ScriptedBroker() as broker,
        running(settings_of(broker.port), intake) as listener,
    ):
        peer = await broker.take(listener)
        peer.send(message(b"A", 1), nonsense)
        if len(nonsense) == 1:
            peer.writer.close()
        assert words in await listener.ended()
    assert intake.payloads == ["A"]


async def test_a_message_before_the_connection_stands_is_refused() -> None:
    intake = RecordingIntake()
    async with ScriptedBroker() as broker, running(settings_of(broker.port), intake) as listener:
        peer = await broker.accept()
        peer.send(message(b"A", 1))
        assert "a message before CONNACK" in await listener.ended()
    assert intake.offered == []


async def test_too_few_answers_to_a_subscription_end_the_connection() -> None:
    async with (
        ScriptedBroker() as broker,
        running(settings_of(broker.port, "a", "b"), RecordingIntake()) as listener,
    ):
        peer = await broker.accept()
        await peer.let_in()
        body = await peer.expect(SUBSCRIBE)
        peer.send(packet(SUBACK, body[:2] + b"\0\1"))
        assert "1 answers to 2 in SUBSCRIBE" in await listener.ended()


async def test_random_bytes_never_crash_the_source() -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201 - shown by pytest when the test fails
    chance = random.Random(seed)
    crashes: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: crashes.append(context))
    async with ScriptedBroker() as broker:
        for _ in range(150):
            async with running(settings_of(broker.port), RecordingIntake()) as listener:
                peer = await broker.take(listener)
                kind = chance.choice([2, 3, 4, 5, 6, 7, 9, 11, 13, 14, 15])
                body = chance.randbytes(chance.randrange(40))
                peer.send(packet(kind, body, flags=chance.randrange(16)))
                peer.writer.close()
                assert await listener.ended()
    assert crashes == []


async def test_a_stalled_intake_holds_back_the_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drivers.mqtt.connection.PING_SECONDS", 0.05)
    intake = RecordingIntake()
    payload = bytes(200_000)
    number = 4 * UNDER_WAY_BYTES // len(payload)
    async with (
        ScriptedBroker() as broker,
        running(impatient(settings_of(broker.port, qos=0)), intake) as listener,
    ):
        peer = await broker.accept()
        await peer.let_in()
        await peer.grant(0)
        await until(lambda: listener.link.is_up)
        intake.hold_commits()
        sending = asyncio.create_task(flood(peer.writer, message(payload, qos=0), number))
        under_way = UNDER_WAY_BYTES // (len(payload) + OVERHEAD_BYTES)
        await until(lambda: offered(intake) > under_way)
        # A broker that we do not listen to cannot be heard: that is no silence of its own.
        await asyncio.sleep(2 * KEEPALIVE_SECONDS)
        assert not sending.done()
        assert offered(intake) <= under_way + 1 + READ_BYTES // len(payload)
        assert listener.link.is_up
        intake.release()
        await sending
        await until(lambda: offered(intake) == number)
        assert len(intake.payloads) == number


async def flood(writer: asyncio.StreamWriter, data: bytes, number: int) -> None:
    for _ in range(number):
        writer.write(data)
        await writer.drain()


def offered(intake: RecordingIntake) -> int:
    return sum(len(batch.signals) for batch in intake.offered)


async def test_unacknowledged_messages_are_bounded_by_the_receive_maximum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.mqtt.connection.PING_SECONDS", 0.05)
    intake = RecordingIntake()
    with Broker(tmp_path / "broker", settings=["log_type all"]) as broker:
        async with listening(settings_of(broker.port, receive_maximum=10), intake) as listener:
            intake.hold_commits()
            send(broker, map(str, range(100)))
            answered = broker.log.count(f"Sending PINGRESP to {CLIENT}")
            await until(lambda: broker.log.count(f"Sending PINGRESP to {CLIENT}") > answered + 1)
            assert offered(intake) == 10
            assert listener.link.heard_until is None, "the broker has more"
            intake.release()
            await until(lambda: len(intake.payloads) == 100)
            await until(lambda: listener.link.heard_until)
    assert intake.payloads == [str(number) for number in range(100)]


async def test_a_failing_store_ends_the_source_with_its_error() -> None:
    intake = RecordingIntake()
    async with (
        ScriptedBroker() as broker,
        running(settings_of(broker.port), intake) as listener,
    ):
        peer = await broker.take(listener)
        intake.error = OSError("disk failed")
        peer.send(message(b"A", 1))
        await asyncio.wait([listener.task], timeout=10)
        assert listener.task.exception() is intake.error
        assert not listener.link.is_up
        await peer.reading
        assert peer.received.empty(), "what is not committed must not be acknowledged"


async def test_a_store_that_fails_after_the_connection_is_lost_is_not_passed_over() -> None:
    intake = RecordingIntake()
    async with (
        ScriptedBroker() as broker,
        running(settings_of(broker.port), intake) as listener,
    ):
        peer = await broker.take(listener)
        intake.hold_commits()
        peer.send(message(b"A", 1))
        await until(lambda: offered(intake) == 1)
        peer.writer.close()
        await until(lambda: not listener.link.is_up)
        intake.error = OSError("disk failed")
        intake.release()
        await asyncio.wait([listener.task], timeout=10)
        assert listener.task.exception() is intake.error


async def test_while_the_broker_may_have_more_nothing_is_concluded_from_its_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drivers.mqtt.connection.PING_SECONDS", 0.02)
    intake = RecordingIntake()
    async with (
        ScriptedBroker() as broker,
        running(settings_of(broker.port, receive_maximum=2), intake) as listener,
    ):
        peer = await broker.accept()
        peer.silent = True
        await peer.let_in()
        await peer.grant()
        await until(lambda: listener.link.is_up)
        intake.hold_commits()
        peer.send(message(b"A", 1), message(b"B", 2))
        await until(lambda: peer.pings and offered(intake) == 2)
        peer.send(packet(PINGRESP), message(b"C", qos=0))
        await until(lambda: offered(intake) == 3)
        intake.release()
        assert await peer.acknowledged(2) == [1, 2]
        await until(lambda: len(intake.payloads) == 3)
        assert listener.link.heard_until is None


async def test_an_answer_is_heard_only_after_the_messages_that_came_with_it(
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
        intake.hold_commits()
        peer.send(message(b"A", 1), packet(PINGRESP), message(b"B", 2))
        await until(lambda: offered(intake) == 4)
        assert listener.link.heard_until is None
        intake.release()
        await until(lambda: listener.link.heard_until)
    assert intake.payloads == ["1", "2", "A", "B"]


async def test_answers_do_not_pile_up_behind_a_stalled_intake(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drivers.mqtt.connection.PING_SECONDS", 0.02)
    waiting: list[Callable[[], None]] = []
    after = Commits.after

    def count(commits: Commits, then: Callable[[], None]) -> None:
        waiting.append(then)
        after(commits, then)

    intake = RecordingIntake()
    async with (
        ScriptedBroker() as broker,
        running(settings_of(broker.port), intake) as listener,
    ):
        peer = await broker.take(listener)
        intake.hold_commits()
        peer.send(message(b"A", 1))
        await until(lambda: offered(intake) == 1)
        monkeypatch.setattr(Commits, "after", count)
        pings = peer.pings
        await until(lambda: peer.pings > pings + 10)
        assert len(waiting) <= 1
        intake.release()


async def test_an_answer_to_no_ping_proves_nothing() -> None:
    async with (
        ScriptedBroker() as broker,
        running(settings_of(broker.port), RecordingIntake()) as listener,
    ):
        peer = await broker.take(listener)
        peer.silent = True
        peer.send(*[packet(PINGRESP)] * 3, message(b"A", 1))
        await peer.acknowledged(1)
        assert listener.link.heard_until is None
