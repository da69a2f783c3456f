"""What tests of every kind need."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators import broker as simulator
from simulators.erp_process import ErpProcess


@pytest.fixture
def free_port() -> int:
    """Return a loopback TCP port that nothing listens on."""
    return simulator.free_port()


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
