"""What tests of every kind need."""

import asyncio
import gc
import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import uvloop
from hypothesis import settings

from simulators import broker as simulator
from simulators import ports
from simulators.erp_process import ErpProcess
from tests.gateway import Gateway, Scanner

# A deadline is for what hangs: a busy machine may take a hundred times as long as usual.
settings.register_profile(
    "quick",
    max_examples=200,
    deadline=timedelta(seconds=5),
    # What a change must pass tries the same examples each time, whoever else finds others.
    derandomize="CI" in os.environ,
    print_blob=True,
)
# What `make properties` tries; a failure is repeated by its seed, not from a database.
settings.register_profile(
    "thorough",
    settings.get_profile("quick"),
    max_examples=10_000,
    database=None,
    derandomize=False,
)
settings.load_profile("quick")


def pytest_configure(config: pytest.Config) -> None:
    """Collect garbage less often where examples are many: each makes much, and keeps little."""
    if config.getoption("hypothesis_profile") == "thorough":
        gc.set_threshold(50_000)


def pytest_report_header(config: pytest.Config) -> str:
    """Say on how many examples properties are tried, and how to repeat that."""
    assert settings.default is not None
    drawn = "none, always the same" if settings.default.derandomize else "at random"
    seed = config.getoption("hypothesis_seed") or drawn
    return f"properties: {settings.default.max_examples:,} examples each, seed: {seed}"


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Let a test run on uvloop, too: `mark.asyncio(loop_factories=["asyncio", "uvloop"])`."""
    factories = {"asyncio": asyncio.new_event_loop}
    marker = item.get_closest_marker("asyncio")
    if marker is not None and "loop_factories" in marker.kwargs:
        factories["uvloop"] = uvloop.new_event_loop
    return factories


@pytest.fixture
def free_port() -> int:
    """Return a loopback TCP port that nothing listens on."""
    return ports.free_port()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[simulator.Broker]:
    """Run a real mosquitto with state of its own; it is stopped after the test."""
    with simulator.Broker(tmp_path / "broker") as running:
        yield running


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[ErpProcess]:
    """Run the simulated ERP with a book of its own; it is stopped after the test."""
    with ErpProcess(tmp_path / "erp") as running:
        yield running


@pytest.fixture
def gateway(tmp_path: Path, broker: simulator.Broker, erp: ErpProcess) -> Iterator[Gateway]:
    """Run the real daemon between the broker and the ERP; it is killed after the test."""
    with Gateway(tmp_path, broker, erp) as running:
        yield running


@pytest.fixture
def scanner(broker: simulator.Broker) -> Iterator[Scanner]:
    """Connect a scanner to the broker."""
    with Scanner(broker) as connected:
        yield connected
