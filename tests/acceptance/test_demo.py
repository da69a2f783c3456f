"""`milepost demo`, as a newcomer runs it."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.gateway import MILEPOST, until


@pytest.mark.slow
def test_demo_without_faults_ends_with_four_zeros() -> None:
    done = subprocess.run(
        [MILEPOST, "demo", "--seconds", "40", "--fault", "none", "--json", "--seed", "11"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    (line,) = done.stdout.splitlines()
    verdict = json.loads(line)
    assert done.returncode == 0, (line, done.stderr)
    assert verdict["expected"] == verdict["delivered"] > 0
    for fault in ("lost", "duplicated", "invented", "out_of_order"):
        assert verdict[fault] == 0


def _descendants(pid: int) -> set[int]:
    found: set[int] = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid:
            child = int(stat.parent.name)
            found |= {child} | _descendants(child)
    return found


@pytest.mark.parametrize("seconds", [0.0, 0.5, 6.0], ids=["at once", "starting", "playing"])
def test_ctrl_c_leaves_no_process_behind(seconds: float) -> None:
    with subprocess.Popen(
        [MILEPOST, "demo", "--seconds", "40"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as demo:
        # Broker, ERP, site and daemon.
        until(lambda: len(_descendants(demo.pid)) >= 4, "the processes of the demonstration run")
        time.sleep(seconds)
        children = _descendants(demo.pid)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 130
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
