"""Whatever is in the store and however deliveries go: only what is old and settled is forgotten."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from buffer import decisions, journal, outbox, quarantine, tally, tracks
from buffer.lane import Lane
from buffer.maintenance import pruning
from buffer.maintenance.checking import contradictions
from buffer.opening import open_for_writing
from buffer.outbox import Attempt, MilestoneRow, State, VerdictName

SEEDS = range(20)
NOW, BEFORE = 1_000_000, 600_000
AGE = pruning.Age(BEFORE, NOW)
DESTINATIONS = ("erp", "wms")
FAN_OUT = 30
"""Keys that one signal tells of at most, and milestones that rest on it."""


class Site:
    """A store filled at random, and what must come of it."""

    def __init__(self, connection: sqlite3.Connection, seed: int) -> None:
        self.connection = connection
        self.draw = random.Random(seed)
        self.old_signals = self.draw.randrange(400)
        self.signals = self.old_signals + self.draw.randrange(1, 200)
        self.old_milestones = self.draw.randrange(60)
        self.milestones = self.old_milestones + self.draw.randrange(30)
        for seq in range(1, self.signals + 1):
            self.say(seq)
        for number in range(1, self.milestones + 1):
            self.conclude(number)
        for number in range(self.draw.randrange(30)):
            at = self.recorded_at(number, 15)
            journal.append_gaps(connection, [journal.GapRow("floor", "s", at, "why", None)])
            tally.count(connection, {tally.GAPS: 1})
        for number in range(self.draw.randrange(100)):
            due_at = self.draw.choice((None, None, NOW))
            row = tracks.TrackRow("rule", f"unit:{number}", b"{}", due_at, self.draw.randrange(NOW))
            tracks.put(connection, [row])

    def recorded_at(self, number: int, old: int) -> int:
        if number < old:
            return self.draw.choice((self.draw.randrange(BEFORE), 2 * NOW - BEFORE + 1 + number))
        return self.draw.randrange(BEFORE, NOW)

    def say(self, seq: int) -> None:
        at = self.recorded_at(seq - 1, self.old_signals)
        row = journal.SignalRow(seq, "floor", "subject", b"payload", None, at, at, good=True)
        journal.append(self.connection, [row])
        keys = self.draw.randrange(1, FAN_OUT) if self.draw.random() < 0.1 else 1
        journal.append_keys(self.connection, [(f"unit:{key}", seq) for key in range(keys)])
        tally.count(self.connection, {tally.SIGNALS: 1})
        if self.draw.random() < 0.1:
            journal.quarantine(self.connection, [(seq, "why", at)])
            tally.count(self.connection, {tally.QUARANTINED: 1})

    def conclude(self, number: int) -> None:
        at = self.recorded_at(number - 1, self.old_milestones)
        key = f"unit:{self.draw.randrange(10)}"
        row = MilestoneRow(
            number.to_bytes(16), "picked", "rule", key, at, at, "in_order", None, b"{}"
        )
        evidence = {self.draw.randrange(1, self.signals + 1) for _ in range(self.draw.randrange(9))}
        owed = dict.fromkeys(self.draw.sample(DESTINATIONS, self.draw.randrange(3)), Lane.NORMAL)
        outbox.append(self.connection, row, [key, "order:1"], evidence, owed)

    def rows(self, statement: str) -> list[Any]:
        return self.connection.execute(statement).fetchall()

    def deliver_some(self) -> None:
        """Try some of the entries that are not delivered."""
        rows = self.rows("SELECT seq, destination, attempts, state FROM entry")
        undelivered = [row for row in rows if row[3] in pruning.UNDELIVERED]
        for seq, destination, attempts, state in self.draw.sample(
            undelivered, len(undelivered) // 3
        ):
            if state == "dead":
                decisions.retry(self.connection, [seq])
            tries = self.draw.choice((0, 0, 3, 50))
            ends = [self.end(seq, attempts + n, "pending", "retry") for n in range(1, tries + 1)]
            ends.append(
                self.end(seq, attempts + tries + 1, "dead", "rejected")
                if self.draw.random() < 0.2
                else self.end(seq, attempts + tries + 1, "delivered", "accepted")
            )
            outbox.settle(self.connection, destination, ends)

    @staticmethod
    def end(entry: int, number: int, state: State, verdict: VerdictName) -> tuple[Attempt, State]:
        return Attempt(entry, number, 1, 2, verdict, "why"), state

    def decide_on_some_of_the_quarantine(self) -> None:
        rows = self.rows("SELECT seq FROM quarantine")
        numbers = [seq for (seq,) in self.draw.sample(rows, len(rows) // 4)]
        quarantine.discard(self.connection, numbers, "why", NOW)

    def unexplained(self) -> list[Any]:
        """Return pieces of evidence of undelivered milestones that are gone."""
        return self.rows(
            "SELECT * FROM evidence JOIN entry USING (milestone) WHERE state IN ('pending', 'dead')"
            " AND signal NOT IN (SELECT seq FROM journal)"
        )

    def sweep(self, limit: int) -> None:
        """Go through each table from the oldest on, and hold every step to its limit."""
        for step, first in (
            (pruning.signals, 0),
            (pruning.milestones, 0),
            (pruning.gaps, 0),
            (pruning.tracks, pruning.FIRST_TRACK),
        ):
            cursor: Any = first
            while True:
                changes = self.connection.total_changes
                done = step(self.connection, cursor, AGE, limit)
                changes = self.connection.total_changes - changes
                # A signal's own keys and its quarantine go with it in one step; then tallies.
                assert changes <= 3 * limit + FAN_OUT + 8
                assert (done.rows == 0) is (done.cursor == cursor and changes == 0)
                assert self.unexplained() == []
                assert list(contradictions(self.connection)) == []
                if done.rows == 0:
                    break
                cursor = done.cursor


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(open_for_writing(tmp_path / "milepost.db")) as opened:
        opened.execute("BEGIN")  # it is never committed: no disk is needed
        yield opened


@pytest.mark.parametrize("seed", SEEDS)
def test_only_what_is_old_and_owed_to_nobody_is_forgotten_and_all_of_that(
    connection: sqlite3.Connection, seed: int
) -> None:
    site = Site(connection, seed)
    kept = {
        table: connection.execute(
            f"SELECT * FROM {table} WHERE recorded_at >= ?", (BEFORE,)
        ).fetchall()
        for table in ("journal", "milestone")
    }
    for _ in range(4):
        site.deliver_some()
        site.decide_on_some_of_the_quarantine()
        site.sweep(site.draw.choice((5, 50, 1000)))
    for table, rows in kept.items():
        assert set(rows) <= set(site.rows(f"SELECT * FROM {table}"))
    young = {table: {row[0] for row in rows} for table, rows in kept.items()}
    owed = {
        s for (s,) in site.rows("SELECT milestone FROM entry WHERE state IN ('pending', 'dead')")
    }
    explains = {s for s, m in site.rows("SELECT signal, milestone FROM evidence") if m in owed}
    assert {s for (s,) in site.rows("SELECT seq FROM milestone")} == owed | young["milestone"]
    assert {s for (s,) in site.rows("SELECT seq FROM journal")} == explains | young["journal"]
    assert site.rows("SELECT * FROM track WHERE due_at IS NULL AND changed_at < 600000") == []
    assert site.rows("SELECT seq FROM gap WHERE noticed_at < 600000") == []
