"""What the tests of this driver send, and to whom."""

from collections.abc import AsyncIterator

import pytest

from drivers.contract import Entry
from tests.unit.drivers.http.raw_server import RawServer, serving


@pytest.fixture
def entry() -> Entry:
    return Entry(
        id="019590f1a07d7000a1b2c3d4e5f60718",
        key="unit:340000000000000017",
        name="departed",
        occurred_at=1_772_352_000_125,
        site="https://dc-north.example",
        body=b'{"type": "AggregationEvent",  "eventTime": "2026-03-01T08:00:00.125Z"}',
        attempt=1,
    )


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    async with serving() as raw:
        yield raw
