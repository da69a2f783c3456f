"""What tests of every kind need."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from simulators import broker as simulator
from simulators import ports
from simulators.erp_process import ErpProcess
from tests.gateway import Gateway, Scanner


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
