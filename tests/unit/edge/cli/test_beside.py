"""A destination in shadow is sent the same, and is compared with the one that counts."""

import asyncio
import sqlite3
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from buffer import outbox
from buffer.outbox import Attempt, State
from buffer.store import Store
from edge.cli.app import app
from edge.config import ConfigurationFault, load
from tests.unit.buffer.rows import owe

ROOT = Path(__file__).parents[4]
BESIDE = """
[destinations.wms]
driver = "http"
url = "http://127.0.0.1:8081/milestones"
shadow_of = "erp"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "milepost.toml"
    text = (ROOT / "systemd" / "milepost.toml").read_text(encoding="utf-8")
    file.write_text(
        text.replace("/var/lib/milepost/milepost.db", str(tmp_path / "milepost.db")) + BESIDE
    )
    return file


def lived(path: Path, *states: tuple[State, State]) -> None:
    """Fill a store with milestones that stand so at the ERP and at the WMS."""

    async def live() -> None:
        store = Store.open(path)
        for number, of in enumerate(states, 1):
            await store.write(partial(owe, number=number, destinations=("erp", "wms")))
            for place, (destination, state) in enumerate(zip(("erp", "wms"), of, strict=True)):
                entry = 2 * number - 1 + place
                attempt = Attempt(entry, 1, 3000, 3001, "accepted", f"{destination} says so")
                settled: list[tuple[Attempt, State]] = (
                    [(attempt, state)] if state != "pending" else []
                )
                await store.write(partial(_settle, destination=destination, settled=settled))
        await store.close()

    asyncio.run(live())


def _settle(
    connection: sqlite3.Connection, *, destination: str, settled: list[tuple[Attempt, State]]
) -> None:
    outbox.settle(connection, destination, settled)


def compare(file: Path, *arguments: str) -> Result:
    command = ["outbox", "compare", *arguments, "--config", str(file)]
    return CliRunner().invoke(app, command, env={"COLUMNS": "200"})


def test_what_only_one_of_them_took_is_told(file: Path, tmp_path: Path) -> None:
    lived(
        tmp_path / "milepost.db",
        ("delivered", "delivered"),
        ("delivered", "dead"),
        ("dead", "delivered"),
        ("dead", "dead"),
        ("delivered", "pending"),
    )
    told = compare(file, "wms")
    header, counts, _, _, newest, oldest = told.output.splitlines()
    assert header.split() == ["milestone", "same", "only", "erp", "only", "wms", "waiting"]
    assert counts.split() == ["picked", "2", "1", "1", "1"]
    assert newest.split()[-6:] == ["unit:1", "dead", "delivered", "erp", "says", "so"]
    assert oldest.split()[-6:] == ["unit:1", "delivered", "dead", "wms", "says", "so"]
    assert told.exit_code == 1


def test_where_both_took_the_same_nothing_differs(file: Path, tmp_path: Path) -> None:
    lived(tmp_path / "milepost.db", ("delivered", "delivered"), ("dead", "dead"))
    told = compare(file, "wms")
    assert told.output.splitlines()[1:] == ["picked     2     0         0         0"]
    assert told.exit_code == 0


def test_only_a_destination_in_shadow_is_compared(file: Path, tmp_path: Path) -> None:
    lived(tmp_path / "milepost.db")
    told = compare(file, "erp")
    assert told.exit_code == 2
    assert "'erp' is no destination with `shadow_of`; there are wms" in told.output


@pytest.mark.parametrize("live", ["sap", "wms"])
def test_a_shadow_is_of_another_destination_that_counts(file: Path, live: str) -> None:
    text = file.read_text()
    line = text.splitlines().index('shadow_of = "erp"') + 1
    file.write_text(text.replace('shadow_of = "erp"', f'shadow_of = "{live}"'))
    with pytest.raises(ConfigurationFault, match=f"{line}: destinations.wms.shadow_of: no such"):
        load(file)
