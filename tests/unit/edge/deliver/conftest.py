"""A gateway with an empty store."""

import pytest

from buffer.reader import Reader
from buffer.store import Store
from tests.unit.edge.deliver.gateway import Gateway


@pytest.fixture
def gateway(store: Store, reader: Reader, logs: object) -> Gateway:
    del logs  # captured, since faults of drivers are logged at length
    return Gateway(store, reader)
