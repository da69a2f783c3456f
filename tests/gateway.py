"""The real daemon with a small site of its own, for tests that look at it from outside."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from drivers.contract import system_clock
from edge.control.client import Control, NotRunning
from edge.control.health import Report
from simulators.broker import Broker
from simulators.erp import Booking
from simulators.erp_process import ErpProcess

MILEPOST = Path(sys.executable).with_name("milepost")
WAIT_SECONDS = 30.0

CONFIGURATION = """
[site]
name = "test"
uri = "https://test.example"

[store]
path = "{directory}/milepost.db"

[control]
socket = "{directory}/control.sock"

[sources.floor]
driver = "mqtt"
host = "127.0.0.1"
port = {mqtt_port}
client_id = "milepost-test"
subscriptions = [{{ topic = "scan/#", qos = 1 }}, {{ topic = "noise/#", qos = 1 }}]

[destinations.erp]
driver = "http"
url = "{url}"
look_up = "{look_up}"
timeout_seconds = 1
retry_ceiling_seconds = 1

[[observations]]
source = "floor"
subject = "scan/+"
format = "json"
kind = "scan"
time = "time"
fields = {{ unit = "unit", read_point = "subject/1" }}

[rules.received]
operator = "one"
milestone = "received"
about = "unit"
of = {{ kind = "scan", where = {{ read_point = "dock" }} }}

[rules.stored]
operator = "one"
milestone = "stored"
about = "unit"
of = {{ kind = "scan", where = {{ read_point = "rack" }} }}

[lifecycles.inbound]
stages = ["received", "stored"]
wait_seconds = 20
"""


def until(condition: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> None:
    """Wait until the condition holds; fail with `what` was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(0.02)


class Listening(Protocol):
    """A broker, as far as the daemon must know it."""

    port: int


class Gateway:
    """The daemon as it is installed, over a broker and an ERP.

    `under` is a command that it is started by, such as env(1) or nsenter(1); it must
    become the daemon, not stay its parent.
    """

    def __init__(
        self, directory: Path, broker: Listening, erp: ErpProcess, under: Sequence[str] = ()
    ) -> None:
        self.config = directory / "milepost.toml"
        self.store = directory / "milepost.db"
        self.log = directory / "daemon.log"
        self.control = Control(directory / "control.sock")
        self.config.write_text(
            CONFIGURATION.format(
                directory=directory,
                mqtt_port=broker.port,
                url=erp.url,
                look_up=erp.look_up,
            )
        )
        self._under = under
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self, *, wait: bool = True) -> None:
        """Start it; return when its sources are connected, or at once."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*self._under, MILEPOST, "run", "--config", self.config], stdout=log, stderr=log
            )
        if wait:
            until(self.is_listening, f"the daemon listens\n{self.log.read_text()}")

    def is_listening(self) -> bool:
        try:
            links = self.control.health().facts.links
        except NotRunning:
            return False
        return all(link.is_up for link in links if link.direction == "source")

    def kill(self) -> None:
        """End it with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def terminate(self, seconds: float = WAIT_SECONDS) -> int:
        """End it with SIGTERM, within so many seconds; return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self.ended(seconds)

    def ended(self, seconds: float = WAIT_SECONDS) -> int:
        """Wait until it has ended; return its exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def report(self) -> Report:
        return self.control.health()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `milepost` with this gateway's configuration."""
        return subprocess.run(
            [MILEPOST, *arguments, "--config", self.config],
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
            env={**os.environ, "COLUMNS": "200"},
        )

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it, if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self.kill()


class Scanner:
    """A device that publishes with QoS 1 and keeps what the broker has not acknowledged."""

    def __init__(self, broker: Broker, client_id: str = "scanner") -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id)
        self._client.max_inflight_messages_set(1000)
        self._client.reconnect_delay_set(min_delay=1, max_delay=1)
        self._client.connect(broker.host, broker.port)
        self._connected_at = system_clock()
        self._sent = 0
        self._acknowledged = 0
        self._client.on_publish = self._count
        self._client.loop_start()

    def scan(self, read_point: str, unit: str, at: float = 0.0) -> None:
        """Tell that a unit was seen, `at` seconds after the scanner was connected."""
        told = json.dumps({"unit": unit, "time": self._connected_at + round(at * 1000)})
        self.say(f"scan/{read_point}", told.encode())

    def say(self, topic: str, payload: bytes) -> None:
        self._sent += 1
        self._client.publish(topic, payload, qos=1)

    def drain(self) -> None:
        """Wait until the broker has acknowledged everything."""
        until(lambda: self._acknowledged == self._sent, "the broker acknowledges")

    def _count(self, *_: object) -> None:
        self._acknowledged += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def steps(book: list[Booking]) -> list[tuple[str, str]]:
    """Return (unit, step) of each booking, in the order of booking."""
    return [
        (booking.body["epcList"][0].rsplit("/", 1)[-1], booking.body["bizStep"]) for booking in book
    ]
