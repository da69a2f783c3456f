"""What was undelivered in a store that went corrupt is delivered after all."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from buffer.opening import read_only
from simulators.broker import Broker
from simulators.erp_process import ErpProcess
from tests.gateway import Gateway, Scanner, until

UNITS = [f"U{number:03}" for number in range(60)]


@pytest.fixture
def erp(tmp_path: Path) -> Iterator[ErpProcess]:
    (tmp_path / "erp").mkdir()
    with ErpProcess(tmp_path / "erp") as process:
        yield process


@pytest.fixture
def gateway(tmp_path: Path, erp: ErpProcess) -> Iterator[Gateway]:
    """A gateway that was told of all units while the ERP was away, and was stopped then."""
    with ExitStack() as stack:
        broker = stack.enter_context(Broker(tmp_path / "broker"))
        gateway = stack.enter_context(Gateway(tmp_path, broker, erp))
        scanner = stack.enter_context(Scanner(broker))
        erp.stop()
        for unit in UNITS:
            scanner.scan("dock", unit)
        until(lambda: gateway.report().facts.signals == len(UNITS), "all are committed")
        yield gateway


def overwrite_leaf(store: Path, table: str) -> None:
    """Spoil a page in the middle of a table."""
    with closing(sqlite3.connect(store)) as connection:
        pages = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'", (table,)
        ).fetchall()
    with store.open("r+b") as file:
        file.seek((pages[len(pages) // 2][0] - 1) * 8192)
        file.write(b"\xff" * 8192)


def test_a_recovery_with_the_daemon_running_delivers_what_only_the_corrupt_store_had(
    gateway: Gateway, erp: ErpProcess
) -> None:
    """A corrupt buffer stopped the start until somebody deleted it, with all that it held.

    At vectordotdev/vector#17644 and influxdata/telegraf#18528.
    """
    gateway.terminate()
    overwrite_leaf(gateway.store, "entry_milestone")
    overwrite_leaf(gateway.store, "signal_key")
    gateway.start()
    assert gateway.report().facts.signals == 0
    erp.start()
    done = gateway.command("store", "recover")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(rf"^milestone: {len(UNITS)} brought over$", done.stdout, re.MULTILINE)
    until(lambda: len(erp.book()) == len(UNITS), "all are delivered")
    assert sorted(b.body["epcList"][0].rsplit("/", 1)[-1] for b in erp.book()) == UNITS
    until(lambda: gateway.report().facts.backlogs[0].pending == 0, "and settled")
    assert gateway.report().facts.set_aside == ()
    check = gateway.command("store", "check")
    assert (check.returncode, check.stdout) == (0, f"{gateway.store}: whole\n")
    again = gateway.command("store", "recover")
    assert (again.returncode, again.stdout) == (1, "")
    assert "nothing is set aside" in again.stderr


def test_a_stopped_gateway_is_measured_backed_up_and_goes_on_from_the_backup(
    gateway: Gateway, erp: ErpProcess, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    assert gateway.command("store", "backup", str(backup)).returncode == 0
    gateway.terminate()
    stats = json.loads(gateway.command("store", "stats", "--json").stdout)
    assert stats["tables"]["journal"]["rows"] == len(UNITS)
    assert stats["backlogs"] == {"erp": {"normal": len(UNITS)}}
    for ending in ("-wal", "-shm"):
        Path(f"{gateway.store}{ending}").unlink(missing_ok=True)
    backup.rename(gateway.store)
    erp.start()
    gateway.start()
    until(lambda: len(erp.book()) == len(UNITS), "all are delivered")


def test_a_check_names_the_faults_and_exits_1(gateway: Gateway) -> None:
    """A corrupt buffer that stops the start passed the check at vectordotdev/vector#20561."""
    gateway.terminate()
    with closing(sqlite3.connect(gateway.store, isolation_level=None)) as connection:
        connection.execute("DELETE FROM milestone WHERE seq = 1")
    done = gateway.command("store", "check")
    assert done.returncode == 1
    assert f"{gateway.store}: entries without their milestone: 1\n" in done.stdout
    with closing(sqlite3.connect(read_only(gateway.store), uri=True)) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone() == (len(UNITS),)
