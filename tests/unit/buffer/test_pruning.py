"""A step of pruning costs what it is given, whatever the size of the store."""

import re
import sqlite3

import pytest

from buffer import journal, outbox, tally, tracks
from buffer.lane import Lane
from buffer.maintenance import pruning
from buffer.maintenance.checking import contradictions
from buffer.statements import statements
from tests.unit.buffer.rows import milestone, owe, settle, signal

SQL = statements("pruning")
OLD = pruning.Age(before=1_000_000, now=2_000_000)


@pytest.mark.parametrize("name", SQL)
def test_no_step_reads_more_of_a_table_than_it_takes(
    connection: sqlite3.Connection, name: str
) -> None:
    statement = SQL[name]
    numbered = re.findall(r"\?(\d)", statement)
    parameters = [0] * (max(map(int, numbered)) if numbered else statement.count("?"))
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert [step for step in plan if "SCAN" in step and "json_each" not in step] == []


def test_a_sequence_is_not_given_again_when_the_whole_journal_is_old(
    connection: sqlite3.Connection,
) -> None:
    journal.append(connection, [signal(seq) for seq in range(1, 51)])
    step = pruning.signals(connection, 0, OLD, 1000)
    assert (step.cursor, step.removed, step.spared) == (50, 49, 1)
    assert journal.next_sequence(connection) == 51
    journal.append(connection, [signal(51)])
    assert pruning.signals(connection, 0, OLD, 1000).removed == 1


def test_a_milestone_that_rests_on_thousands_of_signals_is_forgotten_in_many_steps(
    connection: sqlite3.Connection,
) -> None:
    connection.execute("BEGIN")
    outbox.append(connection, milestone(1), ["unit:1"], range(1, 9_000), {"erp": Lane.NORMAL})
    settle(connection, 1, "delivered")
    steps = 0
    while step := pruning.milestones(connection, 0, OLD, 100):
        assert step.rows <= 100 + 2
        if not step.rows:
            break
        steps += 1
    assert steps == 91
    for table in ("milestone", "entry", "attempt", "milestone_key", "evidence"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_what_was_recorded_by_a_fast_clock_is_kept_when_it_is_set_back(
    connection: sqlite3.Connection,
) -> None:
    ahead = [signal(seq)._replace(recorded_at=OLD.now + 1) for seq in (2, 3)]
    journal.append(connection, [signal(1), *ahead])
    step = pruning.signals(connection, 0, OLD, 1000)
    assert (step.cursor, step.removed, step.spared) == (3, 1, 2)


def test_a_clock_in_the_past_takes_nothing_for_old(connection: sqlite3.Connection) -> None:
    """brocaar/chirpstack-network-server#519: no battery keeps the clock; it starts in 2012."""
    day = 86_400_000
    now = 15_000 * day
    connection.execute("BEGIN")
    said = [signal(seq)._replace(recorded_at=now - 100 + seq) for seq in range(1, 51)]
    journal.append(connection, said)
    journal.append_gaps(connection, [journal.GapRow("floor", "s", now, "lost", 1)])
    tracks.put(connection, [tracks.TrackRow("rule", "unit:1", b"{}", None, now)])
    outbox.append(connection, milestone(1)._replace(recorded_at=now), [], [1], {"erp": Lane.NORMAL})
    settle(connection, 1, "delivered")
    before = connection.total_changes
    in_2012 = pruning.Age(before=now - 5000 * day - 30 * day, now=now - 5000 * day)
    assert pruning.signals(connection, 0, in_2012, 1000).spared == 50
    assert pruning.milestones(connection, 0, in_2012, 1000).spared == 1
    assert pruning.gaps(connection, 0, in_2012, 1000).spared == 1
    assert pruning.tracks(connection, pruning.FIRST_TRACK, in_2012, 1000).removed == 0
    assert connection.total_changes == before


def quarantine(connection: sqlite3.Connection, seqs: range, recorded_at: int) -> None:
    """Have signals that stand in quarantine, where nobody has decided on them."""
    said = [signal(seq)._replace(recorded_at=recorded_at) for seq in seqs]
    journal.append(connection, said)
    journal.quarantine(connection, [(seq, "not JSON", recorded_at) for seq in seqs])
    tally.count(connection, {tally.SIGNALS: len(seqs), tally.QUARANTINED: len(seqs)})


def test_where_room_is_needed_what_nobody_has_decided_on_stays_for_its_time(
    connection: sqlite3.Connection,
) -> None:
    quarantine(connection, range(1, 11), OLD.before - 1)
    quarantine(connection, range(11, 21), OLD.before)
    journal.append(connection, [signal(seq) for seq in range(21, 31)])
    pressed = OLD._replace(until=25)
    step = pruning.signals(connection, 0, pressed, 1000)
    assert (step.cursor, step.removed, step.spared) == (30, 19, 11)
    assert connection.execute("SELECT signal FROM quarantine").fetchall() == [
        (seq,) for seq in range(11, 21)
    ]


def test_of_a_flood_that_nobody_has_decided_on_the_newest_stay_and_the_others_are_a_gap(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "KEPT_UNDECIDED", 4)
    quarantine(connection, range(1, 21), OLD.now)
    step = pruning.signals(connection, 0, OLD._replace(until=20), 1000)
    assert (step.removed, step.undecided) == (16, 16)
    assert connection.execute("SELECT seq FROM journal").fetchall() == [(17,), (18,), (19,), (20,)]
    (gap,) = connection.execute("SELECT source, noticed_at, missed FROM gap").fetchall()
    assert gap == ("floor", OLD.now, 16)
    assert list(contradictions(connection)) == []


def test_signals_with_many_keys_each_are_forgotten_in_more_steps(
    connection: sqlite3.Connection,
) -> None:
    """Such as the scan of a pallet that names all its cartons."""
    connection.execute("BEGIN")
    journal.append(connection, [signal(seq) for seq in range(1, 101)])
    mentions = [(f"unit:{key}", seq) for seq in range(1, 101) for key in range(150)]
    journal.append_keys(connection, mentions)
    cursor, rows = 0, 200
    while cursor < 100:
        changes = connection.total_changes
        cursor = pruning.signals(connection, cursor, OLD, rows).cursor
        assert connection.total_changes - changes <= 2 * rows + 10
    assert connection.execute("SELECT count(*) FROM signal_key").fetchone() == (150,)


def test_large_signals_are_forgotten_in_more_steps_one_at_least_in_each(
    connection: sqlite3.Connection,
) -> None:
    """On a full disk each byte that is freed may need one that the reserve has given."""
    sizes = [pruning.STEP_BYTES // 2] * 4 + [2 * pruning.STEP_BYTES] * 2 + [1]
    said = [signal(n)._replace(payload=bytes(size)) for n, size in enumerate(sizes, 1)]
    journal.append(connection, said)
    cursors = [0]
    while (step := pruning.signals(connection, cursors[-1], OLD, 1000)).rows:
        cursors.append(step.cursor)
    assert cursors == [0, 2, 4, 5, 6, 7]


def test_signals_recorded_by_a_clock_that_was_never_set_hold_up_nobody(
    connection: sqlite3.Connection,
) -> None:
    ahead = signal(2)._replace(recorded_at=100 * OLD.now)
    young = signal(4)._replace(recorded_at=OLD.before)
    journal.append(connection, [signal(1), ahead, signal(3), young, signal(5)])
    assert pruning.signals(connection, 0, OLD, 1000)[:3] == (3, 3, 2)


def test_the_milestones_of_a_signal_that_is_gone_still_name_it(
    connection: sqlite3.Connection,
) -> None:
    journal.append(connection, [signal(1), signal(2)])
    journal.append_keys(connection, [("unit:1", 1)])
    owe(connection, 1)
    assert pruning.signals(connection, 0, OLD, 1000).removed == 0  # the milestone is undelivered
    settle(connection, 1, "delivered")
    assert pruning.signals(connection, 0, OLD, 1000).removed == 1
    assert connection.execute("SELECT signal, milestone FROM evidence").fetchall() == [(1, 1)]
    assert [c for c in contradictions(connection) if "tally signals" not in c] == []
