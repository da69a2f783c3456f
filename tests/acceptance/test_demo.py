"""`milepost demo`, as a newcomer runs it."""

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge.demo import FAULTS
from edge.demo.running import LACKING
from tests.gateway import MILEPOST, until


def _play(fault: str) -> tuple[str, int, str]:
    """Run the demonstration with a fault; return its exit code and what it said."""
    options = ["--seconds", "45", "--fault", fault, "--json", "--seed", "11"]
    done = subprocess.run(
        [MILEPOST, "demo", *options], capture_output=True, text=True, timeout=150, check=False
    )
    return fault, done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_whatever_goes_wrong_the_book_says_in_the_end_what_happened() -> None:
    with ThreadPoolExecutor(2) as pairs:
        played = list(pairs.map(_play, FAULTS))
    for fault, code, said in played:
        sys.stdout.write(f"{fault} {code} {said.strip()}\n")
    assert [fault for fault, code, _ in played if code not in (0, LACKING)] == []
    verdicts = [json.loads(said) for _, code, said in played if code == 0]
    assert all(each["expected"] == each["delivered"] > 0 for each in verdicts)


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
    # Whoever runs the tests in the background may have them ignore SIGINT.
    heeding = ["env", "--default-signal=INT", str(MILEPOST)]
    with subprocess.Popen(
        [*heeding, "demo", "--seconds", "40"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as demo:
        # Broker, ERP, site and daemon.
        until(lambda: len(_descendants(demo.pid)) >= 4, "the processes of the demonstration run")
        time.sleep(seconds)
        children = _descendants(demo.pid)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 130
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
