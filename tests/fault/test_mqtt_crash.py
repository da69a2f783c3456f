"""kill -9 at random moments: every message becomes exactly one signal, in order."""

import random
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from simulators.broker import Broker
from tests.fault.mqtt_listener import read
from tests.fault.mqtt_peers import CLIENT, PATIENCE_SECONDS, send

ROOT = Path(__file__).parents[2]
MESSAGES = 2_000
KILLS = 4
COMMITS_SECONDS = 0.01


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert process.poll() is None, "the listener has ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.001)


def has_committed(file: Path, number: int) -> bool:
    return len(read(file)[0]) >= number


def test_a_killed_process_loses_no_message_and_doubles_none(tmp_path: Path) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201 - shown by pytest when the test fails
    chance = random.Random(seed)
    file = tmp_path / "committed"
    expected = [str(number) for number in range(MESSAGES)]
    with Broker(tmp_path / "broker", settings=["log_type all"]) as broker:
        arguments = [sys.executable, "-m", "tests.fault.mqtt_listener", str(broker.port), str(file)]
        stops = sorted(chance.sample(range(1, MESSAGES - 400), KILLS))
        for stop in [0, *stops, MESSAGES]:
            process = subprocess.Popen(arguments, cwd=ROOT)
            try:
                if stop == 0:
                    wait_for(lambda: f"Sending SUBACK to {CLIENT}" in broker.log, process)
                    send(broker, expected[:1])
                wait_for(partial(has_committed, file, stop), process)
                time.sleep(chance.uniform(0, COMMITS_SECONDS))
            finally:
                with suppress(ProcessLookupError):
                    process.kill()
                process.wait()
            if stop == 0:
                send(broker, expected[1:])
        again = broker.log.count(f"Sending PUBLISH to {CLIENT} (d1")
    assert read(file)[0] == expected
    assert again >= KILLS, "no kill fell between a commit and its acknowledgement"
