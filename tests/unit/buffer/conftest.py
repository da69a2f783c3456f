"""A store in a folder of the test's own."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from buffer.opening import open_for_writing
from buffer.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "milepost.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    opened = Store.open(path)
    yield opened
    await opened.close()


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """Return a connection to a new store, in autocommit mode."""
    opened = open_for_writing(path)
    yield opened
    opened.close()
