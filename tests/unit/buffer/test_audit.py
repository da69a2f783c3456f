"""The audit log tells who did what, and shows that it was tampered with."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from buffer import audit
from buffer.audit import AuditRow, Chain
from buffer.opening import open_for_writing


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_for_writing(tmp_path / "milepost.db")) as opened:
        for number in range(1, 6):
            audit.append(opened, 1000 + number, "anna", "outbox.retry", {"entries": [number]})
        yield opened


def rows(connection: sqlite3.Connection) -> list[AuditRow]:
    return [AuditRow(*row) for row in connection.execute(audit.SQL["audited"], (0, 100))]


def first_bad(rows: list[AuditRow]) -> int | None:
    chain = Chain()
    return next((row.seq for row in rows if chain.follow(row) is not None), None)


def tamper(connection: sqlite3.Connection, statement: str) -> None:
    """Do what only somebody who wants to can do: the triggers are in the way of mistakes."""
    connection.execute("DROP TRIGGER audit_keeps_what_it_has")
    connection.execute("DROP TRIGGER audit_forgets_nothing")
    assert connection.execute(statement).rowcount == 1


def test_an_act_is_recorded_with_who_when_and_what(connection: sqlite3.Connection) -> None:
    row = rows(connection)[1]
    assert row[:5] == (2, 1002, "anna", "outbox.retry", '{"entries":[2]}')


def test_the_chain_of_an_untouched_log_holds_and_ends_in_its_head(
    connection: sqlite3.Connection,
) -> None:
    chain = Chain()
    assert [chain.follow(row) for row in rows(connection)] == [None] * 5
    assert (chain.length, chain.head) == (5, rows(connection)[-1].hash)


@pytest.mark.parametrize("column", ["at", "who", "act", "detail", "previous", "hash"])
def test_a_changed_row_is_named(connection: sqlite3.Connection, column: str) -> None:
    new = {"at": "7", "previous": "zeroblob(32)", "hash": "zeroblob(32)"}.get(column, "'other'")
    tamper(connection, f"UPDATE audit SET {column} = {new} WHERE seq = 3")
    assert first_bad(rows(connection)) == 3


def test_a_changed_row_with_a_hash_made_to_fit_shows_in_the_next(
    connection: sqlite3.Connection,
) -> None:
    third = rows(connection)[2]
    forged = audit._digest(third.previous, 3, third.at, "bob", third.act, third.detail)
    tamper(connection, f"UPDATE audit SET who = 'bob', hash = x'{forged.hex()}' WHERE seq = 3")
    assert first_bad(rows(connection)) == 4


@pytest.mark.parametrize("seq", [1, 3])
def test_a_removed_row_shows_in_the_next(connection: sqlite3.Connection, seq: int) -> None:
    tamper(connection, f"DELETE FROM audit WHERE seq = {seq}")
    assert first_bad(rows(connection)) == seq + 1


def test_an_inserted_row_is_named(connection: sqlite3.Connection) -> None:
    tamper(connection, "UPDATE audit SET seq = 6 WHERE seq = 5")
    third, fourth = rows(connection)[2:4]
    forged = audit._digest(fourth.hash, 5, 1004, "eve", third.act, third.detail)
    connection.execute(
        audit.SQL["append_audited"],
        (5, 1004, "eve", third.act, third.detail, fourth.hash, forged),
    )
    assert first_bad(rows(connection)) == 6


def test_a_renumbered_row_shows(connection: sqlite3.Connection) -> None:
    fourth = rows(connection)[3]
    forged = audit._digest(fourth.hash, 9, 1005, "anna", "outbox.retry", '{"entries":[5]}')
    tamper(connection, f"UPDATE audit SET seq = 9, hash = x'{forged.hex()}' WHERE seq = 5")
    assert first_bad(rows(connection)) == 9


def test_a_tail_that_was_cut_off_shows_against_the_head_that_was_written_down(
    connection: sqlite3.Connection,
) -> None:
    head = rows(connection)[-1].hash
    tamper(connection, "DELETE FROM audit WHERE seq = 5")
    chain = Chain()
    assert [chain.follow(row) for row in rows(connection)] == [None] * 4
    assert chain.head != head


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET who = 'bob' WHERE seq = 2", "DELETE FROM audit WHERE seq = 2"]
)
def test_nothing_in_the_log_is_changed_or_removed_by_mistake(
    connection: sqlite3.Connection, statement: str
) -> None:
    before = rows(connection)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    assert rows(connection) == before
