"""What a damaged store still has comes over into the live one, and what it has not is told."""

import json
import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest

from buffer import audit, journal
from buffer.journal import SignalRow
from buffer.lane import Lane
from buffer.maintenance.checking import contradictions, damage
from buffer.maintenance.owing_again import Entries
from buffer.maintenance.recovery import TABLES, NotRecovered, Recovered, recover
from buffer.maintenance.salvage import Salvage, Stretch, Unreadable, damaged
from buffer.opening import open_for_writing, read_only
from buffer.store import Store
from tests.unit.buffer import damage as damages
from tests.unit.buffer.damage import NOW, PAGE, Rows, fill, overwrite, pages_of, put_aside, rows_of
from tests.unit.buffer.rows import owe

SEEDS = range(6)
UNSURE = 7
LANES = {
    "erp": {"picked": Lane.NORMAL, "packed": Lane.NORMAL},
    "wms": {"picked": Lane.BULK, "packed": Lane.BULK},
}


async def recovered_into(path: Path, directory: Path) -> tuple[Recovered, Rows]:
    """Recover into the store at `path`; return what came of it, and all rows that are there."""
    store = Store.open(path)
    try:
        recovered = await recover(store, directory, lanes=LANES, who="operator", clock=lambda: NOW)
        assert await store.write(lambda c: [*damage(c), *contradictions(c)]) == []
        return recovered, await store.write(rows_of)
    finally:
        await store.close()


def as_it_is_brought(table: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return a row as it is in the live store: what is pending is looked up first."""
    if table == "entry" and row[5] == "pending":
        return (*row[:UNSURE], 1, *row[UNSURE + 1 :])
    return row


def missing(before: Rows, after: Rows, table: str) -> list[tuple[Any, ...]]:
    """Return the rows that did not come over; those that did are as they were."""
    there = set(after[table])
    return [row for row in before[table] if as_it_is_brought(table, row) not in there]


def garble(file: Path) -> int:
    """Fill a file with noise; return its size."""
    size = file.stat().st_size
    file.write_bytes(random.Random(1).randbytes(size))
    return size


def is_told(recovered: Recovered, table: str, number: int) -> bool:
    return any(s.first <= number < s.end for s in recovered.lost.get(table, ()))


async def test_a_store_that_is_whole_comes_over_whole_and_is_kept(path: Path) -> None:
    before = fill(path)
    directory = put_aside(path)
    recovered, after = await recovered_into(path, directory)
    assert recovered.lost == {}
    assert [(table, missing(before, after, table)) for table in TABLES] == [(t, []) for t in TABLES]
    assert recovered.brought == {table: len(rows) for table, rows in before.items()}
    assert not directory.exists()
    assert recovered.directory.name == directory.name.replace(".corrupt-", ".recovered-")
    with closing(sqlite3.connect(read_only(recovered.directory / path.name), uri=True)) as aside:
        assert rows_of(aside) == before


@pytest.mark.parametrize("seed", SEEDS)
async def test_of_a_table_whose_leaves_are_damaged_only_their_rows_are_lost(
    path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    before = fill(path, seed)
    lost = dict.fromkeys(TABLES, 0)
    for table in ("journal", "milestone", "entry", "quarantine", "gap", "attempt"):
        leaves = [page for page in pages_of(path)[table] if page[1] == "leaf"]
        for number, _, cells in draw.sample(leaves, min(len(leaves) - 1, draw.randrange(3))):
            overwrite(path, number, draw.choice((b"", draw.randbytes(PAGE))))
            lost[table] += cells
    recovered, after = await recovered_into(path, put_aside(path))
    journal_lost = {row[0] for row in missing(before, after, "journal")}
    milestones_lost = {row[0] for row in missing(before, after, "milestone")}
    for table in ("journal", "milestone", "gap"):
        gone = missing(before, after, table)
        assert len(gone) == lost[table]
        assert [row for row in gone if not is_told(recovered, table, row[0])] == []
    # What belongs to a row that is lost stays behind with it.
    quarantined = [r for r in missing(before, after, "quarantine") if r[1] not in journal_lost]
    assert len(quarantined) <= lost["quarantine"]
    entries = [r for r in missing(before, after, "entry") if r[2] not in milestones_lost]
    assert len(entries) <= lost["entry"]
    keys = [r for r in missing(before, after, "milestone_key") if r[1] not in milestones_lost]
    assert keys == []
    assert missing(before, after, "track") == []


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_pages_are_damaged_what_comes_over_fits_and_the_rest_is_told(
    path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    before = fill(path, seed)
    pages = len([page for of_one in pages_of(path).values() for page in of_one])
    for number in draw.sample(range(1, pages + 1), draw.randrange(1, pages // 8)):
        overwrite(path, number, draw.choice((b"", draw.randbytes(PAGE))))
    is_torn = draw.random() < 0.3
    if is_torn:
        os.truncate(path, draw.randrange(pages // 2, pages) * PAGE + draw.randrange(PAGE))
    try:
        recovered, after = await recovered_into(path, put_aside(path))
    except NotRecovered as nothing:
        pytest.skip(f"nothing is left: {nothing}")
    for table in ("journal", "milestone", "gap"):
        there = {row[0]: row for row in after[table]}
        gone = [row[0] for row in before[table] if row[0] not in there]
        untold = [number for number in gone if not is_told(recovered, table, number)]
        assert len(untold) <= recovered.invalid[table] <= is_torn
        # A row may be torn where the file was; nothing in it says so.
        torn = [row for row in before[table] if there.get(row[0], row) != row]
        assert len(torn) <= is_torn
        assert not torn or table != "milestone"


def tear(path: Path, page: int) -> None:
    """Lose the second half of a page: where its cells lie, not where they are listed."""
    with path.open("r+b") as file:
        file.seek((page - 1) * PAGE + PAGE // 8)
        file.write(bytes(PAGE - PAGE // 8))


@pytest.mark.parametrize(("torn", "zeroed"), [(10, None), (0, None), (11, 10), (10, 11)])
async def test_rows_that_sqlite_passes_over_on_a_torn_page_are_told(
    path: Path, torn: int, zeroed: int | None
) -> None:
    """What is listed there looks like rows with the number 0: a search finds none, and no fault."""
    before = fill(path)
    leaves = [page[0] for page in pages_of(path)["journal"] if page[1] == "leaf"]
    tear(path, leaves[torn])
    if zeroed is not None:
        overwrite(path, leaves[zeroed], b"")
    recovered, after = await recovered_into(path, put_aside(path))
    there = {row[0] for row in after["journal"]}
    gone = [row[0] for row in before["journal"] if row[0] not in there]
    assert len(gone) > 5
    assert [number for number in gone if not is_told(recovered, "journal", number)] == []


async def test_with_its_first_page_gone_all_that_lies_on_others_comes_over(path: Path) -> None:
    before = fill(path)
    overwrite(path, 1, b"")
    _, after = await recovered_into(path, put_aside(path))
    assert [(t, missing(before, after, t)) for t in TABLES] == [(t, []) for t in TABLES]


async def test_what_only_the_wal_has_comes_over(path: Path, tmp_path: Path) -> None:
    fill(path)
    with closing(open_for_writing(path)) as connection:
        connection.execute("BEGIN")
        row = SignalRow(9000, "floor", "late", b"in the -wal", None, NOW, NOW, good=True)
        journal.append(connection, [row])
        connection.execute("UPDATE tally SET n = n + 1 WHERE name = 'signals'")
        connection.execute("COMMIT")
        killed = tmp_path / "killed"
        killed.mkdir()
        for ending in ("", "-wal"):
            shutil.copy(f"{path}{ending}", killed)
    directory = put_aside(killed / path.name)
    _, after = await recovered_into(killed / path.name, directory)
    assert 9000 in {row[0] for row in after["journal"]}


async def test_what_a_wal_file_has_comes_over_without_its_store(path: Path, tmp_path: Path) -> None:
    with closing(open_for_writing(path)) as connection:
        connection.execute("BEGIN")
        owe(connection, 1)
        connection.execute("COMMIT")
        killed = tmp_path / "killed"
        killed.mkdir()
        shutil.copy(f"{path}-wal", killed)
    directory = tmp_path / "milepost.db.corrupt-1"
    killed.rename(directory)
    recovered, after = await recovered_into(tmp_path / "live" / path.name, directory)
    assert recovered.brought["milestone"] == 1
    assert [row[1:3] for row in after["entry"]] == [("erp", 1)]


async def test_what_is_set_aside_is_not_written_to(path: Path) -> None:
    fill(path)
    overwrite(path, 20, b"")
    directory = put_aside(path)
    file = directory / path.name
    content, changed = file.read_bytes(), file.stat().st_mtime_ns
    with damaged(file) as connection:
        assert list(Salvage(connection, "journal").rows())
        with pytest.raises(sqlite3.Error):
            connection.execute("DELETE FROM journal")
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (content, changed)
    assert [each.name for each in directory.iterdir()] == [path.name]


async def test_recovering_again_after_an_interruption_brings_the_rest_and_nothing_twice(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fill(path)
    directory = put_aside(path)
    store = Store.open(path)
    write, pieces = store.write, 0

    async def fail_in_the_middle(*args: Any, **options: Any) -> Any:
        nonlocal pieces
        pieces += 1
        if pieces == 12:
            raise RuntimeError("the power went off")
        return await write(*args, **options)

    monkeypatch.setattr(store, "write", fail_in_the_middle)
    with pytest.raises(RuntimeError, match="power"):
        await recover(store, directory, lanes=LANES, who="operator", clock=lambda: NOW)
    await store.close()
    recovered, after = await recovered_into(path, directory)
    assert recovered.kept["journal"] > 0
    assert recovered.brought["journal"] + recovered.kept["journal"] == len(before["journal"])
    assert [(t, missing(before, after, t)) for t in TABLES] == [(t, []) for t in TABLES]


def test_without_room_to_sort_entries_it_is_said_where(path: Path, tmp_path: Path) -> None:
    fill(path)
    with damaged(path) as connection, pytest.raises(Unreadable, match="cannot be sorted there"):
        Entries(connection, tmp_path / "no directory" / "entries")


async def test_a_milestone_whose_entries_are_lost_is_owed_again_in_its_place(path: Path) -> None:
    before = fill(path)
    leaves = [page for page in pages_of(path)["entry"] if page[1] == "leaf"]
    number, _, cells = leaves[len(leaves) // 2]
    overwrite(path, number, b"")
    recovered, after = await recovered_into(path, put_aside(path))
    gone = {row[0]: row for row in missing(before, after, "entry")}
    made = {row[0]: row for row in after["entry"] if row[0] in gone}
    assert (len(made), recovered.owed_again) == (len(gone), len(gone))
    assert len(gone) <= cells
    for seq, row in made.items():
        assert row[1:5] == gone[seq][1:5]  # the same destination, milestone, key and lane
        assert (row[5], row[7]) == ("pending", 1)  # and looked up before it is sent


async def test_with_all_entries_lost_every_milestone_is_owed_again(path: Path) -> None:
    before = fill(path)
    (root,) = [page for page in pages_of(path)["entry"] if page[1] == "internal"]
    overwrite(path, root[0], b"")
    directory = put_aside(path)
    store = Store.open(path)
    await store.write(lambda c: owe(c, 9000))  # since then
    await store.close()
    recovered, after = await recovered_into(path, directory)
    assert recovered.owed_again == len(before["entry"])
    *again, since = after["entry"]
    assert since[0] > 10**9
    assert [row[:5] for row in again] == [
        (seq, *row[1:5]) for seq, row in enumerate(before["entry"], 1)
    ]


async def test_a_delivery_that_looks_meanwhile_finds_no_entry_without_those_before_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 3. A table is read from both ends, and what is lost is owed again."""
    before = [row[:5] for row in fill(path)["entry"]]
    leaves = [page for page in pages_of(path)["entry"] if page[1] == "leaf"]
    overwrite(path, leaves[len(leaves) // 2][0], b"")
    directory = put_aside(path)
    store = Store.open(path)
    write, seen = store.write, list[int]()

    async def and_look(*args: Any, **options: Any) -> Any:
        result = await write(*args, **options)
        owed = await write(lambda c: [row[:5] for row in rows_of(c)["entry"]])
        assert owed == before[: len(owed)]
        seen.append(len(owed))
        return result

    monkeypatch.setattr(store, "write", and_look)
    await recover(store, directory, lanes=LANES, who="operator", clock=lambda: NOW)
    await store.close()
    assert len(set(seen)) > 3
    assert seen[-1] == len(before)


def fill_and_lose(path: Path, *, destinations: tuple[str, ...]) -> set[int]:
    """Owe many milestones to "erp", the first to all, and spoil entries; return whose."""
    with closing(open_for_writing(path)) as connection:
        connection.execute("BEGIN")
        owe(connection, 1, "unit:1", destinations)
        for number in range(2, 2001):
            owe(connection, number, f"unit:{number}")
        connection.execute("COMMIT")
        owed = {row[0]: row[2] for row in rows_of(connection)["entry"]}
    leaves = sorted(page for page in pages_of(path)["entry"] if page[1] == "leaf")
    overwrite(path, leaves[3][0], b"")
    with damaged(path) as connection:
        return set(owed.values()) - {row[2] for row in Salvage(connection, "entry").rows()}


async def test_a_destination_that_was_added_since_takes_no_number_from_what_was_owed(
    path: Path,
) -> None:
    lost = fill_and_lose(path, destinations=("erp",))
    directory = put_aside(path)
    store = Store.open(path)
    lanes = {"new": {"picked": Lane.NORMAL}, "erp": {"picked": Lane.NORMAL}}
    recovered = await recover(store, directory, lanes=lanes, who="operator", clock=lambda: NOW)
    rows = await store.write(rows_of)
    await store.close()
    assert len(lost) > 50
    assert (recovered.owed_again, recovered.undeliverable) == (len(lost), [])
    assert [row[1:3] for row in rows["entry"]] == [("erp", number) for number in range(1, 2001)]


async def test_a_milestone_for_which_no_number_is_left_is_named(path: Path) -> None:
    lost = fill_and_lose(path, destinations=("erp", "wms"))
    recovered, after = await recovered_into(path, put_aside(path))
    owed = {row[1:3] for row in after["entry"]}
    wanted = {(to, number) for to in LANES for number in lost}
    named = {(to, int(key.removeprefix("unit:"))) for to, key in recovered.undeliverable}
    assert recovered.owed_again == len(lost)
    assert len(named) == len(recovered.undeliverable)
    assert wanted - owed <= named
    assert not named & owed


async def test_old_attempts_are_not_taken_for_those_of_an_entry_that_was_made_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next attempt would have the number of one of them, and could never be settled."""
    fill(path)
    leaves = [page for page in pages_of(path)["entry"] if page[1] == "leaf"]
    overwrite(path, leaves[len(leaves) // 2][0], b"")
    directory = put_aside(path)
    store = Store.open(path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError("killed here")))
        with pytest.raises(OSError, match="killed"):
            await recover(store, directory, lanes=LANES, who="operator", clock=lambda: NOW)
    await store.close()
    recovered, after = await recovered_into(path, directory)
    assert recovered.lost["entry"]
    attempts = {row[0]: row[6] for row in after["entry"]}
    assert after["attempt"]
    assert [row for row in after["attempt"] if row[1] > attempts[row[0]]] == []


async def test_what_can_be_read_at_a_second_try_is_owed_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails may give at one time what it did not give at another."""
    before = fill(path)
    (root,) = [page for page in pages_of(path)["entry"] if page[1] == "internal"]
    overwrite(path, root[0], b"")
    directory = put_aside(path)
    lanes = {"erp": LANES["erp"]}
    store = Store.open(path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(OSError("killed here")))
        with pytest.raises(OSError, match="killed"):
            await recover(store, directory, lanes=lanes, who="operator", clock=lambda: NOW)
    await store.close()
    again = path.with_name("again.db")
    fill(again)
    again.rename(directory / path.name)
    recovered, after = await recovered_into(path, directory)
    owed = sorted(row[1:3] for row in after["entry"])
    assert recovered.lost == {}
    assert len(owed) == len(set(owed))
    named = {(to, key) for to, key in recovered.undeliverable}
    undelivered = [row for row in before["entry"] if row[5] in ("pending", "dead")]
    assert [r for r in undelivered if r[1:3] not in owed and (r[1], r[3]) not in named] == []


async def test_an_undelivered_entry_without_its_milestone_is_named(path: Path) -> None:
    before = fill(path)
    leaves = [page for page in pages_of(path)["milestone"] if page[1] == "leaf"]
    overwrite(path, leaves[3][0], b"")
    recovered, after = await recovered_into(path, put_aside(path))
    gone = {row[0] for row in missing(before, after, "milestone")}
    owed = [r for r in before["entry"] if r[2] in gone and r[5] in ("pending", "dead")]
    assert len(owed) > 0
    assert sorted(recovered.undeliverable) == sorted((row[1], row[3]) for row in owed)
    with closing(sqlite3.connect(read_only(path), uri=True)) as connection:
        (detail,) = connection.execute("SELECT detail FROM audit").fetchone()
    audited = json.loads(detail)
    assert audited["undeliverable_count"] == len(owed)
    assert sorted(audited["undeliverable"]) == sorted(f"{row[3]} to {row[1]}" for row in owed)
    assert audited["places_not_read"] == {"milestone": 1}


async def test_a_fact_that_was_concluded_again_since_is_not_owed_twice(path: Path) -> None:
    before = fill(path)
    number = next(row[2] for row in before["entry"] if row[5] == "pending")
    directory = put_aside(path)
    store = Store.open(path)
    await store.write(lambda c: owe(c, number, "unit:1", ("erp",)))
    await store.close()
    recovered, after = await recovered_into(path, directory)
    again = [row for row in after["milestone"] if row[1] == number.to_bytes(16)]
    assert len(again) == 1
    assert len([row for row in after["entry"] if row[2] == again[0][0]]) == 1
    assert len(after["milestone"]) == len(before["milestone"])
    assert (recovered.kept["milestone"], recovered.undeliverable) == (1, [])


async def test_a_live_store_that_has_given_the_same_sequences_is_left_alone(
    path: Path, tmp_path: Path
) -> None:
    fill(path)
    directory = put_aside(path)
    elsewhere = tmp_path / "moved-by-hand"
    directory.rename(elsewhere)
    before = fill(path, seed=1)
    store = Store.open(path)
    with pytest.raises(NotRecovered, match="journal 1 is something else in the live store"):
        await recover(store, elsewhere, lanes=LANES, who="operator", clock=lambda: NOW)
    assert await store.write(rows_of) == before
    await store.close()


async def test_the_store_in_use_is_not_taken_for_one_that_was_set_aside(path: Path) -> None:
    """It would be renamed away with its directory."""
    fill(path)
    store = Store.open(path)
    before = await store.write(rows_of)
    with pytest.raises(NotRecovered, match="is the store in use"):
        await recover(store, path.parent, lanes=LANES, who="operator", clock=lambda: NOW)
    assert await store.write(rows_of) == before
    await store.close()
    with closing(open_for_writing(path)) as connection:
        assert rows_of(connection) == before


async def test_a_directory_that_is_not_ours_keeps_its_name(path: Path, tmp_path: Path) -> None:
    fill(path)
    backup = put_aside(path).rename(tmp_path / "backup")
    recovered, _ = await recovered_into(path, backup)
    assert recovered.directory == backup
    assert [each.name for each in backup.iterdir()] == [path.name]


async def test_one_is_recovered_at_a_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path)
    directory = put_aside(path)
    store = Store.open(path)
    write, refused = store.write, list[str]()

    async def and_recover_too(*args: Any, **options: Any) -> Any:
        with pytest.raises(NotRecovered, match="is being recovered already") as why:
            await recover(store, directory, lanes=LANES, who="another", clock=lambda: NOW)
        refused.append(str(why.value))
        return await write(*args, **options)

    monkeypatch.setattr(store, "write", and_recover_too)
    recovered = await recover(store, directory, lanes=LANES, who="operator", clock=lambda: NOW)
    await store.close()
    assert refused
    assert recovered.directory.exists()


async def test_what_a_killed_recovery_left_is_removed(path: Path) -> None:
    fill(path)
    directory = put_aside(path)
    left = directory / f"{path.name}.reading"
    left.mkdir()
    (left / path.name).write_bytes(b"a copy")
    recovered, _ = await recovered_into(path, directory)
    assert left.name not in [each.name for each in recovered.directory.iterdir()]


async def test_a_store_of_another_version_is_left_to_the_milepost_that_wrote_it(path: Path) -> None:
    fill(path)
    with closing(open_for_writing(path)) as connection:
        connection.execute("PRAGMA user_version = 1")
    directory = put_aside(path)
    store = Store.open(path)
    with pytest.raises(NotRecovered, match=r"a store of version 1; .* the Milepost that wrote it"):
        await recover(store, directory, lanes=LANES, who="operator", clock=lambda: NOW)
    await store.close()
    assert (directory / path.name).exists()


async def test_a_file_of_which_nothing_can_be_read_stays_where_it_is(path: Path) -> None:
    fill(path)
    directory = put_aside(path)
    size = garble(directory / path.name)
    store = Store.open(path)
    with pytest.raises(NotRecovered):
        await recover(store, directory, lanes=LANES, who="operator", clock=lambda: NOW)
    await store.close()
    assert (directory / path.name).stat().st_size == size


async def test_a_recovery_is_told_to_deliveries_and_written_to_the_audit_log(path: Path) -> None:
    fill(path)
    directory = put_aside(path)
    store = Store.open(path)
    told = list[str]()
    await recover(
        store,
        directory,
        lanes=LANES,
        who="operator",
        clock=lambda: NOW,
        on_entries=lambda: told.append("entries"),
    )
    acts = await store.write(lambda c: c.execute("SELECT who, act FROM audit").fetchall())
    await store.close()
    assert (told, acts) == (["entries"], [("operator", "store.recover")])
    assert bytes(32) == audit.START


async def test_the_live_audit_log_records_the_head_of_the_old_one(path: Path) -> None:
    """The old one stays where it is: whoever changes it there does not fit this head."""
    fill(path)
    with closing(open_for_writing(path)) as connection:
        for number in range(3):
            audit.append(connection, NOW, "mallory", "outbox.discard", {"entries": str(number)})
        (head,) = connection.execute("SELECT hash FROM audit WHERE seq = 3").fetchone()
    directory = put_aside(path)
    store = Store.open(path)
    recovered = await recover(store, directory, lanes=LANES, who="operator", clock=lambda: NOW)
    ((told,),) = await store.write(lambda c: c.execute("SELECT detail FROM audit").fetchall())
    await store.close()
    assert orjson.loads(told)["audit_log"] == {"records": 3, "head": head.hex()}
    assert (recovered.audit_records, recovered.audit_head) == (3, head.hex())


async def test_an_audit_log_that_cannot_be_read_is_told(path: Path) -> None:
    fill(path)
    overwrite(path, pages_of(path)["audit"][0][0], b"")
    recovered, _ = await recovered_into(path, put_aside(path))
    assert [*recovered.lost] == ["audit"]


@pytest.mark.parametrize("first", [1, 170_000_000_000_001])
def test_a_table_is_read_between_its_first_and_its_last_page(
    path: Path, first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither end says then which numbers there are in between."""
    monkeypatch.setattr(damages, "SIGNALS", 0)
    with closing(open_for_writing(path)) as connection:
        connection.execute("BEGIN")
        connection.execute("INSERT INTO sqlite_sequence VALUES ('journal', ?)", (first - 1,))
        rows = [
            SignalRow(seq, "floor", "s", bytes(300), None, NOW, NOW, good=True)
            for seq in range(first, first + 5000)
        ]
        journal.append(connection, rows)
        connection.execute("COMMIT")
    leaves = [page for page in pages_of(path)["journal"] if page[1] == "leaf"]
    overwrite(path, leaves[0][0], b"")
    overwrite(path, leaves[-1][0], b"")
    with damaged(path) as connection:
        salvage = Salvage(connection, "journal")
        read = [row[0] for row in salvage.rows()]
    assert len(read) == 5000 - leaves[0][2] - leaves[-1][2]
    assert all(isinstance(stretch, Stretch) for stretch in salvage.lost)
