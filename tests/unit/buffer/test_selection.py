"""What an operator chooses is found, whatever the criteria, and never by a scan of the store."""

import random
import re
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from buffer import outbox, selection
from buffer.lane import Lane
from buffer.opening import open_for_writing
from buffer.outbox import MilestoneRow, State
from buffer.reader import EntryRow, Reader
from buffer.selection import Selection, choose, overtaken, pages
from buffer.statements import statements
from buffer.store import Store

NAMES, KEYS = ("received", "picked", "lost"), ("unit:1", "unit:2", "unit:3", "order:1")
DESTINATIONS = ("erp", "wms")
STATES: tuple[State, ...] = ("pending", "delivered", "dead", "discarded")
START = 1_772_352_000_000


@pytest.fixture
async def reader(store: Store) -> AsyncIterator[Reader]:
    async with Reader.open(store.path) as opened:
        yield opened


def milestone(number: int, at: int, key: str = "unit:1", name: str = "picked") -> MilestoneRow:
    identity = at.to_bytes(6) + number.to_bytes(10)
    return MilestoneRow(identity, name, "rule", key, at, START, "in_order", None, b"{}")


def settle(connection: sqlite3.Connection, entry: int, destination: str, state: State) -> None:
    attempt = outbox.Attempt(entry, 1, START, START, "accepted", state)
    outbox.settle(connection, destination, [(attempt, state)])


def fill(draw: random.Random, connection: sqlite3.Connection) -> dict[int, set[str]]:
    """Fill a store at random; return which keys each entry tells of."""
    told: dict[int, set[str]] = {}
    for number in range(1, 41):
        own, *others = draw.sample(KEYS, draw.randint(1, 2))
        row = milestone(number, START + draw.randrange(20) * 1000, own, draw.choice(NAMES))
        owed = {
            name: draw.choice(list(Lane)) for name in draw.sample(DESTINATIONS, draw.randint(0, 2))
        }
        outbox.append(connection, row, [own, *others], [1], owed)
        for name in owed:
            entry = len(told) + 1
            told[entry] = {own, *others}
            state = draw.choice(STATES)
            if state != "pending":
                settle(connection, entry, name, state)
    return told


def at_random(draw: random.Random, entries: list[EntryRow], ids: dict[int, str]) -> Selection:
    def is_said() -> bool:
        return draw.random() < 0.35

    def some() -> int:
        return draw.choice(entries).seq

    def time() -> int | None:
        return START + draw.randrange(20) * 1000 if is_said() else None

    return Selection(
        numbers=(some(), 999, some()) if is_said() else (),
        keys=tuple(draw.sample(KEYS, 2)) if is_said() else (),
        milestone=ids[some()] if is_said() else None,
        name=draw.choice(NAMES) if is_said() else None,
        destination=draw.choice(DESTINATIONS) if is_said() else None,
        states=frozenset(draw.sample(STATES, draw.randint(1, 3))) if is_said() else frozenset(),
        since=time(),
        until=time(),
    )


def is_meant(row: EntryRow, wanted: Selection, keys: set[str], identity: str) -> bool:
    return (
        (not wanted.numbers or row.seq in wanted.numbers)
        and (not wanted.keys or bool(keys & {*wanted.keys}))
        and wanted.milestone in (None, identity)
        and wanted.name in (None, row.name)
        and wanted.destination in (None, row.destination)
        and (not wanted.states or row.state in wanted.states)
        and (wanted.since is None or row.occurred_at >= wanted.since)
        and (wanted.until is None or row.occurred_at < wanted.until)
    )


@pytest.mark.parametrize("seed", range(4))
async def test_every_combination_of_criteria_finds_what_meets_all_of_them_once(
    store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    draw = random.Random(seed)
    told = await store.write(lambda connection: fill(draw, connection))
    entries = list((await choose(reader, Selection())).entries)
    ids = dict(
        await reader.rows(
            "SELECT e.seq, lower(hex(m.id)) FROM entry e JOIN milestone m ON m.seq = e.milestone"
        )
    )
    assert {row.seq for row in entries} == {*told}
    monkeypatch.setattr(selection, "PAGE", 3)
    found_any = 0
    for _ in range(300):
        wanted = at_random(draw, entries, ids)
        found = [row async for page in pages(reader, wanted) for row in page.entries]
        expected = [e for e in entries if is_meant(e, wanted, told[e.seq], ids[e.seq])]
        assert sorted(found) == expected, (seed, wanted)
        found_any += bool(found)
    assert found_any > 50, "the criteria are too narrow to show anything"


async def test_a_page_looks_at_a_bounded_number_of_rows_even_if_nothing_fits(
    store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def many(connection: sqlite3.Connection) -> None:
        for number in range(1, 51):
            row = milestone(number, START + number, f"unit:{number}")
            outbox.append(connection, row, [row.key], [], {"erp": Lane.NORMAL})
            settle(connection, number, "erp", "delivered")

    await store.write(many)
    monkeypatch.setattr(selection, "PAGE", 10)
    for wanted in (
        Selection(name="lost"),
        Selection(destination="nobody", states=frozenset({"delivered"})),
        Selection(name="lost", since=START),
    ):
        looked_at = [len(page.entries) async for page in pages(reader, wanted)]
        assert looked_at == [0] * 6, wanted


async def test_it_is_told_behind_which_entries_a_newer_one_of_their_key_was_delivered(
    store: Store, reader: Reader
) -> None:
    def history(connection: sqlite3.Connection) -> None:
        for number, key in enumerate(("unit:1", "unit:1", "unit:2", "unit:2", "unit:3"), 1):
            row = milestone(number, START + number, key)
            outbox.append(connection, row, [key], [], {"erp": Lane.NORMAL})
        for number in (1, 2, 3, 5):
            settle(connection, number, "erp", "delivered")

    await store.write(history)
    assert await overtaken(reader, (1, 2, 3, 4, 5)) == {1}


PARAMETERS = {
    "numbers": "[1]",
    "destination": "erp",
    "any_state": 0,
    "states": '["dead"]',
    "milestone": None,
    "any_key": 0,
    "keys": '["unit:1"]',
    "name": "picked",
    "since": 1,
    "until": 2,
}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        (file, name)
        for file in ("selection", "decisions", "quarantine", "audit")
        for name in statements(file)
    ],
)
def test_no_statement_of_an_operator_s_act_scans_or_sorts(
    tmp_path: Path, file: str, name: str
) -> None:
    connection = open_for_writing(tmp_path / "milepost.db")
    statement = statements(file)[name]
    given = PARAMETERS if ":numbers" in statement else [orjson.dumps([1]).decode()] * 9
    if not isinstance(given, dict):
        given = given[: max(statement.count("?"), 0)]
        numbered = {int(n) for n in re.findall(r"\?(\d)", statement)}
        given = given[: max(numbered)] if numbered else given
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)]
    connection.close()
    for step in plan:
        assert "TEMP B-TREE" not in step, plan
        # What is given as JSON is as long as the request; the newest row is found at the end.
        assert not step.startswith("SCAN") or re.match(
            "SCAN (each|json_each)|SCAN audit$|SCAN CONSTANT ROW", step
        ), plan


@pytest.mark.parametrize(
    ("file", "name", "index"),
    [
        ("selection", "dead_behind", "entry_dead_seq"),
        ("selection", "discarded_behind", "entry_discarded_seq"),
        ("selection", "pending_behind", "entry_pending"),
        ("quarantine", "open_behind", "quarantine_open"),
    ],
)
def test_what_is_rare_is_found_among_millions_by_an_index_of_its_own(
    tmp_path: Path, file: str, name: str, index: str
) -> None:
    connection = open_for_writing(tmp_path / "milepost.db")
    statement = statements(file)[name]
    given = [1] * statement.count("?")
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)]
    connection.close()
    assert f"INDEX {index} " in plan[0], plan
