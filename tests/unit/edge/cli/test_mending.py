"""What cannot be read is told in words and is no fault of the store; what is lost is kept."""

import re
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from buffer.maintenance.recovery import Recovered
from buffer.maintenance.salvage import Stretch
from buffer.opening import open_for_writing
from buffer.store import Store
from edge.cli.mending import back_up_store, check_store, recover_stores, show_stats, told
from edge.cli.reaching import NOTHING_DONE
from edge.config import Configuration, load
from edge.exits import Exit
from tests.accounts import somebody, takes_root

Command = Callable[[Configuration, Path], int]
COMMANDS: tuple[Command, ...] = (
    lambda configuration, _: show_stats(configuration, as_json=False),
    lambda configuration, _: check_store(configuration),
    lambda configuration, directory: back_up_store(configuration, directory / "backup.db"),
    lambda configuration, _: recover_stores(configuration, None),
)
every_command = pytest.mark.parametrize(
    "command", COMMANDS, ids=["stats", "check", "backup", "recover"]
)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    file = tmp_path / "milepost.toml"
    file.write_text(f"""
        sources = {{}}
        destinations = {{}}
        site = {{ name = "x", uri = "https://x.example" }}
        store = {{ path = "{tmp_path}/store/milepost.db" }}
        control = {{ socket = "{tmp_path}/control.sock" }}
    """)
    return load(file)


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that was said."""
    said = capsys.readouterr()
    assert said.out == ""
    (line,) = said.err.splitlines()
    return line


@every_command
def test_no_store_where_the_configuration_says(
    configuration: Configuration,
    command: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command(configuration, tmp_path) == Exit.STORE_REFUSED
    assert "cannot be read (No such file or directory); check [store] path" in refused(capsys)


@takes_root
@every_command
def test_no_access_to_the_store(
    configuration: Configuration,
    command: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    configuration.store.path.parent.mkdir()
    open_for_writing(configuration.store.path).close()
    with somebody():
        status = command(configuration, tmp_path)
    assert status == Exit.STORE_REFUSED
    line = refused(capsys)
    assert line.startswith(f"{configuration.store.path}: cannot be read (Permission denied)")
    assert line.endswith("use sudo")


@every_command
def test_a_database_of_another_program(
    configuration: Configuration,
    command: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    configuration.store.path.parent.mkdir()
    with closing(sqlite3.connect(configuration.store.path)) as other:
        other.execute("CREATE TABLE theirs (a)")
    assert command(configuration, tmp_path) == Exit.STORE_REFUSED
    assert "a database of some other program" in refused(capsys)
    assert not (tmp_path / "backup.db").exists()


@every_command
def test_a_store_of_a_newer_milepost(
    configuration: Configuration,
    command: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    configuration.store.path.parent.mkdir()
    with closing(open_for_writing(configuration.store.path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    assert command(configuration, tmp_path) == Exit.STORE_REFUSED
    assert "written by a newer Milepost (store version 99" in refused(capsys)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: bytes(8192) + content[8192:],
        lambda content: b"SQLite format 3\0" + bytes([255]) * 8176 + content[8192:],
        lambda content: content[:5000],
    ],
    ids=["no first page", "a bad first page", "cut short"],
)
def test_a_check_calls_damage_a_fault_wherever_it_is(
    configuration: Configuration,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[bytes], bytes],
) -> None:
    path = configuration.store.path
    Store.open(path)._writer.close(is_clean=True)
    path.write_bytes(spoil(path.read_bytes()))
    assert check_store(configuration) == NOTHING_DONE
    assert re.fullmatch(r"\S+milepost\.db: \d+ faults?\n", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("recovered", "last"),
    [
        (Recovered(Path("d"), brought=Counter(journal=3)), "it can be removed"),
        (Recovered(Path("d"), lost={"journal": (Stretch(3, 5),)}), "keep it until"),
        (Recovered(Path("d"), invalid=Counter(entry=1)), "keep it until"),
        (Recovered(Path("d"), undeliverable=[("erp", "unit:1")]), "keep it until"),
        (Recovered(Path("d"), audit_records=2, audit_head="9a"), "as long as its audit log"),
    ],
)
def test_what_was_set_aside_is_only_called_superfluous_if_all_of_it_came_over(
    recovered: Recovered, last: str
) -> None:
    assert last in list(told(recovered))[-1]


def test_the_head_of_an_audit_log_that_stays_behind_is_told() -> None:
    recovered = Recovered(Path("d"), audit_records=2, audit_head="9a")
    assert "audit: 2 records stay where they are; head 9a" in list(told(recovered))
