"""The queue of a delivery against a model of the store beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from buffer.outbox import PendingEntry
from edge.deliver import queue
from edge.deliver.queue import KeyQueue

KEYS = ("a", "b", "c", "d")
WINDOW = 5
CHUNK = 3
MAX_RESTING = 3


@contextmanager
def small() -> Iterator[None]:
    """Make the window so small that a few entries fill it."""
    with patch.object(queue, "WINDOW", WINDOW), patch.object(queue, "MAX_RESTING", MAX_RESTING):
        yield


class Deliveries(RuleBasedStateMachine):
    """Drives the queue as `Delivery` does; the store is a dictionary of entries."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = KeyQueue(held=())
        self.now = 0.0
        self.cursor = 0
        self.owed: dict[int, PendingEntry] = {}
        """Not yet settled, in order."""
        self.parked: set[int] = set()
        self.fetch: set[str] = set()
        self.busy: dict[str, PendingEntry] = {}
        self.resting: dict[str, tuple[int, float]] = {}
        self.holds = True
        self.dead: set[int] = set()
        self.revived: set[int] = set()

    # ---- What happens outside ----------------------------------------------------------------

    @rule(keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=8))
    def owe(self, keys: list[str]) -> None:
        for key in keys:
            seq = max([self.cursor, *self.owed]) + 1
            self.owed[seq] = PendingEntry(seq, key, 0, False, b"", "", 0, 0, b"")

    @rule(seconds=st.sampled_from([0.5, 1.0, 5.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @initialize(holds=st.booleans())
    def begin(self, *, holds: bool) -> None:
        """Choose whether a dead letter holds back its key."""
        self.holds = holds

    @precondition(lambda self: bool(self.dead))
    @rule(data=st.data(), again=st.booleans())
    def decide(self, data: st.DataObject, *, again: bool) -> None:
        """Send a dead letter again or discard it, as an operator does."""
        self.release(data.draw(st.sampled_from(sorted(self.dead))), again=again)

    def release(self, seq: int, *, again: bool) -> None:
        self.dead.discard(seq)
        key = self.owed[seq].key
        if again:
            self.parked.add(seq)
            self.revived.add(seq)
        else:
            del self.owed[seq]
        if self.queue.release(key):
            self.fetch.add(key)

    @property
    def held(self) -> set[str]:
        return {self.owed[seq].key for seq in self.dead} if self.holds else set()

    # ---- What a delivery does ----------------------------------------------------------------

    @rule()
    def load(self) -> None:
        with small():
            while self.fetch and self.queue.has_room:
                key = self.fetch.pop()
                rows = [entry for seq, entry in self.owed.items() if entry.key == key]
                rows = [entry for entry in rows if entry.seq in self.parked]
                self.parked -= {entry.seq for entry in rows[:CHUNK]}
                self.queue.unpark(key, rows[:CHUNK], more=len(rows) > CHUNK)
            while self.queue.has_room:
                rows = [entry for seq, entry in self.owed.items() if seq > self.cursor][:CHUNK]
                if not rows:
                    return
                self.cursor = rows[-1].seq
                self.parked |= {entry.seq for entry in rows if not self.queue.offer(entry)}

    @rule()
    def send(self) -> None:
        self.lease()

    def lease(self) -> bool:
        entry = self.queue.lease(self.now)
        if entry is None:
            return False
        key = entry.key
        assert key not in self.busy, "two entries of one key under way"
        assert key not in self.held
        first = next(
            (
                seq
                for seq, owed in self.owed.items()
                if owed.key == key
                if seq not in self.dead
                # Where dead letters do not hold, one that is sent again comes when it comes.
                if self.holds or seq not in self.revived
            ),
            entry.seq,
        )
        late = not self.holds and entry.seq in self.revived
        assert late or entry.seq == first, "an entry overtakes an earlier one of its key"
        if key in self.resting:
            assert self.resting.pop(key)[1] <= self.now, "sent before its rest was over"
        self.busy[key] = entry
        return True

    @precondition(lambda self: bool(self.busy))
    @rule(data=st.data(), end=st.sampled_from(["settle", "settle", "again", "rest", "reject"]))
    def answer(self, data: st.DataObject, end: str) -> None:
        key = data.draw(st.sampled_from(sorted(self.busy)))
        entry = self.busy.pop(key)
        tried = entry._replace(attempts=entry.attempts + 1)
        match end:
            case "settle":
                del self.owed[entry.seq]
                if self.queue.settled(key):
                    self.fetch.add(key)
            case "again":
                self.queue.again(tried)
            case "rest":
                self.owed[entry.seq] = tried
                until = self.now + data.draw(st.sampled_from([0.0, 1.0, 10.0]))
                self.resting[key] = (entry.seq, until)
                self.parked |= set(self.queue.rest(tried, until))
            case "reject" if self.holds:
                self.dead.add(entry.seq)
                self.parked |= set(self.queue.hold(key))
            case "reject":
                self.dead.add(entry.seq)
                if self.queue.settled(key):
                    self.fetch.add(key)

    # ---- What must hold ----------------------------------------------------------------------

    @invariant()
    def memory_is_bounded(self) -> None:
        chains = self.queue._chains
        held_in_memory = sum(len(chain) for key, chain in chains.items() if key not in self.resting)
        woken = MAX_RESTING + len(KEYS)
        assert held_in_memory <= WINDOW + CHUNK + woken
        assert self.queue._loaded <= held_in_memory + len(self.resting)
        assert all(len(chains[key]) == 1 for key in self.resting), "more than heads of resting keys"
        assert not self.held & set(chains), "entries of a held key in memory"

    @invariant()
    def an_entry_is_in_memory_or_parked_or_ahead_of_the_cursor_or_dead(self) -> None:
        in_memory = [entry.seq for chain in self.queue._chains.values() for entry in chain]
        assert len(in_memory) == len(set(in_memory)), "an entry is in memory twice"
        seen = {seq for seq in self.owed if seq <= self.cursor}
        assert seen == set(in_memory) | self.parked | self.dead
        assert not self.parked & set(in_memory)

    @invariant()
    def a_key_that_can_go_on_does(self) -> None:
        """No other key keeps a ready one from being sent."""
        ready = len(self.queue._ready)
        going = set(self.queue._chains) - set(self.busy) - set(self.resting)
        assert ready >= len(going), "a key is in memory and nobody will send it"

    def teardown(self) -> None:
        """Whatever has happened: once nothing fails any more, everything gets through."""
        for _ in range(2000):
            if not self.owed:
                break
            for seq in sorted(self.dead):
                self.release(seq, again=True)
            self.now += 10.0
            self.load()
            while self.lease():
                pass
            for key, entry in list(self.busy.items()):
                del self.busy[key]
                del self.owed[entry.seq]
                if self.queue.settled(key):
                    self.fetch.add(key)
        assert not self.owed, f"never sent: {sorted(self.owed)}"
        assert self.queue._loaded == 0
        assert not self.queue._chains


TestDeliveries = Deliveries.TestCase
TestDeliveries.settings = settings(max_examples=120, stateful_step_count=50, deadline=None)
