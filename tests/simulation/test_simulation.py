"""In every simulated world the promises hold, whatever goes wrong in it."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from buffer.store import Store
from edge.daemon import Daemon
from edge.deliver.doubt import Doubt
from edge.ingest import Ingest
from tests.simulation.play import Place, play

ROOT = Path(__file__).parents[2]
SEEDS = int(os.environ.get("MILEPOST_SIMULATIONS", "2000"))
PROCESSES = 2
ENOUGH = 60
"""Seeds within which a gross fault of the daemon must show."""


def simulate(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "tests.simulation", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.timeout(900)
def test_whatever_goes_wrong_all_that_was_acknowledged_arrives_once_and_in_order() -> None:
    """MILEPOST_SIMULATIONS tells how many; what failed is replayed by the line that is printed."""
    running = [
        simulate("--seeds", str(SEEDS), "--first", str(first), "--every", str(PROCESSES))
        for first in range(PROCESSES)
    ]
    running.append(simulate("--kept"))
    told = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * len(running), "\n".join(told)


def test_a_seed_tells_the_same_story_in_every_process() -> None:
    many, few = (
        simulate("--digests", "--first", first, "--seeds", seeds)
        for first, seeds in (("0", "12"), ("6", "6"))
    )
    digests = [
        re.findall(r"^(\d+) ([0-9a-f]{32})$", process.communicate()[0], re.MULTILINE)
        for process in (many, few)
    ]
    assert len(digests[0]) == 12
    assert len(set(digests[0])) == 12
    assert digests[0][6:] == digests[1]


# ---- Without the code that keeps a promise, a simulation says so -----------------------------


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place()
    yield made
    made.close()


def broken_promises(place: Place) -> str:
    """Return what is wrong in the first of the worlds in which something is."""
    for seed in range(ENOUGH):
        result = play(seed, place)
        if result.violations:
            return "\n".join(result.violations)
    return ""


def hurry(self: Ingest, source: str, lane: Any, batch: Any) -> Any:
    """Hand a batch in, and do not wait until it is committed."""
    task = asyncio.ensure_future(take(self, source, lane, batch))
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return asyncio.sleep(0)


take = Ingest.take


@pytest.mark.parametrize(
    ("broken", "instead", "complaint"),
    [
        ((Ingest, "take"), hurry, "is lost|each once expected"),
        ((Doubt, "of"), lambda *_: False, "without asking what became of it"),
        ((Daemon, "_wake"), lambda _: None, "a fresh signal takes over"),
        ((Store, "stopped_cleanly"), property(lambda _: True, lambda *_: None), "without asking"),
    ],
    ids=["acknowledged before the commit", "not looked up", "not woken", "crash taken for a stop"],
)
def test_it_notices_what_is(
    place: Place,
    monkeypatch: pytest.MonkeyPatch,
    broken: tuple[type, str],
    instead: Callable[..., Any],
    complaint: str,
) -> None:
    monkeypatch.setattr(*broken, instead, raising=False)
    assert re.search(complaint, broken_promises(place))
