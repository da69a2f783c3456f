"""The command line over the store of a gateway that does not run."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from buffer import audit, journal, outbox
from buffer.lane import Lane
from buffer.store import Store
from edge.cli.app import app
from tests.gateway import CONFIGURATION
from tests.unit.buffer.rows import milestone, settle, signal

Command = Callable[..., Result]


def _fill(connection: sqlite3.Connection) -> None:
    """Make entry 1 a delivered one, 2 a dead letter and 3 pending; a signal, a loss and an act."""
    journal.append(connection, [signal(1)])
    journal.quarantine(connection, [(1, "not JSON", 1_772_352_000_000)])
    gap = journal.GapRow("floor", "scan/dock", 1_772_352_000_000, "the ring ran over", 3)
    journal.append_gaps(connection, [gap])
    for number, key in enumerate(("unit:F-1", "unit:F-2", "unit:F-3"), 1):
        row = milestone(number, key)
        row = row._replace(id=row.occurred_at.to_bytes(6) + bytes(10))
        outbox.append(connection, row, [key], [1], {"erp": Lane.NORMAL})
    settle(connection, 1, "delivered")
    settle(connection, 2, "dead", verdict="rejected")
    audit.append(connection, 1_772_352_000_000, "root", "outbox.retry", {"entries": "2"})


@pytest.fixture
def milepost(tmp_path: Path) -> Command:
    """Return what runs a command with the configuration of that gateway."""
    config = tmp_path / "milepost.toml"
    config.write_text(
        CONFIGURATION.format(
            directory=tmp_path, mqtt_port=1, url="http://127.0.0.1:2", look_up="http://127.0.0.1:2"
        ).replace('look_up = "http://127.0.0.1:2"\n', "")
    )

    async def make() -> None:
        store = Store.open(tmp_path / "milepost.db")
        await store.write(_fill)
        await store.close()

    asyncio.run(make())

    def run(*arguments: str) -> Result:
        return CliRunner(env={"MILEPOST_CONFIG": str(config)}).invoke(app, arguments)

    return run
