"""A gateway with an empty store."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from buffer.reader import Reader
from buffer.store import Store
from tests.unit.edge.deliver.gateway import Gateway


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    with capture_logs() as captured:
        yield captured


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    store = Store.open(tmp_path / "milepost.db")
    async with Reader.open(store.path) as reader:
        yield Gateway(store, reader)
    await store.close()
