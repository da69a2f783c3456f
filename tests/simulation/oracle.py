"""What must be true in the end: each acknowledged signal is an obligation, and it was met.

The store is read with a connection of its own, as an operator would read it.
"""

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from buffer.lane import Lane
from buffer.opening import read_only
from buffer.outbox import FIRST_ATTEMPTS, LAST_ATTEMPTS, State
from tests.simulation import site
from tests.simulation.faults import Fault
from tests.simulation.world import WMS, World

KEYS_FETCHED = 4
"""Entries that are read for keys of which others are in memory."""
OVERDUE_MS = 30_000
"""Some time after a deadline it must have been looked at."""

_connect = sqlite3.connect


@contextmanager
def _reading(world: World) -> Iterator[sqlite3.Connection]:
    connection = _connect(read_only(world.store_path), uri=True)
    try:
        yield connection
    finally:
        connection.close()


class StoredEntry(NamedTuple):
    """An entry, as an operator sees it."""

    seq: int
    destination: str
    milestone: str
    state: State


def entries(world: World, state: State | None = None) -> list[StoredEntry]:
    """Return all entries, or those in a state."""
    with _reading(world) as store:
        rows = store.execute(
            "SELECT e.seq, e.destination, lower(hex(m.id)), e.state FROM entry AS e "
            "JOIN milestone AS m ON m.seq = e.milestone "
            "WHERE ?1 IS NULL OR e.state = ?1 ORDER BY e.seq",
            (state,),
        )
        return [StoredEntry(*row) for row in rows]


def is_settled(world: World) -> bool:
    """Tell whether everything that was said is acknowledged, concluded and delivered."""
    if not world.is_up:
        return False
    for hub in world.hubs.values():
        if len(hub.acknowledged) < len(hub.said):
            return False
    with _reading(world) as store:
        (undone,) = store.execute(
            "SELECT count(*) FROM entry WHERE state IN ('pending', 'dead')"
        ).fetchone()
        return not undone and world.plan.facts <= _told(store)


def _told(store: sqlite3.Connection) -> set[site.Fact]:
    rows = store.execute("SELECT name, key, occurred_at, retracts IS NOT NULL FROM milestone")
    return {site.Fact(name, key, at, bool(taken_back)) for name, key, at, taken_back in rows}


def bounds(world: World) -> Iterator[str]:
    """Promise 4: what is in memory is bounded, whatever the backlog."""
    if world.daemon is None:
        return
    mix = world.mix
    for lane, waiting in world.daemon._ingest._queues.items():
        if waiting.signals > mix.signals_waiting + mix.signals_at_once:
            yield f"{waiting.signals} signals wait in lane {lane.name}"
    for name, speaker in world.daemon._speakers.items():
        queue = getattr(speaker.delivery, "_queue", None)
        if queue is None:  # it has not begun
            continue
        batch = speaker.sink.batch_limit
        window, chunk = max(mix.window, 4 * batch), max(2, mix.window // 2, 2 * batch)
        entries = sum(len(chain.entries) for chain in queue._chains.values())
        # Of each lane a window, the chunk that has just been read, and the heads of resting keys.
        if entries > len(Lane) * (window + chunk + mix.window + KEYS_FETCHED):
            yield f"{name}: {entries} entries are in memory"


def judge(world: World) -> list[str]:
    """Return everything that is wrong; the faults have stopped, and time has passed."""
    with _reading(world) as store:
        return [
            *_signals(world, store),
            *_facts(world, store),
            *_quarantine(world, store),
            *_entries(world, store),
            *_order(world, store),
            *_deadlines(world, store),
            *_tallies(store),
        ]


def _signals(world: World, store: sqlite3.Connection) -> Iterator[str]:
    """Promise 1: no acknowledged signal is lost, and in calm nothing stays unacknowledged."""
    for name, hub in world.hubs.items():
        said = Counter((each.subject, each.payload) for each in hub.said)
        rows = store.execute("SELECT subject, payload FROM journal WHERE source = ?", (name,))
        kept = Counter((subject, payload) for subject, payload in rows)
        for each in hub.said:
            content = (each.subject, each.payload)
            if each.number in hub.acknowledged and not kept[content]:
                yield f"{name}: signal {each.number} was acknowledged and is lost"
            if each.number not in hub.acknowledged:
                yield f"{name}: signal {each.number} is not acknowledged in the end"
        # A driver without a memory may take a signal twice; no other may.
        if name != "dock" and kept != said:
            yield f"{name}: taken {sum(kept.values())} of {sum(said.values())}, each once expected"
        if set(kept) - set(said):
            yield f"{name}: signals were invented"


def _facts(world: World, store: sqlite3.Connection) -> Iterator[str]:
    """Promise 2: what is due is told, once, and nothing else."""
    rows = store.execute("SELECT name, key, occurred_at, retracts IS NOT NULL FROM milestone")
    told = Counter(site.Fact(name, key, at, bool(back)) for name, key, at, back in rows)
    due = world.plan.facts
    excused = set()
    if Fault.JUMPING_CLOCK in world.mix.faults:
        excused = site.lost_for_nothing(told)
    for fact in sorted(due - set(told)):
        yield f"never concluded: {fact}"
    for fact in sorted(set(told) - due - excused):
        yield f"concluded, but it did not happen: {fact}"
    for fact, times in sorted(told.items()):
        # Two lines of an order may be picked in the same millisecond.
        if times > 1 and fact.name not in ("picked", "short"):
            yield f"concluded {times} times: {fact}"


def _quarantine(world: World, store: sqlite3.Connection) -> Iterator[str]:
    """Nothing vanishes: what no one can read is set apart, and nothing else is."""
    rows = store.execute(
        "SELECT j.payload, q.reason FROM quarantine AS q JOIN journal AS j ON j.seq = q.signal"
    )
    apart = dict(iter(rows))
    garbage = {each.payload() for story in world.plan.stories for each in story.garbage}
    for payload in garbage - set(apart):
        yield f"neither judged nor set apart: {payload!r}"
    for payload in set(apart) - garbage:
        yield f"set apart without need: {payload!r}: {apart[payload]}"


def _entries(world: World, store: sqlite3.Connection) -> Iterator[str]:
    """Everything is owed to whom it is owed, delivered, and arrived with the bytes stored."""
    owed = {
        (destination, milestone)
        for milestone, name in store.execute("SELECT seq, name FROM milestone")
        for destination in world.destinations
        if destination == "erp" or name in WMS
    }
    rows = store.execute(
        "SELECT e.destination, m.seq, m.id, m.body, m.key, m.name, e.state, e.lane FROM entry AS e "
        "JOIN milestone AS m ON m.seq = e.milestone"
    ).fetchall()
    if sorted((row[0], row[1]) for row in rows) != sorted(owed):
        yield "entries are not what is owed"
    arrived = {name: dict(each.booked) for name, each in world.destinations.items()}
    for destination, _, milestone, body, key, name, state, _ in rows:
        what = f"{destination}: {name} of {key}"
        entry = arrived[destination].pop(milestone.hex(), None)
        match state:
            case "delivered" if entry is None:
                yield f"{what} is delivered, and has not arrived"
            case "pending" | "dead":
                yield f"{what} is still {state}"
            case "discarded" if milestone.hex() not in world.destinations[destination].given_up:
                yield f"{what} is discarded, and nobody decided so"
        if entry is not None and (entry.body, entry.key) != (body, key):
            yield f"{what} has arrived with other bytes"
    for destination, invented in arrived.items():
        for milestone_id in invented:
            yield f"{destination}: {milestone_id} has arrived, and no milestone is known by that id"


def _order(world: World, store: sqlite3.Connection) -> Iterator[str]:
    """Promise 3: what is of one key took effect in the order in which it was concluded."""
    places = {
        id_.hex(): (seq, key)
        for seq, id_, key in store.execute("SELECT seq, id, key FROM milestone")
    }
    rejected = {
        (destination, milestone.hex())
        for destination, milestone in store.execute(
            "SELECT e.destination, m.id FROM entry AS e JOIN milestone AS m ON m.seq = e.milestone "
            "WHERE e.seq IN (SELECT entry FROM attempt WHERE verdict = 'rejected')"
        )
    }
    for name, destination in world.destinations.items():
        holds = name == "wms" or world.mix.holds
        last: dict[str, int] = defaultdict(int)
        for milestone in destination.booked:
            # What was given up may arrive late, and what may go on past a dead letter does.
            if milestone in destination.given_up or milestone not in places:
                continue
            if not holds and (name, milestone) in rejected:
                continue
            seq, key = places[milestone]
            if seq < last[key]:
                yield f"{name}: {key} got milestone {seq} after {last[key]}"
            last[key] = seq
    if Fault.JUMPING_CLOCK not in world.mix.faults:
        yield from _stages(store)


def _stages(store: sqlite3.Connection) -> Iterator[str]:
    reached: dict[str, int] = defaultdict(lambda: -1)
    for name, key in store.execute("SELECT name, key FROM milestone ORDER BY seq"):
        if name in site.STAGES:
            stage = site.STAGES.index(name)
            if stage < reached[key]:
                yield f"{key}: {name} was concluded after a later stage"
            reached[key] = stage


def _deadlines(world: World, store: sqlite3.Connection) -> Iterator[str]:
    """No deadline stands open that everybody has been heard beyond."""
    due = store.execute("SELECT owner, key, due_at FROM track WHERE due_at IS NOT NULL")
    for owner, key, due_at in due:
        if due_at < world.clock() - OVERDUE_MS:
            late = (world.clock() - due_at) // 1000
            yield f"the deadline of {key} under {owner} has passed {late} s ago, and stands open"


def _tallies(store: sqlite3.Connection) -> Iterator[str]:
    """What is counted as it happens is what there is."""
    counted = {name: n for name, n in store.execute("SELECT name, n FROM tally") if n}
    actual: dict[str, int] = {}
    for statement in (
        "SELECT 'signals', count(*) FROM journal",
        "SELECT 'quarantined', count(*) FROM quarantine WHERE state = 'open'",
        "SELECT 'milestones/' || name, count(*) FROM milestone GROUP BY name",
        "SELECT 'entries/' || destination || '/' || state, count(*) FROM entry GROUP BY 1",
    ):
        actual |= {name: n for name, n in store.execute(statement) if n}
    if counted != actual:
        yield f"counted {counted}, there is {actual}"
    for seq, attempts, recorded in store.execute(
        "SELECT e.seq, e.attempts, count(a.entry) AS recorded FROM entry AS e "
        "LEFT JOIN attempt AS a ON a.entry = e.seq GROUP BY e.seq "
        "HAVING min(e.attempts, ?) != recorded",
        (FIRST_ATTEMPTS + LAST_ATTEMPTS,),
    ):
        yield f"entry {seq} counts {attempts} attempts, {recorded} are recorded"
