"""A check finds what does not fit, and nothing where all is well."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from buffer.maintenance.checking import contradictions, damage
from buffer.maintenance.measuring import measure
from buffer.opening import read_only
from tests.unit.buffer.damage import PAGE, fill, overwrite, pages_of


@pytest.mark.parametrize(
    ("spoil", "finding"),
    [
        ("UPDATE tally SET n = n + 1 WHERE name = 'signals'", "tally signals says 1001, there are"),
        ("DELETE FROM tally WHERE name = 'gaps'", "tally gaps says 0, there are 30"),
        ("INSERT INTO tally VALUES ('entries/tms/dead', 2)", "tally entries/tms/dead says 2"),
        ("DELETE FROM evidence", None),
        ("DELETE FROM milestone WHERE seq = 7", "entries without their milestone: 2"),
        ("DELETE FROM entry WHERE seq = 7", "attempts without their entry: 2"),
        ("DELETE FROM journal WHERE seq = 10", "rows of the quarantine without their signal: 1"),
    ],
)
def test_rows_that_do_not_fit_each_other_are_found(
    path: Path, spoil: str, finding: str | None
) -> None:
    fill(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        assert list(contradictions(connection)) == []
        connection.execute(spoil)
        found = list(contradictions(connection))
    assert bool(found) is (finding is not None)
    assert finding is None or any(finding in each for each in found), found


def test_damage_is_found_also_where_no_row_is_read(path: Path) -> None:
    fill(path)
    index = next(page for page in pages_of(path)["entry_milestone"] if page[1] == "leaf")
    overwrite(path, index[0], os.urandom(PAGE))
    with closing(sqlite3.connect(read_only(path), uri=True)) as connection:
        assert list(damage(connection)) != []


def test_measures_are_those_of_the_file(path: Path) -> None:
    before = fill(path)
    measures = measure(path)
    assert measures.size == path.stat().st_size == measures.used + measures.free
    assert {name: measures.tables[name].rows for name in before} == {
        name: len(rows) for name, rows in before.items()
    }
    assert 0 < sum(table.bytes or 0 for table in measures.tables.values()) < measures.used
    pending = [row for row in before["entry"] if row[5] == "pending"]
    assert measures.backlogs["erp"] == {"normal": len([r for r in pending if r[1] == "erp"])}
    assert measures.backlogs["wms"] == {"bulk": len([r for r in pending if r[1] == "wms"])}
