"""What every source promises, kept by the MQTT source against a real mosquitto, on both loops."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt import publish

from drivers.contract import Link, system_clock
from drivers.mqtt import DRIVER
from simulators.broker import Broker
from tests.fault.mqtt_peers import (
    CLIENT,
    RecordingIntake,
    listening,
    send,
    settings_of,
    until,
)

pytestmark = pytest.mark.asyncio(loop_factories=["asyncio", "uvloop"])


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Run mosquitto with a log of every packet."""
    with Broker(tmp_path / "broker", settings=["log_type all"]) as running:
        yield running


def sent(broker: Broker) -> list[int]:
    """Return the packet ids of the messages that the broker sent us."""
    found = re.findall(rf"Sending PUBLISH to {CLIENT} \(d\d, q\d, r\d, m(\d+)", broker.log)
    return [int(each) for each in found]


def acknowledged(broker: Broker, kind: str = "PUBACK") -> list[int]:
    """Return the packet ids that we acknowledged."""
    return [
        int(each) for each in re.findall(rf"Received {kind} from {CLIENT} \(Mid: (\d+)", broker.log)
    ]


@pytest.mark.parametrize(("qos", "kind"), [(1, "PUBACK"), (2, "PUBREC")])
async def test_a_message_is_acknowledged_only_after_its_commit(
    broker: Broker, qos: int, kind: str
) -> None:
    intake = RecordingIntake()
    async with listening(settings_of(broker.port, qos=qos), intake):
        intake.hold_commits()
        send(broker, "abc", qos=qos)
        await until(lambda: sum(len(batch.signals) for batch in intake.offered) == 3)
        # A later exchange with the broker shows that an acknowledgement would have arrived.
        send(broker, ["later"], topic="elsewhere")
        assert len(sent(broker)) == 3
        assert acknowledged(broker, kind) == []
        intake.release()
        await until(lambda: acknowledged(broker, kind) == sent(broker))
    assert intake.payloads == ["a", "b", "c"]


async def test_acknowledgements_keep_the_order_of_receipt(broker: Broker) -> None:
    intake = RecordingIntake()
    async with listening(settings_of(broker.port), intake):
        send(broker, map(str, range(200)))
        await until(lambda: len(acknowledged(broker)) == 200)
    assert acknowledged(broker) == sent(broker)
    assert intake.payloads == [str(number) for number in range(200)]


async def test_a_message_without_acknowledgement_is_committed_too(broker: Broker) -> None:
    intake = RecordingIntake()
    async with listening(settings_of(broker.port, qos=0), intake):
        send(broker, ["one", "two"], qos=0)
        await until(lambda: intake.payloads == ["one", "two"])
    assert intake.remembered == []


async def test_what_comes_while_we_are_away_is_delivered_in_order(broker: Broker) -> None:
    intake = RecordingIntake()
    settings = settings_of(broker.port)
    async with listening(settings, intake):
        pass
    send(broker, map(str, range(50)))
    broker.restart()
    send(broker, map(str, range(50, 60)))
    async with listening(settings, intake):
        await until(lambda: len(intake.payloads) == 60)
    assert intake.payloads == [str(number) for number in range(60)]
    assert intake.gaps == []


@pytest.mark.parametrize("unacknowledged", [0, 1, 19, 20, 60])
@pytest.mark.parametrize("acknowledged", [0, 9, 19, 20, 21, 60])
async def test_a_broker_that_keeps_qos_0_holds_nothing_back_that_counts_as_heard(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, acknowledged: int, unacknowledged: int
) -> None:
    # With QoS 0 in its queue mosquitto leaves others unsent until the next connection:
    # db__message_dequeue_first() in src/database.c takes another than the caller means.
    monkeypatch.setattr("drivers.mqtt.connection.PING_SECONDS", 0.02)
    intake = RecordingIntake()
    settings = settings_of(broker.port, receive_maximum=20)
    async with listening(settings, intake):
        pass
    if acknowledged:
        send(broker, (f"kept {n}" for n in range(acknowledged)))
    if unacknowledged:
        send(broker, (f"hint {n}" for n in range(unacknowledged)), qos=0)
    async with listening(settings, intake) as listener:
        send(broker, (f"live {n}" for n in range(3)))
        sent_at = system_clock()
        await until(lambda: (listener.link.heard_until or 0) > sent_at)
        assert listener.link.is_up
    kept = {f"kept {n}" for n in range(acknowledged)} | {f"live {n}" for n in range(3)}
    assert kept <= set(intake.payloads)
    assert len(intake.payloads) == len(set(intake.payloads))


async def test_a_lost_broker_ends_the_run_and_the_next_run_goes_on(broker: Broker) -> None:
    intake = RecordingIntake()
    settings = settings_of(broker.port)
    async with listening(settings, intake) as listener:
        send(broker, ["before"])
        await until(lambda: intake.payloads == ["before"])
        broker.stop()
        assert "the broker closed the connection" in await listener.ended()
    broker.start()
    async with listening(settings, intake):
        send(broker, ["after"])
        await until(lambda: intake.payloads == ["before", "after"])


async def test_heard_stands_still_while_a_commit_is_under_way(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.mqtt.connection.PING_SECONDS", 0.02)
    intake = RecordingIntake()
    async with listening(settings_of(broker.port), intake) as listener:
        await until(lambda: listener.link.heard_until is not None)
        intake.hold_commits()
        send(broker, ["stuck"])
        await until(lambda: len(intake.offered[-1].signals) == 1)
        stalled_at = system_clock()
        answered = broker.log.count(f"Sending PINGRESP to {CLIENT}")
        await until(lambda: broker.log.count(f"Sending PINGRESP to {CLIENT}") > answered + 5)
        assert listener.link.heard_until is not None
        assert listener.link.heard_until <= stalled_at
        intake.release()
        await until(lambda: (listener.link.heard_until or 0) > stalled_at)


async def test_retained_messages_come_once_and_not_with_every_connection(broker: Broker) -> None:
    publish.single("dc/state", "charging", 1, retain=True, hostname=broker.host, port=broker.port)
    intake = RecordingIntake()
    settings = settings_of(broker.port)
    async with listening(settings, intake):
        await until(lambda: intake.payloads == ["charging"])
    async with listening(settings, intake):
        send(broker, ["new"])
        await until(lambda: "new" in intake.payloads)
    assert intake.payloads == ["charging", "new"]


async def test_topics_that_are_no_longer_configured_are_unsubscribed(broker: Broker) -> None:
    intake = RecordingIntake()
    async with listening(settings_of(broker.port, "dc/old", "dc/kept"), intake):
        pass
    async with listening(settings_of(broker.port, "dc/kept", "dc/new"), intake):
        send(broker, ["1"], topic="dc/old")
        send(broker, ["2"], topic="dc/kept")
        send(broker, ["3"], topic="dc/new")
        await until(lambda: len(intake.payloads) == 2)
    assert intake.payloads == ["2", "3"]


async def test_cancellation_acknowledges_what_is_under_way_and_leaves_nothing_behind(
    broker: Broker,
) -> None:
    before = asyncio.all_tasks()
    intake = RecordingIntake()
    async with listening(settings_of(broker.port), intake) as listener:
        intake.hold_commits()
        send(broker, ["last"])
        await until(lambda: len(intake.offered[-1].signals) == 1)
        listener.task.cancel()
        _, waiting = await asyncio.wait([listener.task], timeout=0.1)
        assert waiting, "it must wait for the commit"
        intake.release()
        await asyncio.wait([listener.task])
        assert listener.task.cancelled()
        assert not listener.link.is_up
        assert listener.link.reason == "stopped"
    assert asyncio.all_tasks() == before
    await until(lambda: f"Client {CLIENT} disconnected." in broker.log)
    assert acknowledged(broker) == sent(broker) == [1]


async def test_the_driver_opens_a_source_from_its_settings(broker: Broker) -> None:
    assert DRIVER.open_source is not None
    source = DRIVER.open_source(settings_of(broker.port), system_clock)
    link = Link("floor", system_clock)
    task = asyncio.create_task(source.run(RecordingIntake(), link))
    await until(lambda: link.is_up)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
