"""Other rules are taken over whole, between two signals, or not at all."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from structlog.typing import EventDict

from buffer import rule_sets
from buffer.lane import Lane
from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import Batch
from edge.config import Configuration, load
from edge.config.loading import parse
from edge.config.rule_set import NotTaken, rule_set_version
from edge.config.writing import as_toml
from edge.hearing import heard_by
from edge.ingest import Ingest, RulesInForce
from edge.milestones.model import Name
from edge.profiles import expand
from tests.unit.edge.rules.test_backtest import as_given

SHIPPED = Path(__file__).parents[3] / "systemd" / "milepost.toml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    copy = tmp_path / "milepost.toml"
    copy.write_text(SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
    return copy


def edit(file: Path, was: str, is_now: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert was in text
    file.write_text(text.replace(was, is_now), encoding="utf-8")


class Running:
    """The rules of a file in force over a store, and an intake that asks them."""

    def __init__(self, file: Path, store: Store) -> None:
        self.adopted: list[Configuration] = []
        self.file = file
        self.now = 1_767_600_000_000
        self.rules = RulesInForce(
            load(file),
            file,
            store,
            clock=lambda: self.now,
            confirm=lambda _: None,
            on_adopted=self.adopted.append,
        )
        self.ingest = Ingest(store, self.rules.judge, on_milestones=lambda: None)

    async def say(self, subject: str, **payload: Any) -> None:
        signal = as_given({"subject": subject, "at": 0, "payload": payload})
        await self.ingest.intake(signal.source).commit(Batch(signals=[signal.as_signal()]))


@pytest.fixture
async def running(file: Path, store: Store) -> Running:
    running = Running(file, store)
    await running.rules.begin()
    return running


def rows(store: Store, statement: str) -> list[Any]:
    with closing(sqlite3.connect(store.path)) as connection:
        return connection.execute(statement).fetchall()


MILESTONES = "SELECT key, json_extract(body, '$.milepost:ruleVersion') FROM milestone ORDER BY seq"


async def test_what_is_told_before_is_judged_by_the_old_rules_and_what_comes_after_by_the_new(
    running: Running, store: Store
) -> None:
    await running.say("dc/scanner/dock-in-1/scan", barcode="A")
    await running.say("dc/scanner/gate-1/scan", barcode="B")
    old = running.rules.engine
    edit(running.file, '"dock-in-*"', '"gate-*"')
    version, differs = await running.rules.reload("maria")
    await running.say("dc/scanner/gate-1/scan", barcode="C")
    await running.say("dc/scanner/dock-in-1/scan", barcode="D")

    (before, old_version), (after, new_version) = rows(store, MILESTONES)
    assert (before, after) == ("unit:A", "unit:C")
    assert old_version != new_version == load(running.file).rules["goods-in-scanned"].version
    assert differs.changed == ("rules.goods-in-scanned",)
    assert differs.added == differs.removed == ()
    assert version == rule_set_version(load(running.file)) == rule_set_version(running.adopted[0])
    assert running.rules.engine is not old


async def test_a_track_that_is_open_goes_on(running: Running, store: Store) -> None:
    pick = {"order": "O", "line": "1", "item": "I", "requested": 2, "quantity": 1}
    await running.say("dc/pick/p/pick", **pick, pick="a")
    edit(running.file, 'use = "pick-station"', 'use = "pick-station"\nwithin_seconds = 900')
    await running.rules.reload("maria")
    await running.say("dc/pick/p/pick", **pick, pick="b")
    assert [key for key, _ in rows(store, MILESTONES)] == ["order:O"]


async def test_what_is_held_of_a_source_is_judged_though_it_has_another_name(
    file: Path, store: Store
) -> None:
    edit(file, "# reorder_seconds = 2 ", "reorder_seconds = 2 ")
    before = Running(file, store)
    await before.rules.begin()
    await before.say("dc/scanner/dock-in-1/scan", barcode="A")
    assert rows(store, MILESTONES) == []

    edit(file, "[sources.floor]", "[sources.ground]")
    edit(file, 'source = "floor"', 'source = "ground"')
    after = Running(file, store)
    await after.rules.begin()
    started_at = after.now
    for now in (started_at + 59_000, started_at + 63_000):
        heard = heard_by(after.rules.engine.owners(), {}, now=now, started_at=started_at)
        await after.ingest.expire(heard)
        assert len(rows(store, MILESTONES)) == (now > started_at + 60_000)


@pytest.mark.parametrize(
    ("was", "is_now", "words"),
    [
        ('"dock-in-*"', '"dock-in-*" oops', "is not TOML"),
        ("within_seconds = 6", "within_seconds = 0", r"profiles\.sorter\.within_seconds"),
        ('subject = "conveyor"', 'subject = "x"', "has no subject 'x'"),
        ("port = 1883", "port = 1884", r"sources\.floor changed, which takes a restart"),
        ('name = "dc-north"', 'name = "dc-south"', r"site\.name changed"),
        ("timeout_seconds = 3", "timeout_seconds = 4", r"destinations\.erp changed"),
    ],
)
async def test_a_file_that_cannot_be_taken_over_changes_nothing(
    running: Running, store: Store, was: str, is_now: str, words: str
) -> None:
    edit(running.file, '"dock-in-*"', '"gate-*"')
    edit(running.file, was.replace("dock-in", "gate"), is_now.replace("dock-in", "gate"))
    engine = running.rules.engine
    with pytest.raises(NotTaken, match=words):
        await running.rules.reload("maria")
    assert (running.rules.engine, running.adopted) == (engine, [])
    await running.say("dc/scanner/dock-in-1/scan", barcode="A")
    await running.say("dc/scanner/gate-1/scan", barcode="B")
    assert [key for key, _ in rows(store, MILESTONES)] == ["unit:A"]
    assert len(rows(store, "SELECT 1 FROM rule_set")) == 1
    assert rows(store, "SELECT 1 FROM audit") == []


async def test_what_comes_while_there_is_no_room_to_note_new_rules_is_judged_by_the_old(
    running: Running, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, undone = store._writer.commit, 0

    def commit(works: Sequence[Any]) -> Any:
        nonlocal undone
        if undone < 2:
            undone += 1
            connection = store._writer._connection
            connection.execute("BEGIN IMMEDIATE")
            for work in works:
                store._writer._attempt(work)
            connection.execute("ROLLBACK")
            full = sqlite3.OperationalError("database or disk is full")
            full.sqlite_errorcode, full.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
            raise full
        return real(works)

    monkeypatch.setattr(store._writer, "commit", commit)
    edit(running.file, '"dock-in-*"', '"gate-*"')
    reloading = asyncio.create_task(running.rules.reload("maria"))
    async with asyncio.timeout(30):
        while undone == 0:  # noqa: ASYNC110 - the writer calls nobody
            await asyncio.sleep(0.01)
        saying = [
            asyncio.create_task(running.say("dc/scanner/dock-in-1/scan", barcode=unit))
            for unit in "ABC"
        ]
        await asyncio.gather(reloading, *saying)
    row = "SELECT first_signal FROM rule_set ORDER BY seq DESC LIMIT 1"
    ((first,),) = rows(store, row)
    judged = rows(store, "SELECT count(*) FROM evidence WHERE signal < ?".replace("?", str(first)))
    assert judged == [(first - 1,)]
    assert rows(store, "SELECT count(*) FROM milestone") == [(first - 1,)]


async def test_who_is_told_what_goes_with_the_rules(running: Running, store: Store) -> None:
    await running.say("dc/scanner/dock-in-1/scan", barcode="A")
    edit(running.file, "timeout_seconds = 3\n", 'timeout_seconds = 3\nmilestones = ["lost"]\n')
    await running.rules.reload("maria")
    await running.say("dc/scanner/dock-in-1/scan", barcode="B")
    assert [key for key, _ in rows(store, MILESTONES)] == ["unit:A", "unit:B"]
    assert rows(store, "SELECT key FROM entry") == [("unit:A",)]
    (adopted,) = running.adopted
    assert adopted.destinations["erp"].lanes() == {Name.LOST: Lane.CRITICAL}


async def test_it_is_noted_which_rules_were_in_force_from_which_signal_on(
    running: Running, store: Store, reader: Reader
) -> None:
    first = running.file.read_text(encoding="utf-8")
    await running.rules.begin()  # started again, by the same rules
    await running.say("dc/scanner/dock-in-1/scan", barcode="A")
    edit(running.file, '"dock-in-*"', '"gate-*"')
    running.now += 60_000
    version, _ = await running.rules.reload("maria")
    second = running.file.read_text(encoding="utf-8")
    now, before = await rule_sets.newest(reader, 10)
    assert now[1:] == (version, 2, running.now, "reload", second)
    assert before[2:] == (1, running.now - 60_000, "start", first)
    ((who, act, detail),) = rows(store, "SELECT who, act, detail FROM audit")
    assert (who, act) == ("maria", "rules.reload")
    assert re.search(rf'"changed":\["rules.goods-in-scanned"\].*"version":"{version}"', detail)


async def test_deadlines_are_not_judged_while_the_rules_change(running: Running) -> None:
    edit(running.file, '"dock-in-*"', '"gate-*"')
    async with running.rules.turn:
        reloading = asyncio.create_task(running.rules.reload("maria"))
        while not (reloading.done() or running.rules.turn._waiters):  # noqa: ASYNC110 - locks call nobody
            await asyncio.sleep(0.01)
        assert not reloading.done()
        assert running.adopted == []
    await reloading


async def test_a_refusal_that_nobody_waits_for_is_logged(
    running: Running, logs: list[EventDict]
) -> None:
    edit(running.file, "port = 1883", "port = 1884")
    asked = asyncio.Event()
    reloading = asyncio.create_task(running.rules.reload_whenever(asked))
    for times in (1, 2):
        asked.set()
        async with asyncio.timeout(30):
            while len(refused := [x for x in logs if x["event"] == "rules_not_reloaded"]) < times:  # noqa: ASYNC110 - a log calls nobody
                await asyncio.sleep(0.01)
    reloading.cancel()
    assert "takes a restart" in refused[0]["why"]


PICK = {"order": "O", "line": "1", "item": "I", "quantity": 1}
FINISH = 'until = "requested"\nopen_tracks = "finish"\n'


@pytest.fixture
async def expanded(tmp_path: Path, store: Store) -> Running:
    """The example site with its rules written out."""
    file = tmp_path / "milepost.toml"
    table, _ = parse(SHIPPED)
    whole = {name: each for name, each in expand(table).table.items() if name != "profiles"}
    file.write_text("\n".join(as_toml(whole)), encoding="utf-8")
    running = Running(file, store)
    await running.rules.begin()
    return running


async def pick(running: Running, name: str, order: str = "O", requested: int = 2) -> None:
    told = {**PICK, "order": order, "pick": name, "requested": requested}
    await running.say("dc/pick/p/pick", **told)


def finished(store: Store, running: Running) -> list[tuple[str, str]]:
    """Return each milestone's key and mark of the rule: as it is in the file, or former."""
    current = load(running.file).rules["picking-picked"].version
    return [
        (key, "current" if version == current else "former")
        for key, version in rows(store, MILESTONES)
    ]


@pytest.mark.parametrize("how", ["reload", "restart"])
async def test_a_rule_that_says_so_finishes_what_it_began_and_the_new_version_begins_the_rest(
    expanded: Running, store: Store, how: str
) -> None:
    await pick(expanded, "a", "BEFORE", 3)
    edit(expanded.file, 'until = "requested"\n', FINISH)
    edit(expanded.file, "within_seconds = 600", "within_seconds = 900")
    running = expanded
    if how == "reload":
        await running.rules.reload("maria")
    else:
        running = Running(expanded.file, store)
        await running.rules.begin()
    await pick(running, "b", "AFTER")
    await pick(running, "b", "BEFORE", 3)
    await pick(running, "c", "BEFORE", 3)
    await pick(running, "c", "AFTER")
    assert finished(store, running) == [("order:BEFORE", "former"), ("order:AFTER", "current")]
    ((known,),) = rows(store, "SELECT state FROM track WHERE key LIKE '%BEFORE%'")
    assert "concluded" in json.loads(known)
    # What is told again is recognised by the version in force, whoever told it.
    await pick(running, "a", "BEFORE", 3)
    assert len(finished(store, running)) == 2
    assert rows(store, "SELECT owner FROM track WHERE owner LIKE 'former:%'") == []


async def test_what_a_former_version_waits_for_ends_by_its_own_settings(
    expanded: Running, store: Store
) -> None:
    await pick(expanded, "a")
    await pick(expanded, "a", "DONE", 1)
    edit(expanded.file, 'until = "requested"\n', FINISH)
    edit(expanded.file, "within_seconds = 600", "within_seconds = 900")
    await expanded.rules.reload("maria")
    former = rows(store, "SELECT key FROM track WHERE owner LIKE 'former:%'")
    assert [key.split()[0] for (key,) in former] == ["order:O"]
    edit(expanded.file, "within_seconds = 900", "within_seconds = 1200")
    await expanded.rules.reload("maria")  # and again: the first version still finishes
    begun = 1_767_600_000_000
    for seconds, told in ((604, []), (606, [("order:O", "former")])):
        horizons = dict.fromkeys(expanded.rules.engine.owners(), begun + seconds * 1000)
        await expanded.ingest.expire(horizons)
        assert finished(store, expanded)[1:] == told


async def test_a_rule_with_another_operator_finishes_what_it_began_as_what_it_was(
    expanded: Running, store: Store
) -> None:
    await expanded.say("conveyor", type="door-scan", unit="U", trailer="T")
    text = expanded.file.read_text(encoding="utf-8")
    begin = text.index("[rules.dock-loaded]")
    end = text.index("[rules.", begin + 1)
    one = """[rules.dock-loaded]
operator = "one"
milestone = "loaded"
about = "unit"
of = { kind = "dock load" }

"""
    expanded.file.write_text(text[:begin] + one + text[end:], encoding="utf-8")
    await expanded.rules.reload("maria")
    await expanded.say("conveyor", type="load", unit="U", trailer="T")
    await expanded.say("conveyor", type="load", unit="V", trailer="T")
    told = rows(
        store,
        "SELECT key, count(*) FROM evidence JOIN milestone ON seq = milestone "
        "WHERE name = 'loaded' GROUP BY key",
    )
    held = [
        (each["key"], len(each["evidence"]))
        for (state,) in rows(store, "SELECT state FROM track WHERE owner = 'outbound'")
        for each in json.loads(state)["held"]
    ]
    assert told == []  # packed is waited for
    assert sorted(held) == [("unit:U", 2), ("unit:V", 1)]


async def test_what_migrates_goes_on_under_the_new_settings(
    expanded: Running, store: Store
) -> None:
    await pick(expanded, "a")
    edit(expanded.file, "within_seconds = 600", "within_seconds = 900")
    await expanded.rules.reload("maria")
    await pick(expanded, "b")
    assert finished(store, expanded) == [("order:O", "current")]
