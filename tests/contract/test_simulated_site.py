"""The site as a process: what it says on the wire is the scenario, whatever the broker does."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from asyncua.client.client import Client as OpcUaClient
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from simulators.broker import Broker
from simulators.ports import free_port
from simulators.scenario import Garbage, Record, Report, Scenario, Transport, plan

SEED, SECONDS = 7, 20.0
STANDARDS = Path(__file__).parents[3] / "shared/standards/vda5050/2.1.0"
HOLD_SECONDS = 2.5

WAIT_SECONDS = 30

Process = subprocess.Popen[str]


def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def site(opcua_port: int, mqtt_port: int) -> Iterator[Process]:
    """Start the site; kill it at the end if it still runs."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "simulators.site"),
            *("--seed", str(SEED), "--seconds", str(SECONDS)),
            *("--opcua-port", str(opcua_port), "--mqtt-port", str(mqtt_port)),
        ],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def lines(process: Process) -> Iterator[str]:
    assert process.stdout is not None
    return (line.strip() for line in process.stdout)


def write(process: Process, line: str) -> None:
    assert process.stdin is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()


class Listener:
    """Hears everything on the broker, in a session that survives the broker's restart."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.subscribed = threading.Event()
        self._client = client = Client(
            CallbackAPIVersion.VERSION2, client_id="listener", clean_session=False
        )
        client.reconnect_delay_set(1, 1)
        client.on_connect = lambda *_: client.subscribe("#", qos=1) and None
        client.on_subscribe = lambda *_: self.subscribed.set()
        client.on_message = self._hear
        client.connect("127.0.0.1", port)

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.heard.append((message.topic, bytes(message.payload)))

    @contextmanager
    def listening(self) -> Iterator[None]:
        self._client.loop_start()
        try:
            assert self.subscribed.wait(10)
            yield
        finally:
            self._client.disconnect()
            self._client.loop_stop()


def connection_states(heard: list[tuple[str, bytes]]) -> dict[str, str]:
    """Return the last connection state of each vehicle."""
    return {
        topic.split("/")[3]: json.loads(payload)["connectionState"]
        for topic, payload in heard
        if topic.endswith("/connection")
    }


@dataclass
class Play:
    """What was heard of one whole play."""

    heard: list[tuple[str, bytes]]
    progress: list[dict[str, int]]
    records: list[str]
    exit_code: int
    scenario: Scenario = field(default_factory=lambda: plan(SEED, SECONDS))

    def states(self) -> dict[str, list[dict[str, Any]]]:
        """Return each vehicle's states, in the order in which they were heard."""
        states = defaultdict(list)
        for topic, payload in self.heard:
            if topic.endswith("/state"):
                states[topic.split("/")[3]].append(json.loads(payload))
        return states


async def read_records(port: int) -> list[str]:
    async with OpcUaClient(f"opc.tcp://127.0.0.1:{port}") as client:
        count = await client.get_node("ns=2;s=Conveyor.Records.Counter").read_value()
        slots = [f"ns=2;s=Conveyor.Records.Slot{n % 2048}" for n in range(1, count + 1)]
        values: list[str] = await client.read_values([client.get_node(slot) for slot in slots])
        return values


pytestmark = pytest.mark.slow  # a whole play cannot be shortened


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Play a whole scenario, with the broker away for some seconds in the middle."""
    opcua_port, progress = free_port(), []
    with Broker(tmp_path_factory.mktemp("broker")) as broker, site(opcua_port, broker.port) as proc:
        listener = Listener(broker.port)
        with listener.listening():
            said = lines(proc)
            assert next(said) == "ready"
            write(proc, "play")
            for line in said:
                if line == "done":
                    break
                progress.append(json.loads(line))
                if len(progress) == 8:
                    broker.stop()
                if len(progress) == 12:
                    broker.start()
            records = asyncio.run(read_records(opcua_port))
            assert proc.stdin is not None
            proc.stdin.close()
            exit_code = proc.wait(WAIT_SECONDS)
            until(lambda: "ONLINE" not in connection_states(listener.heard).values())
        return Play(listener.heard, progress, records, exit_code)


def milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def test_the_broker_gets_every_report_although_it_was_away(play: Play) -> None:
    planned: set[tuple[str, str]] = set()
    starts: set[int] = set()
    occurred: dict[tuple[str, str], float] = {}
    for act in play.scenario.acts:
        if isinstance(act.message, Report):
            key = (act.message.topic, json.dumps(act.message.fields, sort_keys=True))
            planned.add(key)
            occurred[key] = act.message.occurred
    heard = set()
    for topic, payload in play.heard:
        if topic.startswith("dc/") and "/telemetry/" not in topic and b'"device"' in payload:
            try:
                said = json.loads(payload)
                at = said.pop("time")
            except ValueError:
                continue  # the broken scanner
            key = (topic, json.dumps(said, sort_keys=True))
            heard.add(key)
            starts.add(milliseconds(at) - round(occurred[key] * 1000))
    assert heard == planned
    assert len(starts) == 1, "times tell when it occurred, not when it was sent"


def test_the_broken_scanner_is_heard_too(play: Play) -> None:
    garbage = {a.message.payload for a in play.scenario.acts if isinstance(a.message, Garbage)}
    assert garbage <= {payload for _, payload in play.heard}


def test_each_device_is_heard_in_the_order_of_its_numbers(play: Play) -> None:
    first_heard: dict[str, list[int]] = defaultdict(list)
    for topic, payload in play.heard:
        if topic.startswith("dc/") and b'"device"' in payload and payload.endswith(b"}"):
            said = json.loads(payload)
            if said["seq"] not in first_heard[said["device"]]:
                first_heard[said["device"]].append(said["seq"])
    assert len(first_heard) > 10
    for device, numbers in first_heard.items():
        assert numbers == list(range(1, len(numbers) + 1)), device


def test_the_record_buffer_holds_every_record_in_the_order_of_the_acts(play: Play) -> None:
    planned = [a.message.fields for a in play.scenario.acts if isinstance(a.message, Record)]
    written = [json.loads(text) for text in play.records]
    assert [record.pop("n") for record in written] == list(range(1, len(planned) + 1))
    assert all(milliseconds(record.pop("time")) for record in written)
    assert written == planned


def test_every_drop_is_heard_finished_with_the_unit_that_was_dropped(play: Play) -> None:
    dropped: dict[str, set[str]] = defaultdict(set)
    for states in play.states().values():
        for state in states:
            for action in state["actionStates"]:
                if action["actionType"] == "drop" and action["actionStatus"] == "FINISHED":
                    dropped[state["orderId"]].add(action["resultDescription"])
    transports = [a.message for a in play.scenario.acts if isinstance(a.message, Transport)]
    assert dropped == {transport.order: set(transport.units) for transport in transports}


def test_a_vehicle_starts_no_order_while_it_is_disconnected(play: Play) -> None:
    for states in play.states().values():
        first: dict[str, dict[str, Any]] = {}
        for state in states:
            first.setdefault(state["orderId"], state)
        for order, state in first.items():
            statuses = {action["actionStatus"] for action in state["actionStates"]}
            assert statuses == ({"WAITING"} if order else set()), state


def test_a_vehicle_tells_what_it_finished_long_enough_before_its_next_order(play: Play) -> None:
    checked = 0
    for states in play.states().values():
        told: dict[str, list[int]] = defaultdict(list)
        for state in states:
            if all(action["actionStatus"] == "FINISHED" for action in state["actionStates"]):
                told[state["orderId"]].append(milliseconds(state["timestamp"]))
        orders = list(dict.fromkeys(state["orderId"] for state in states))
        for order in orders[1:-1]:
            # An interruption, seen as a pause between two states, begins the time anew.
            since = max(
                (b for a, b in pairwise(told[order]) if b - a > 2000), default=told[order][0]
            )
            # The last repetition can be a second before the end.
            assert told[order][-1] - since >= (HOLD_SECONDS - 1) * 1000
            checked += 1
    assert checked > 10


def test_states_are_repeated_and_numbered(play: Play) -> None:
    for states in play.states().values():
        headers = [state["headerId"] for state in states]
        assert headers == sorted(set(headers))
        last = [state for state in states if state["orderId"] == states[-1]["orderId"]]
        finished = [s for s in last if s["actionStates"] == last[-1]["actionStates"]]
        assert len(finished) >= 2


@pytest.mark.parametrize("topic", ["state", "connection"])
def test_vehicles_speak_vda_5050(play: Play, topic: str) -> None:
    schema = STANDARDS / f"{topic}.schema"
    if not schema.exists():
        pytest.skip(f"the VDA 5050 schema is not here: {schema}")
    validate = fastjsonschema.compile(json.loads(schema.read_text(encoding="utf-8")))
    messages = [payload for name, payload in play.heard if name.endswith(f"/{topic}")]
    assert messages
    for message in messages:
        validate(json.loads(message))


def test_the_play_makes_noise_and_tells_its_progress(play: Play) -> None:
    telemetry = [topic for topic, _ in play.heard if topic.startswith("dc/telemetry/")]
    assert len(telemetry) > 500
    total = len(play.scenario.acts)
    assert play.progress[-1]["played"] == play.progress[-1]["of"] == total
    assert play.progress[-1]["sent"] > total + len(telemetry)


def test_the_end_of_its_input_ends_the_site_and_its_vehicles_say_goodbye(play: Play) -> None:
    assert play.exit_code == 0
    assert connection_states(play.heard) == dict.fromkeys(play.scenario.vehicles, "OFFLINE")


def test_the_broker_tells_when_vehicles_die(broker: Broker) -> None:
    listener = Listener(broker.port)
    with site(free_port(), broker.port) as process, listener.listening():
        assert next(lines(process)) == "ready"
        until(lambda: set(connection_states(listener.heard).values()) == {"ONLINE"})
        process.kill()
        until(lambda: set(connection_states(listener.heard).values()) == {"CONNECTIONBROKEN"})


def test_a_site_whose_broker_never_comes_is_not_ready_and_can_be_ended() -> None:
    opcua_port = free_port()
    with site(opcua_port, free_port()) as process:
        until(lambda: listens(opcua_port))
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
        assert list(lines(process)) == []


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
