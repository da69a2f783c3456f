"""Other rules go on where those in force stand: no fact is lost, none is told twice."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import Batch
from edge.config import load
from edge.config.rule_set import NotTaken
from edge.ingest import Ingest, RulesInForce, prepared
from edge.rules.cutting_over import NotSafe, prepare
from tests.unit.edge.rules.test_backtest import BEGINNING, SHIPPED, as_given

PALLETS = SHIPPED.parents[1] / "docs" / "examples" / "pallets.toml"
PICK = {"order": "O", "line": "1", "item": "I"}
SCAN, RETURN = "dc/scanner/dock-in-1/scan", "dc/scanner/returns-1/scan"


class Gateway:
    """The shipped site at work, whose rules can be cut over."""

    def __init__(
        self, directory: Path, store: Store, reader: Reader, configuration: str | None = None
    ) -> None:
        self.file = directory / "milepost.toml"
        self.file.write_text(configuration or SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
        self.store, self.reader = store, reader
        self.now = BEGINNING
        self.rules = RulesInForce(
            load(self.file),
            self.file,
            store,
            clock=lambda: self.now,
            confirm=lambda _: None,
            on_adopted=lambda _: None,
        )
        self.old = load(self.file)
        self._ingest = Ingest(store, self.rules.judge, on_milestones=lambda: None)

    async def say(self, at: float, subject: str, **payload: Any) -> None:
        said = as_given({"subject": subject, "at": at, "payload": payload})
        one = said.as_signal()
        await self.expire(one.received_at - 1)
        await self._ingest.intake(said.source).commit(Batch(signals=[one]))

    async def expire(self, now: float) -> None:
        self.now = round(now)
        await self._ingest.expire(dict.fromkeys(self.rules.engine.owners(), self.now))

    async def until(self, at: float) -> None:
        await self.expire(BEGINNING + at * 1000)

    def edit(self, was: str, is_now: str) -> None:
        text = self.file.read_text(encoding="utf-8")
        assert was in text
        self.file.write_text(text.replace(was, is_now), encoding="utf-8")

    async def prepare(self, heard_until: float | None = None) -> Mapping[str, int]:
        until = self.now if heard_until is None else BEGINNING + round(heard_until * 1000)
        ready, passed_over = await prepare(self.reader, self.old, load(self.file), until)
        prepared.write(prepared.file_beside(self.store.path), ready)
        return passed_over

    async def cut_over(self) -> int:
        await self.prepare()
        _, added = await self.rules.cut_over("cutover", "maria")
        return added

    def told(self) -> list[tuple[str, str, float]]:
        with closing(sqlite3.connect(self.store.path)) as connection:
            rows = connection.execute(
                "SELECT name, key, occurred_at FROM milestone ORDER BY seq"
            ).fetchall()
        return [(name, key, (at - BEGINNING) / 1000) for name, key, at in rows]


@pytest.fixture
async def gateway(tmp_path: Path, store: Store, reader: Reader) -> Gateway:
    gateway = Gateway(tmp_path, store, reader)
    await gateway.rules.begin()
    return gateway


async def test_what_new_rules_wait_with_is_known_although_it_was_told_before(
    gateway: Gateway,
) -> None:
    """A rule by another name, or of another shape, has no track: a reload would begin anew."""
    await gateway.say(0, "dc/pick/p/pick", **PICK, pick="a", quantity=1, requested=2)
    gateway.edit("[profiles.picking]", "[profiles.picking-anew]")
    assert await gateway.cut_over() == 0
    await gateway.say(1, "dc/pick/p/pick", **PICK, pick="b", quantity=1, requested=2)
    assert gateway.told() == [("picked", "order:O", 1)]


async def test_what_was_told_is_not_told_again_by_the_same_rule_with_other_settings(
    gateway: Gateway,
) -> None:
    await gateway.say(0, SCAN, barcode="A")
    gateway.edit('"dock-in-*"', '"dock-*"')
    assert await gateway.cut_over() == 0
    await gateway.say(1, SCAN, barcode="A")
    await gateway.say(2, "dc/scanner/dock-out-1/scan", barcode="B")
    assert gateway.told() == [("received", "unit:A", 0), ("received", "unit:B", 2)]


@pytest.mark.parametrize("is_received", [True, False])  # else its lifecycle holds it back
async def test_what_the_old_rules_were_about_to_tell_and_the_new_ones_have_is_told(
    gateway: Gateway, *, is_received: bool
) -> None:
    await gateway.say(0, SCAN, barcode="A" if is_received else "B")
    await gateway.say(0, "conveyor", type="scan", unit="LONG-AGO")
    await gateway.until(20)
    await gateway.say(30, "conveyor", type="scan", unit="A")
    await gateway.until(34.5)
    gateway.edit("within_seconds = 6\n", "within_seconds = 2\n")
    assert await gateway.prepare() == {"lost": 1}  # as LONG-AGO would have been
    assert await gateway.cut_over() == is_received
    await gateway.until(60)
    assert gateway.told()[1:] == [("lost", "unit:LONG-AGO", 6), ("lost", "unit:A", 32)]


@pytest.mark.parametrize("at", [9, 20])  # held back by the lifecycle until 11, and told
async def test_what_could_be_told_again_under_another_id_keeps_the_old_rules_in_force(
    gateway: Gateway, at: float
) -> None:
    await gateway.say(0, "conveyor", type="scan", unit="A")
    await gateway.until(at)
    gateway.edit("within_seconds = 6\n", "within_seconds = 60\n")
    with pytest.raises(
        NotSafe, match="lost of unit:A has been concluded, and the new rule sorter-lost"
    ):
        await gateway.prepare()
    await gateway.until(70)
    assert await gateway.cut_over() == 0
    await gateway.until(100)
    assert gateway.told() == [("lost", "unit:A", 6)]


async def test_what_is_open_beyond_the_reach_of_the_journal_keeps_the_old_rules_in_force(
    gateway: Gateway,
) -> None:
    await gateway.say(0, "dc/pick/p/pick", **PICK, pick="a", quantity=1, requested=2)
    await gateway.say(1, SCAN, barcode="A")
    await gateway.store.write(lambda c: c.execute("DELETE FROM journal WHERE seq = 1").rowcount)
    gateway.edit('use = "pick-station"\n', 'use = "pick-station"\nwithin_seconds = 900\n')
    with pytest.raises(
        NotSafe, match=r"begins with signal 2, and rule picking-picked .* signal 1 "
    ):
        await gateway.prepare()


async def test_what_is_said_while_it_is_prepared_is_judged_by_the_new_rules(
    gateway: Gateway,
) -> None:
    gateway.edit('"dock-in-*"', '"gate-*"')
    await gateway.prepare()
    await gateway.say(0, SCAN, barcode="A")
    await gateway.say(1, "dc/scanner/gate-1/scan", barcode="B")
    await gateway.say(2, "dc/scanner/gate-1/scan", nothing="readable")
    _, added = await gateway.rules.cut_over("cutover", "maria")
    assert added == 1
    # What the old rules told until then was told.
    assert gateway.told() == [("received", "unit:A", 0), ("received", "unit:B", 1)]
    with closing(sqlite3.connect(gateway.store.path)) as connection:
        assert connection.execute("SELECT signal FROM quarantine").fetchall() == [(3,)]


async def test_rules_that_are_the_same_keep_what_they_know(gateway: Gateway) -> None:
    await gateway.say(0, "dc/pick/p/pick", **PICK, pick="a", quantity=1, requested=2)
    await gateway.say(1, RETURN, barcode="A", rma="R")
    await gateway.store.write(lambda c: c.execute("DELETE FROM journal").rowcount)
    gateway.edit('"dock-in-*"', '"gate-*"')
    await gateway.cut_over()
    await gateway.say(2, "dc/pick/p/pick", **PICK, pick="b", quantity=1, requested=2)
    await gateway.say(3, RETURN, barcode="A", rma="R")
    assert gateway.told() == [("returned", "unit:A", 1), ("picked", "order:O", 2)]


async def test_a_unit_stays_where_its_lifecycle_has_it(gateway: Gateway) -> None:
    await gateway.say(0, SCAN, barcode="A")
    gateway.edit('"dock-in-*"', '"gate-*"')
    await gateway.cut_over()
    await gateway.say(1, "dc/scanner/gate-1/scan", barcode="A")
    assert gateway.told() == [("received", "unit:A", 0)]


async def test_nothing_is_concluded_from_the_silence_of_a_source_that_is_away(
    gateway: Gateway,
) -> None:
    await gateway.say(0, "conveyor", type="scan", unit="A")
    scan = as_given({"subject": SCAN, "at": 30, "payload": {"barcode": "B"}})
    await gateway._ingest.intake("floor").commit(Batch(signals=[scan.as_signal()]))
    gateway.edit("within_seconds = 6\n", "within_seconds = 7\n")
    await gateway.prepare(heard_until=3)  # then the PLC was away
    await gateway.rules.cut_over("cutover", "maria")
    said = {"type": "divert", "unit": "A", "lane": 1}
    divert = as_given({"subject": "conveyor", "at": 5, "payload": said})
    await gateway._ingest.intake("plc").commit(Batch(signals=[divert.as_signal()]))
    await gateway.until(60)
    assert gateway.told() == [("received", "unit:B", 30)]


async def test_what_is_held_for_its_order_is_judged_by_the_new_rules_too(
    gateway: Gateway, store: Store, reader: Reader
) -> None:
    gateway.edit('driver = "mqtt"\n', 'driver = "mqtt"\nreorder_seconds = 10\n')
    gateway = Gateway(gateway.file.parent, store, reader, gateway.file.read_text())
    pick = {**PICK, "quantity": 1, "requested": 2}
    await gateway.say(0, "dc/pick/p/pick", **pick, pick="a")
    gateway.edit("[profiles.picking]", "[profiles.picking-anew]")
    await gateway.prepare(heard_until=1)  # the first pick is held then
    await gateway.until(20)  # and judged by the old rules
    await gateway.rules.cut_over("cutover", "maria")
    await gateway.say(21, "dc/pick/p/pick", **pick, pick="b")
    await gateway.until(60)
    assert gateway.told() == [("picked", "order:O", 21)]


async def test_what_is_held_is_judged_by_the_new_rules_in_the_order_in_which_it_happened(
    gateway: Gateway, store: Store, reader: Reader
) -> None:
    gateway.edit('driver = "mqtt"\n', 'driver = "mqtt"\nreorder_seconds = 10\n')
    gateway = Gateway(gateway.file.parent, store, reader, gateway.file.read_text())
    gate = "dc/scanner/gate-1/scan"
    for at, late in ((20, 0), (19, 1)):
        said = as_given({"subject": gate, "at": at, "late": late, "payload": {"barcode": "U"}})
        await gateway._ingest.intake(said.source).commit(Batch(signals=[said.as_signal()]))
    gateway.edit('"dock-in-*"', '"gate-*"')
    await gateway.prepare(heard_until=20)
    await gateway.say(40, gate, barcode="Z")
    await gateway.rules.cut_over("cutover", "maria")
    await gateway.until(60)
    assert gateway.told() == [("received", "unit:U", 19), ("received", "unit:Z", 40)]


async def test_what_is_in_what_is_known_to_rules_that_tell_of_content(
    tmp_path: Path, store: Store, reader: Reader
) -> None:
    whole = PALLETS.read_text(encoding="utf-8")
    plain = whole.replace("for_content = true", "").replace('"units"', '"items"')
    gateway = Gateway(tmp_path, store, reader, plain)
    await gateway.rules.begin()
    for at, carton in ((1, "C1"), (2, "C2")):
        await gateway.say(at, "dc/pallet/p/stack", pallet="P", carton=carton)
    await gateway.say(3, "dc/pallet/p/wrap", pallet="P", count=2)
    gateway.file.write_text(whole)
    await gateway.cut_over()
    await gateway.say(10, "dc/door/d/load", unit="P", trailer="T")
    assert gateway.told() == [
        ("packed", "unit:P", 3),
        *(("loaded", f"unit:{unit}", 10) for unit in ("P", "C1", "C2")),
    ]


async def test_what_was_prepared_for_others_is_not_taken(gateway: Gateway) -> None:
    with pytest.raises(NotTaken, match="nothing is prepared"):
        await gateway.rules.cut_over("cutover", "maria")
    gateway.edit("within_seconds = 6\n", "within_seconds = 7\n")
    await gateway.prepare()
    gateway.edit("within_seconds = 7\n", "within_seconds = 8\n")
    with pytest.raises(NotTaken, match=r"is for \w+ after \w+"):
        await gateway.rules.cut_over("cutover", "maria")


async def test_the_way_back_tells_nothing_twice_and_loses_nothing(gateway: Gateway) -> None:
    await gateway.say(0, "dc/pick/p/pick", **PICK, pick="a", quantity=1, requested=2)
    text = gateway.file.read_text()
    gateway.edit("[profiles.picking]", "[profiles.picking-anew]")
    await gateway.cut_over()
    await gateway.say(1, SCAN, barcode="A")
    gateway.old = load(gateway.file)
    gateway.file.write_text(text)
    await gateway.prepare()
    await gateway.rules.cut_over("rollback", "maria")
    await gateway.say(2, "dc/pick/p/pick", **PICK, pick="b", quantity=1, requested=2)
    await gateway.say(3, SCAN, barcode="A")
    assert gateway.told() == [("received", "unit:A", 1), ("picked", "order:O", 2)]
