"""What is owed, and how each attempt to give it ended."""

import sqlite3
from typing import Any

import pytest

from buffer import decisions, outbox, tally
from buffer.lane import Lane
from buffer.outbox import Attempt, PendingEntry
from buffer.statements import statements
from tests.unit.buffer.rows import milestone, owe, settle

SQL = statements("outbox")


def tallies(connection: sqlite3.Connection) -> dict[str, int]:
    return {name: n for name, n in connection.execute("SELECT name, n FROM tally") if n}


def pending(
    connection: sqlite3.Connection, after: int = 0, lane: Lane = Lane.NORMAL
) -> list[PendingEntry]:
    rows = connection.execute(SQL["pending"], ("erp", lane, after, 100))
    return [PendingEntry(*row) for row in rows]


def pending_of_key(connection: sqlite3.Connection, key: str = "unit:1") -> list[int]:
    return [row[0] for row in connection.execute(SQL["pending_of_key"], (key, "erp", 0, 100))]


_OF_KEY = ("unit:1", "erp", 0, 100)


def rows(connection: sqlite3.Connection) -> list[str]:
    """Return all that is stored; which sequences were given does not count."""
    return [line for line in connection.iterdump() if "sqlite_sequence" not in line]


def entry(connection: sqlite3.Connection, seq: int, *columns: str) -> tuple[Any, ...]:
    statement = f"SELECT {', '.join(columns)} FROM entry WHERE seq = ?"
    row: tuple[Any, ...] = connection.execute(statement, (seq,)).fetchone()
    return row


def test_a_milestone_is_owed_to_each_destination_with_its_event(
    connection: sqlite3.Connection,
) -> None:
    assert owe(connection, 7, "unit:1", ("erp", "wms"))
    row = milestone(7, "unit:1")
    assert pending(connection) == [
        PendingEntry(
            1,
            "unit:1",
            0,
            False,
            row.id,
            "picked",
            row.occurred_at,
            row.recorded_at,
            row.body,
            Lane.NORMAL,
            1,
        )
    ]
    assert tallies(connection) == {
        "milestones/picked": 1,
        "entries/erp/pending": 1,
        "entries/wms/pending": 1,
    }


def test_a_retraction_is_pending_with_the_id_of_what_it_retracts(
    connection: sqlite3.Connection,
) -> None:
    wrong = milestone(1)
    for each in (wrong, milestone(2)._replace(retracts=wrong.id)):
        outbox.append(connection, each, [each.key], [], {"erp": Lane.NORMAL})
    found = [PendingEntry(*row) for row in connection.execute(SQL["pending_of_key"], _OF_KEY)]
    assert [each.retracts for each in found] == [None, wrong.id]
    assert pending(connection) == found


def test_a_fact_said_again_adds_nothing(connection: sqlite3.Connection) -> None:
    assert owe(connection, 7)
    before = rows(connection)
    assert not owe(connection, 7)
    assert not owe(connection, 7, "unit:2", ("wms",))
    assert rows(connection) == before


def test_a_milestone_that_nobody_is_owed_is_kept(connection: sqlite3.Connection) -> None:
    assert owe(connection, 7, destinations=())
    assert tallies(connection) == {"milestones/picked": 1}


def test_every_attempt_is_kept_and_the_last_one_shows(connection: sqlite3.Connection) -> None:
    owe(connection, 1)
    settle(connection, 1, "pending", 1, "retry")
    assert entry(connection, 1, "state", "attempts", "outcome", "settled_at") == (
        "pending", 1, "retry 1", None,
    )  # fmt: skip
    settle(connection, 1, "delivered", 2)
    assert entry(connection, 1, "state", "attempts", "outcome", "settled_at") == (
        "delivered", 2, "accepted 2", 3002,
    )  # fmt: skip
    attempts = connection.execute(SQL["attempts_of_entry"], (1,)).fetchall()
    assert attempts == [
        (1, 3000, 3001, "retry", "retry 1"),
        (2, 3000, 3002, "accepted", "accepted 2"),
    ]
    assert tallies(connection) == {"milestones/picked": 1, "entries/erp/delivered": 1}


def test_of_an_entry_that_is_tried_for_days_the_first_attempts_and_the_last_are_kept(
    connection: sqlite3.Connection,
) -> None:
    owe(connection, 1)
    owe(connection, 2, "unit:2")
    settle(connection, 2, "pending", 1, "retry")
    for number in range(1, 100):
        settle(connection, 1, "pending", number, "retry")
    settle(connection, 1, "delivered", 100)
    kept = [row[0] for row in connection.execute(SQL["attempts_of_entry"], (1,))]
    assert kept == [
        *range(1, outbox.FIRST_ATTEMPTS + 1),
        *range(101 - outbox.LAST_ATTEMPTS, 101),
    ]
    assert entry(connection, 1, "attempts") == (100,)
    assert len(connection.execute(SQL["attempts_of_entry"], (2,)).fetchall()) == 1


def test_an_entry_that_may_have_arrived_stays_so_until_it_is_settled(
    connection: sqlite3.Connection,
) -> None:
    owe(connection, 1)
    settle(connection, 1, "pending", 1, "retry")
    assert [row.unsure for row in pending(connection)] == [False]
    settle(connection, 1, "pending", 2, "unknown")
    settle(connection, 1, "pending", 3, "retry")
    assert [bool(row.unsure) for row in pending(connection)] == [True]


def test_attempts_of_one_entry_may_be_settled_together_in_their_order(
    connection: sqlite3.Connection,
) -> None:
    owe(connection, 1)
    owe(connection, 2, "unit:2")
    ends: list[tuple[Attempt, outbox.State]] = [
        (Attempt(1, 1, 3000, 3001, "unknown", "silence"), "pending"),
        (Attempt(2, 1, 3000, 3001, "retry", 'says "later"'), "pending"),
        (Attempt(1, 2, 3002, 3003, "retry", "busy"), "pending"),
    ]
    outbox.settle(connection, "erp", ends)
    assert [(row.seq, row.attempts, bool(row.unsure)) for row in pending(connection)] == [
        (1, 2, True),
        (2, 1, False),
    ]
    assert entry(connection, 1, "outcome", "settled_at") == ("busy", None)
    assert entry(connection, 2, "outcome", "settled_at") == ('says "later"', None)
    ends = [
        (Attempt(1, 3, 3004, 3005, "retry", "busy still"), "pending"),
        (Attempt(1, 4, 3006, 3007, "accepted", "booked"), "delivered"),
        (Attempt(1, 5, 3008, 3009, "retry", "come late"), "pending"),
    ]
    outbox.settle(connection, "erp", ends)
    assert entry(connection, 1, "state", "attempts", "outcome", "settled_at") == (
        "delivered", 5, "booked", 3007,
    )  # fmt: skip
    kept = connection.execute(SQL["attempts_of_entry"], (1,)).fetchall()
    assert [row[0] for row in kept] == [1, 2, 3, 4, 5]
    assert tallies(connection) == {
        "milestones/picked": 2, "entries/erp/delivered": 1, "entries/erp/pending": 1,
    }  # fmt: skip


def test_an_entry_that_was_discarded_and_has_arrived_is_told_with_its_last_attempt(
    connection: sqlite3.Connection,
) -> None:
    owe(connection, 1)
    decisions.discard(connection, [1], "gone", 3000)
    ends: list[tuple[Attempt, outbox.State]] = [
        (Attempt(1, 1, 3000, 3001, "retry", "in halves"), "pending"),
        (Attempt(1, 2, 3002, 3003, "accepted", "booked"), "delivered"),
    ]
    outbox.settle(connection, "erp", ends)
    assert entry(connection, 1, "state", "attempts", "outcome") == ("delivered", 2, "booked")


def test_each_lane_is_a_queue_of_its_own_and_a_key_s_entries_are_found_over_all_of_them(
    connection: sqlite3.Connection,
) -> None:
    for number, lane in enumerate((Lane.BULK, Lane.CRITICAL, Lane.NORMAL, Lane.BULK), 1):
        owe(connection, number, lane=lane)
    owe(connection, 5, "unit:2")
    assert [row.seq for row in pending(connection, lane=Lane.CRITICAL)] == [2]
    assert [row.seq for row in pending(connection, lane=Lane.NORMAL)] == [3, 5]
    assert [row.seq for row in pending(connection, after=1, lane=Lane.BULK)] == [4]
    assert pending_of_key(connection) == [1, 2, 3, 4]
    settle(connection, 2, "delivered")
    assert pending_of_key(connection) == [1, 3, 4]


def test_a_milestone_that_mentions_a_key_is_not_of_that_key_s_queue(
    connection: sqlite3.Connection,
) -> None:
    row = milestone(1, "order:1")
    outbox.append(connection, row, ["order:1", "unit:1"], [], {"erp": Lane.NORMAL})
    assert pending_of_key(connection, "unit:1") == []
    assert pending_of_key(connection, "order:1") == [1]


def test_a_milestone_s_evidence_is_found_by_it_and_by_its_signals(
    connection: sqlite3.Connection,
) -> None:
    outbox.append(connection, milestone(1), ["unit:1"], [4, 2, 4], {})
    rows = connection.execute(SQL["evidence_of_milestone"], (1,)).fetchall()
    assert rows == [(2,), (4,)]


def test_a_dead_letter_that_is_sent_again_comes_before_what_waits_behind_it(
    connection: sqlite3.Connection,
) -> None:
    for number in (1, 2, 3):
        owe(connection, number)
    settle(connection, 1, "dead", 1, "rejected")
    assert connection.execute(SQL["dead_keys"], ("erp",)).fetchall() == [("unit:1",)]
    assert pending_of_key(connection) == [2, 3]
    assert decisions.retry(connection, [1]).entries == (1,)
    assert pending_of_key(connection) == [1, 2, 3]
    assert entry(connection, 1, "state", "attempts", "settled_at") == ("pending", 1, None)
    assert tallies(connection) == {"milestones/picked": 3, "entries/erp/pending": 3}


def test_a_discarded_dead_letter_says_why(connection: sqlite3.Connection) -> None:
    owe(connection, 1)
    settle(connection, 1, "dead", 1, "rejected")
    assert decisions.discard(connection, [1], "booked by hand", 9000).entries == (1,)
    assert entry(connection, 1, "state", "outcome", "settled_at") == (
        "discarded", "booked by hand", 9000,
    )  # fmt: skip
    assert tallies(connection) == {"milestones/picked": 1, "entries/erp/discarded": 1}


@pytest.mark.parametrize("state", ["delivered", "discarded", None])
def test_what_is_settled_or_not_there_is_neither_retried_nor_discarded(
    connection: sqlite3.Connection, state: outbox.State | None
) -> None:
    if state is not None:
        owe(connection, 1)
        settle(connection, 1, state)
    before = list(connection.iterdump())
    assert decisions.retry(connection, [1]).entries == ()
    assert decisions.discard(connection, [1], "why", 9000).entries == ()
    assert list(connection.iterdump()) == before


def test_counts_add_up_and_a_heartbeat_is_the_last_one(connection: sqlite3.Connection) -> None:
    tally.count(connection, {"a": 2, "b": 0})
    tally.count(connection, {"a": -1, "c": 5})
    assert tallies(connection) == {"a": 1, "c": 5}
    tally.beat(connection, 1, 2)
    tally.beat(connection, 3, 4)
    assert connection.execute("SELECT started_at, alive_at FROM heartbeat").fetchall() == [(3, 4)]
