"""A store of an earlier version becomes one of today with all that it holds, whatever happens."""

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from buffer import migrating
from buffer.failures import StoreRefused
from buffer.lane import Lane
from buffer.migrating import schema_versions
from buffer.opening import open_for_writing
from buffer.reader import Reader
from buffer.store import Store

KEPT = Path(__file__).parents[2] / "stores"
NEWEST = schema_versions()[-1][0]


@pytest.fixture
def old(path: Path) -> Path:
    """Return a store as version 1 has left it."""
    shutil.copy(KEPT / "0001.db", path)
    return path


def rows(path: Path, statement: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


UNCHANGED = {
    "journal": "SELECT * FROM journal ORDER BY seq",
    "bookmark": "SELECT * FROM bookmark ORDER BY source, name",
    "gap": "SELECT seq, source, subject, noticed_at, reason, missed FROM gap ORDER BY seq",
    "quarantine": "SELECT seq, signal, reason, recorded_at FROM quarantine ORDER BY seq",
    "track": "SELECT owner, key, state, due_at FROM track ORDER BY owner, key",
    "milestone": "SELECT seq, id, name, rule, key, occurred_at, recorded_at, mark, retracts, body "
    "FROM milestone ORDER BY seq",
    "signal_key": "SELECT * FROM signal_key ORDER BY key, signal",
    "milestone_key": "SELECT * FROM milestone_key ORDER BY key, milestone",
    "entry": "SELECT seq, destination, milestone, key, state, attempts, unsure, outcome, "
    "settled_at FROM entry ORDER BY seq",
    "attempt": "SELECT * FROM attempt ORDER BY entry, number",
    "tally": "SELECT name, n FROM tally ORDER BY name",
    "heartbeat": "SELECT started_at, alive_at FROM heartbeat",
}
EVIDENCE_OF_1 = (
    "SELECT m.seq, each.value FROM milestone AS m, json_each(CAST(m.evidence AS TEXT)) AS each "
    "ORDER BY m.seq, each.value"
)
EVIDENCE = "SELECT milestone, signal FROM evidence ORDER BY milestone, signal"


def contents(path: Path) -> dict[str, list[Any]]:
    return {table: rows(path, statement) for table, statement in UNCHANGED.items()}


def test_everything_is_there_after_the_migration(old: Path) -> None:
    before, evidence = contents(old), rows(old, EVIDENCE_OF_1)
    assert {
        table: len(found) for table, found in before.items() if table in ("entry", "track")
    } == {
        "entry": 86,
        "track": 149,
    }
    assert evidence
    open_for_writing(old).close()
    assert rows(old, "PRAGMA user_version") == [(NEWEST,)]
    assert contents(old) == before
    assert rows(old, EVIDENCE) == evidence
    assert rows(old, "PRAGMA integrity_check") == [("ok",)]


def test_a_migrated_store_is_built_as_a_fresh_one(old: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh.db"
    open_for_writing(fresh).close()
    open_for_writing(old).close()
    columns = (
        "SELECT t.name, c.name, c.type, c.[notnull], c.dflt_value, c.pk "
        "FROM sqlite_schema AS t, pragma_table_info(t.name) AS c ORDER BY t.name, c.cid"
    )
    indexes = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE type != 'table' ORDER BY 2"
    assert rows(old, columns) == rows(fresh, columns)
    assert rows(old, indexes) == rows(fresh, indexes)


async def test_what_was_owed_is_delivered_on_from_where_it_stood(old: Path) -> None:
    store = Store.open(old)
    assert not store.stopped_cleanly  # version 1 did not tell
    async with Reader.open(old) as reader:
        entries = {state: await reader.entries(None, state, 999) for state in ("pending", "dead")}
        (destination,) = {entry.destination for entry in entries["pending"]}
        pending = await reader.pending(destination, Lane.NORMAL, 0, 999)
        assert [row.seq for row in pending] == [row.seq for row in entries["pending"]]
        assert (len(pending), len(entries["dead"])) == (23, 3)
        held = await reader.dead_keys(destination)
        assert held == {entry.key for entry in entries["dead"]}
        assert len([row for row in pending if row.key in held]) == 3
    await store.close()


def test_a_sequence_that_was_given_is_not_given_again(old: Path) -> None:
    tables = ("milestone", "entry", "quarantine")
    last = {table: rows(old, f"SELECT max(seq) FROM {table}")[0][0] for table in tables}
    open_for_writing(old).close()
    for table in tables:
        assert rows(old, f"SELECT seq FROM sqlite_sequence WHERE name = '{table}'") == [
            (last[table],)
        ]


def statements() -> int:
    return len(migrating._split(schema_versions()[1][1]))


@pytest.mark.parametrize("done", [0, 1, statements() // 2, statements() - 1, statements()])
def test_a_kill_in_the_middle_leaves_the_version_before_and_the_next_start_migrates(
    old: Path, done: int
) -> None:
    before, evidence = contents(old), rows(old, EVIDENCE_OF_1)
    command = [sys.executable, "-m", "tests.unit.buffer.migrating_and_dying", str(old), str(done)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert rows(old, "PRAGMA user_version") == [(1,)]
    assert contents(old) == before
    assert rows(old, EVIDENCE_OF_1) == evidence
    open_for_writing(old).close()
    assert contents(old) == before
    assert rows(old, EVIDENCE) == evidence


def test_a_step_that_fails_leaves_the_version_before(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(old)
    split = migrating._split
    monkeypatch.setattr(migrating, "_split", lambda script: [*split(script), "SELECT no_such()"])
    with pytest.raises(StoreRefused, match="no_such"):
        open_for_writing(old)
    monkeypatch.undo()
    assert rows(old, "PRAGMA user_version") == [(1,)]
    assert contents(old) == before


LARGE = """
WITH RECURSIVE n (n) AS (SELECT 1000 UNION ALL SELECT n + 1 FROM n LIMIT 60000)
INSERT INTO milestone SELECT n, randomblob(16), 'picked', 'rule', 'unit:' || n, 0, 0, 'in_order',
    NULL, CAST('[' || n || ']' AS BLOB), randomblob(1500) FROM n;
INSERT INTO entry (seq, destination, milestone, key, state)
    SELECT seq, 'erp', seq, key, 'pending' FROM milestone WHERE seq >= 1000;
INSERT INTO track SELECT 'rule', key, randomblob(300), NULL FROM milestone WHERE seq >= 1000;
INSERT INTO signal_key SELECT key, seq FROM milestone WHERE seq >= 1000;
"""


def test_a_large_store_is_migrated_in_little_memory(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(LARGE)
    size = old.stat().st_size
    assert size > 100_000_000
    code = (
        "import resource, sys; from pathlib import Path; from buffer.opening import *\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024\n"
        "before = used(); open_for_writing(Path(sys.argv[1])).close(); print(used() - before)"
    )
    command = [sys.executable, "-c", code, str(old)]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < 60_000_000, f"{grown} bytes of memory for a store of {size}"
