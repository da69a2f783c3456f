"""An empty store, and what is logged."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from buffer.reader import Reader
from buffer.store import Store


@pytest.fixture
def logs() -> Iterator[list[EventDict]]:
    with capture_logs() as captured:
        yield captured


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = Store.open(tmp_path / "milepost.db")
    yield opened
    await opened.close()


@pytest.fixture
async def reader(store: Store) -> AsyncIterator[Reader]:
    async with Reader.open(store.path) as opened:
        yield opened
