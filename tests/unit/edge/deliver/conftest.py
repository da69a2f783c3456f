"""A gateway with an empty store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from buffer.reader import Reader
from buffer.store import Store
from tests.unit.edge.deliver.gateway import Gateway


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    store = Store.open(tmp_path / "milepost.db")
    async with Reader.open(store.path) as reader:
        yield Gateway(store, reader)
    await store.close()
