"""A gateway with an empty store."""

import pytest

from buffer.reader import Reader
from buffer.store import Store
from edge.deliver import concurrency, governor
from tests.unit.edge.deliver.gateway import Gateway


@pytest.fixture
def gateway(store: Store, reader: Reader, logs: object) -> Gateway:
    del logs  # captured, since faults of drivers are logged at length
    return Gateway(store, reader)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the limit of requests grow with each answer, however long that takes."""
    monkeypatch.setattr(concurrency, "PERIOD_SECONDS", 0.0)
    monkeypatch.setattr(concurrency, "JITTER_SECONDS", 1000.0)
    monkeypatch.setattr(governor, "CRITICAL_SECONDS", 0.0)
