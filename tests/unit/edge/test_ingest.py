"""What a source says is taken as a whole or not at all."""

import importlib
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from structlog.typing import EventDict

from buffer import outbox
from buffer.failures import StoreFailed
from buffer.lane import Lane
from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import Batch, Gap, Signal
from edge.ingest import conclusions
from edge.ingest.device_clocks import Offset
from edge.milestones.epcis import Unencodable, encode
from edge.milestones.event_hash import event_hash
from edge.milestones.model import Milestone, Name
from edge.milestones.rules import Lifecycle
from edge.milestones.site import Site
from tests.unit.buffer.disk import files_no_larger_than
from tests.unit.edge.site import START, ingest_of, said

pytestmark = pytest.mark.usefixtures("logs")

TABLES = ("journal", "bookmark", "gap", "quarantine", "track", "milestone", "signal_key", "entry")
LOST = "lost-on-conveyor"


def rows_by_table(path: Path) -> dict[str, int]:
    """Count what is on disk, past the store."""
    connection = sqlite3.connect(path)
    counts = {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES
    }
    counts["tally"] = connection.execute("SELECT count(*) FROM tally WHERE n != 0").fetchone()[0]
    connection.close()
    return counts


WHOLE = Batch(
    signals=[said("scan", "U1"), said("infeed", "U2"), Signal("scan/dock-1", b"{", START)],
    bookmarks={"counter": b"7"},
    gaps=[Gap("scan/dock-1", START, "two lost", 2)],
)


async def test_a_batch_is_on_disk_with_all_that_follows_from_it_when_it_returns(
    store: Store, reader: Reader
) -> None:
    woken = list[int]()
    intake = ingest_of(store, on_milestones=lambda: woken.append(1)).intake("floor")
    await intake.commit(WHOLE)
    assert store.commits == 1
    assert rows_by_table(store.path) == {
        "journal": 3,
        "bookmark": 1,
        "gap": 1,
        "quarantine": 1,
        "track": 2,
        "milestone": 1,
        "signal_key": 2,
        "entry": 1,
        "tally": 5,
    }
    assert await reader.tallies() == {
        "signals": 3,
        "gaps": 1,
        "quarantined": 1,
        "milestones/received": 1,
        "entries/erp/pending": 1,
    }
    assert await intake.bookmarks() == {"counter": b"7"}
    assert woken == [1]


@pytest.mark.parametrize(
    "step",
    ["journal.append", "journal.put_bookmarks", "tracks.put", "outbox.append", "tally.count"],
)
async def test_a_batch_that_fails_at_any_step_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    part, name = step.split(".")
    module = importlib.import_module(f"buffer.{part}")
    real = getattr(module, name)

    def fail(*arguments: Any) -> None:
        real(*arguments)
        raise sqlite3.IntegrityError("made to fail")

    monkeypatch.setattr(module, name, fail)
    intake = ingest_of(store).intake("floor")
    with pytest.raises(sqlite3.IntegrityError):
        await intake.commit(WHOLE)
    assert set(rows_by_table(store.path).values()) == {0}
    monkeypatch.undo()
    await intake.commit(WHOLE)  # and can be handed in again
    assert rows_by_table(store.path)["journal"] == 3


async def test_when_the_store_fails_amid_a_batch_nothing_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(tmp_path / "failing.db")
    await store.write(lambda _: None)
    monkeypatch.setattr(outbox, "append", _fill(outbox.append))
    intake = ingest_of(store).intake("floor")
    with files_no_larger_than((tmp_path / "failing.db-wal").stat().st_size):
        for _ in range(2):
            with pytest.raises(StoreFailed, match="SQLITE_IOERR_WRITE"):
                await intake.commit(WHOLE)
    await store.close()
    assert set(rows_by_table(store.path).values()) == {0}


async def test_a_batch_that_finds_no_room_amid_is_taken_whole_when_there_is_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs: list[EventDict]
) -> None:
    store = Store.open(tmp_path / "small.db", max_size=2_000_000)
    real = outbox.append

    def once_too_large(connection: sqlite3.Connection, *arguments: Any) -> Any:
        monkeypatch.setattr(outbox, "append", real)
        connection.execute("INSERT INTO bookmark VALUES ('', '', zeroblob(5000000))")
        return real(connection, *arguments)

    monkeypatch.setattr(outbox, "append", once_too_large)
    await ingest_of(store).intake("floor").commit(WHOLE)
    rows = rows_by_table(store.path)
    assert (rows["journal"], rows["milestone"], rows["bookmark"]) == (3, 1, 1)
    assert "engine_failed" not in [log["event"] for log in logs]
    await store.close()


def _fill(append: Any) -> Any:
    def filling(connection: sqlite3.Connection, *arguments: Any) -> Any:
        connection.execute("INSERT INTO bookmark VALUES ('', '', zeroblob(1000000))")
        return append(connection, *arguments)

    return filling


async def test_what_cannot_be_decoded_is_set_apart_as_it_came_and_the_rest_goes_on(
    store: Store, reader: Reader, logs: list[EventDict]
) -> None:
    broken = Signal("scan/dock-1", b"\xff\x00{", START)
    await ingest_of(store).intake("floor").commit(Batch([said("scan", "U1"), broken]))
    (apart,) = await reader.latest_quarantine(9)
    assert (apart.source, apart.subject) == ("floor", "scan/dock-1")
    assert "JSON" in apart.reason
    assert logs == []  # it is no fault of ours
    assert [row.payload for row in await reader.signals([2])] == [broken.payload]
    assert (await reader.tallies())["milestones/received"] == 1


async def test_what_else_a_signal_tells_is_judged_although_it_is_set_apart(
    store: Store, reader: Reader
) -> None:
    ingest = ingest_of(
        store,
        further=[
            {"source": "floor", "subject": "scan/+", "kind": "weight", "fields": {"weight": "kg"}}
        ],
    )
    await ingest.intake("floor").commit(Batch([said("scan", "U1", START + 5)]))
    (apart,) = await reader.latest_quarantine(9)
    assert apart.reason.startswith("weight: weight: nothing at 'kg'")
    assert (await reader.tallies())["milestones/received"] == 1


async def test_a_fault_of_the_engine_sets_apart_only_the_signal_that_meets_it(
    store: Store, reader: Reader, logs: list[EventDict]
) -> None:
    signals = [said("scan", unit) for unit in ("U1", "faulty-1", "U2", "faulty-2", "U3")]
    await ingest_of(store).intake("floor").commit(Batch(signals))
    apart = await reader.quarantined([1, 2, 3, 4, 5])
    assert list(apart) == [2, 4]
    assert apart[2] == "the engine failed on it: ZeroDivisionError('a fault of the engine')"
    assert [(log["event"], log["signal"]) for log in logs] == [
        ("engine_failed", 2),
        ("engine_failed", 4),
    ]
    assert (await reader.tallies())["milestones/received"] == 3
    assert len(await reader.pending("erp", Lane.NORMAL, 0, 10)) == 3


@pytest.mark.parametrize("error", [OverflowError("too large"), Unencodable("no such unit")])
async def test_a_milestone_that_cannot_be_written_sets_apart_only_its_signal(
    store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(milestone: Milestone, site: Site) -> bytes:
        if milestone.key == "unit:odd":
            raise error
        return encode(milestone, site)

    monkeypatch.setattr(conclusions, "encode", fail)
    signals = [said("scan", unit) for unit in ("U1", "odd", "U2")]
    await ingest_of(store).intake("floor").commit(Batch(signals))
    assert list(await reader.quarantined([1, 2, 3])) == [2]
    tallies = await reader.tallies()
    assert tallies == {
        "signals": 3,
        "quarantined": 1,
        "milestones/received": 2,
        "entries/erp/pending": 2,
    }


async def test_a_fault_of_the_decoder_sets_apart_only_the_signal_that_meets_it(
    store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest = ingest_of(store)
    decode = ingest._judge._decoder.decode

    def fail(sequence: int, source: str, signal: Signal) -> Any:
        if b"odd" in signal.payload:
            raise RecursionError("too deep")
        return decode(sequence, source, signal)

    monkeypatch.setattr(ingest._judge._decoder, "decode", fail)
    await ingest.intake("floor").commit(Batch([said("scan", u) for u in ("U1", "odd", "U2")]))
    assert await reader.quarantined([1, 2, 3]) == {
        2: "the decoder failed on it: RecursionError('too deep')"
    }
    assert (await reader.tallies())["milestones/received"] == 2


async def test_what_is_said_again_is_kept_and_leads_to_nothing_new(
    store: Store, reader: Reader
) -> None:
    woken = list[int]()
    intake = ingest_of(store, on_milestones=lambda: woken.append(1)).intake("floor")
    for _ in range(3):
        await intake.commit(Batch([said("scan", "U1")]))
    tallies = await reader.tallies()
    assert (tallies["signals"], tallies["milestones/received"]) == (3, 1)
    assert tallies["entries/erp/pending"] == 1
    assert woken == [1]


async def test_destinations_are_owed_what_they_are_configured_for(
    store: Store, reader: Reader
) -> None:
    ingest = ingest_of(store)
    await ingest.intake("floor").commit(Batch([said("scan", "U1"), said("infeed", "U2")]))
    await ingest.expire({LOST: START + 60_000})
    assert [row.name for row in await reader.pending("erp", Lane.NORMAL, 0, 9)] == [
        "received",
        "lost",
    ]
    assert [row.name for row in await reader.pending("wms", Lane.CRITICAL, 0, 9)] == ["lost"]


async def test_a_retraction_is_what_was_told_declared_false(store: Store, reader: Reader) -> None:
    guarded = {"all": Lifecycle(stages=(Name.RECEIVED,), ends=(Name.LOST,), carry=("item",))}
    ingest = ingest_of(store, lifecycles=guarded)
    floor = ingest.intake("floor")
    await floor.commit(Batch([said("scan", "U1"), said("infeed", "U1")]))
    await ingest.expire({LOST: START + 60_000})
    await floor.commit(Batch([said("divert", "U1", START + 9, item="learned late")]))
    _, lost, retraction = await reader.pending("erp", Lane.NORMAL, 0, 9)
    assert retraction.retracts == lost.id
    event = orjson.loads(retraction.body)
    assert event.pop("errorDeclaration")["reason"] == "did_not_occur"
    assert orjson.dumps(event) == lost.body
    assert event_hash(orjson.loads(retraction.body)) == event_hash(event)


async def test_what_signals_show_of_their_devices_clocks_is_known(store: Store) -> None:
    ingest = ingest_of(store)
    fast = said("scan", "U1", START + 42_000)
    unset = orjson.dumps({"unit": "U2", "time": "2012-05-04T03:02:01Z"})
    batch = Batch([replace(fast, received_at=START), Signal("scan/dock-2", unset, START)])
    await ingest.intake("floor").commit(batch)
    found = ingest._judge.clocks.of("floor", START)
    assert found.fastest == Offset("scan/dock-1", 42_000)
    assert found.never_set == ["scan/dock-2"]


async def test_deadlines_pass_only_up_to_the_horizon(store: Store, reader: Reader) -> None:
    woken = list[int]()
    ingest = ingest_of(store, on_milestones=lambda: woken.append(1), clock=lambda: START + 10**9)
    scans = [said("infeed", f"U{n}", START + n * 10_000) for n in range(3)]
    await ingest.intake("floor").commit(Batch(scans))
    before = rows_by_table(store.path)
    await ingest.expire({})
    await ingest.expire({"another-rule": START + 10**9})
    await ingest.expire({LOST: START + 29_999})
    assert rows_by_table(store.path) == before
    assert woken == []
    (due,) = await store.write(lambda c: c.execute("SELECT min(due_at) FROM track").fetchall()[0])
    await ingest.expire({LOST: due - 1})
    assert rows_by_table(store.path) == before
    await ingest.expire({LOST: due})
    assert (await reader.tallies())["milestones/lost"] == 1
    await ingest.expire({LOST: due})
    assert woken == [1]


async def test_a_lifecycle_gives_up_waiting_only_when_every_rule_has_judged(
    store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.ingest.judging.EXPIRE_LIMIT", 2)
    guarded = {"inbound": Lifecycle(stages=(Name.LOST, Name.RECEIVED), wait_seconds=1)}
    ingest = ingest_of(store, lifecycles=guarded)
    units = [f"U{n}" for n in range(5)]
    said_of_units = [said(kind, unit) for unit in units for kind in ("infeed", "scan")]
    await ingest.intake("floor").commit(Batch(said_of_units))
    # What is received waits for what is lost; both deadlines have passed.
    await ingest.expire({LOST: START + 10**9, "inbound": START + 10**9})
    told = await reader.pending("erp", Lane.NORMAL, 0, 99)
    assert len(told) == 10
    for unit in units:
        assert [row.name for row in told if row.key == f"unit:{unit}"] == ["lost", "received"]


async def test_a_fault_of_the_engine_at_a_deadline_delays_no_other(
    store: Store, reader: Reader
) -> None:
    ingest = ingest_of(store)
    scans = [said("infeed", unit) for unit in ("U1", "overdue", "U2")]
    await ingest.intake("floor").commit(Batch(scans))
    await ingest.expire({LOST: START + 60_000})
    assert (await reader.tallies())["milestones/lost"] == 2
    assert await reader.quarantined([1, 2, 3]) == {
        2: f"rule {LOST}: the engine failed at its deadline: "
        "ZeroDivisionError('a fault of the engine')"
    }
    before = rows_by_table(store.path)
    await ingest.expire({LOST: START + 60_000})  # it is told once, not for ever
    assert rows_by_table(store.path) == before


async def test_each_source_has_bookmarks_of_its_own(store: Store) -> None:
    ingest = ingest_of(store)
    await ingest.intake("plc").commit(Batch(bookmarks={"counter": b"1", "old": b"x"}))
    await ingest.intake("plc").commit(Batch(bookmarks={"counter": b"2", "old": None}))
    assert await ingest.intake("plc").bookmarks() == {"counter": b"2"}
    assert await ingest.intake("floor").bookmarks() == {}
