"""Whatever is done to the outbox, and wherever the process dies: the store is as the model says."""

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from buffer import decisions, outbox
from buffer.lane import Lane
from buffer.opening import open_for_writing
from buffer.outbox import Attempt, MilestoneRow, State, VerdictName
from buffer.statements import statements

SQL = statements("outbox")
T = TypeVar("T")

DESTINATIONS = ("erp", "wms")
KEYS = ("unit:1", "unit:2")
NAMES = ("picked", "packed")
DEAD_OR_NOT: st.SearchStrategy[tuple[State, VerdictName]] = st.sampled_from(
    [
        ("delivered", "accepted"),
        ("dead", "rejected"),
        ("dead", "rejected"),
        ("pending", "retry"),
        ("pending", "unknown"),
    ]
)


@dataclass(frozen=True)
class Owed:
    """An entry, as the model knows it."""

    destination: str
    key: str
    state: State = "pending"
    lane: Lane = Lane.NORMAL
    attempts: int = 0
    unsure: bool = False


class Outbox(RuleBasedStateMachine):
    """An outbox against a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.connection = self.opened()
        self.milestones: dict[int, str] = {}
        self.entries: dict[int, Owed] = {}

    def teardown(self) -> None:
        self.connection.close()
        shutil.rmtree(self.folder)

    def opened(self) -> sqlite3.Connection:
        connection = open_for_writing(self.folder / "milepost.db")
        connection.execute("PRAGMA synchronous = OFF")  # a process dies here, not a machine
        return connection

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self.connection.execute("BEGIN IMMEDIATE")
        result = work(self.connection)
        self.connection.execute("COMMIT")
        return result

    def choose(self, data: st.DataObject, state: State) -> int:
        """Draw an entry in a state; 0, which is none, if there is none."""
        seqs = [seq for seq, owed in self.entries.items() if owed.state == state]
        return data.draw(st.sampled_from(seqs)) if seqs else 0

    @rule(
        number=st.integers(0, 30),
        name=st.sampled_from(NAMES),
        key=st.sampled_from(KEYS),
        to=st.dictionaries(st.sampled_from(DESTINATIONS), st.sampled_from(Lane)),
    )
    def append(self, number: int, name: str, key: str, to: dict[str, Lane]) -> None:
        id = number.to_bytes(16)  # noqa: A001 - what it is
        row = MilestoneRow(id, name, "rule", key, 0, 0, "in_order", None, b"{}")
        is_new = number not in self.milestones
        assert self.write(lambda c: outbox.append(c, row, [key], [1], to)) is is_new
        if is_new:
            self.milestones[number] = name
            for destination, lane in to.items():
                self.entries[len(self.entries) + 1] = Owed(destination, key, lane=lane)

    @rule(data=st.data(), end=DEAD_OR_NOT)
    def settle(self, data: st.DataObject, end: tuple[State, VerdictName]) -> None:
        if seq := self.choose(data, "pending"):
            state, verdict = end
            was = self.entries[seq]
            number = was.attempts + 1
            attempt = Attempt(seq, number, 1, 2, verdict, "why")
            self.write(lambda c: outbox.settle(c, was.destination, [(attempt, state)]))
            self.entries[seq] = replace(
                was,
                state=state,
                attempts=number,
                unsure=was.unsure or verdict == "unknown",
            )

    @rule(seq=st.integers(1, 20), discards=st.booleans())
    def decide(self, seq: int, *, discards: bool) -> None:
        was = self.entries.get(seq)
        if discards:
            result = self.write(lambda c: decisions.discard(c, [seq], "why", 3))
        else:
            result = self.write(lambda c: decisions.retry(c, [seq]))
        if was is None or was.state not in (("dead", "pending") if discards else ("dead",)):
            assert result.entries == ()
        else:
            assert (result.entries, result.destinations) == ((seq,), frozenset({was.destination}))
            state: State = "discarded" if discards else "pending"
            self.entries[seq] = replace(was, state=state)

    @rule(number=st.integers(100, 110), seq=st.integers(1, 20))
    def die_before_the_commit(self, number: int, seq: int) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        row = MilestoneRow(number.to_bytes(16), "picked", "rule", "k", 0, 0, "late", None, b"{}")
        owed = dict.fromkeys(DESTINATIONS, Lane.NORMAL)
        outbox.append(self.connection, row, ["k"], [1], owed)
        decisions.retry(self.connection, [seq])
        self.start_again_from_what_is_on_disk()

    @rule()
    def start_again_from_what_is_on_disk(self) -> None:
        """Go on from copies of the files as they are, which is what a killed process leaves."""
        left = Path(tempfile.mkdtemp())
        for file in self.folder.iterdir():
            if not file.name.endswith("-shm"):
                shutil.copy(file, left)
        self.connection.close()
        shutil.rmtree(self.folder)
        self.folder = left
        self.connection = self.opened()

    @invariant()
    def counts_are_the_real_ones(self) -> None:
        counts = Counter(f"milestones/{name}" for name in self.milestones.values())
        counts.update(f"entries/{owed.destination}/{owed.state}" for owed in self.entries.values())
        kept = dict(self.connection.execute("SELECT name, n FROM tally WHERE n != 0"))
        assert kept == dict(counts)

    @invariant()
    def queues_are_in_order_and_complete(self) -> None:
        for destination in DESTINATIONS:
            owed = [
                (seq, each) for seq, each in self.entries.items() if each.destination == destination
            ]
            waiting = [(seq, each) for seq, each in owed if each.state == "pending"]
            for lane in Lane:
                parameters = (destination, lane, 0, 1000)
                rows = self.connection.execute(SQL["pending"], parameters).fetchall()
                assert [(row[0], row[1], row[2], bool(row[3])) for row in rows] == [
                    (seq, each.key, each.attempts, each.unsure)
                    for seq, each in waiting
                    if each.lane == lane
                ]
            for key in KEYS:
                of_key = (key, destination, 0, 1000)
                rows = self.connection.execute(SQL["pending_of_key"], of_key).fetchall()
                assert [row[0] for row in rows] == [seq for seq, each in waiting if each.key == key]
            dead = self.connection.execute(SQL["dead_keys"], (destination,)).fetchall()
            assert {key for (key,) in dead} == {e.key for _, e in owed if e.state == "dead"}


TestOutbox = Outbox.TestCase
TestOutbox.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
