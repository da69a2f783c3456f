"""What operators decide is done whole, recorded with who did it, or not done at all."""

import sqlite3
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import pytest
from pydantic import TypeAdapter

from buffer import outbox, quarantine, tally
from buffer.audit import AuditRow, Chain
from buffer.lane import Lane
from buffer.outbox import Attempt, State
from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import Batch, Signal
from edge.control.decisions import Decisions, Impossible
from edge.control.lines import Line
from edge.control.messages import (
    AuditPage,
    ByNumber,
    ChooseEntries,
    Decide,
    DiscardSignals,
    Lines,
    QuarantinePage,
    TakeIn,
)
from edge.control.questions import Questions
from edge.ingest import Ingest, Judge, Route
from edge.milestones.decode import Decoder
from edge.milestones.decode.settings import ObservationSettings
from edge.milestones.engine import RulesEngine
from edge.milestones.model import Name
from edge.milestones.rules import Rule
from edge.milestones.site import Site
from tests.unit.edge.site import START, said

pytestmark = pytest.mark.usefixtures("logs")

SCAN = {
    "source": "floor",
    "subject": "scan/+",
    "format": "json",
    "kind": "scan",
    "time": "time",
    "fields": {"unit": "unit"},
}
RULES = {
    "received": {
        "operator": "one",
        "milestone": "received",
        "about": "unit",
        "of": {"kind": "scan"},
    }
}
LANES = {"erp": dict.fromkeys(Name, Lane.NORMAL), "wms": {Name.LOST: Lane.CRITICAL}}
LATER = START + 60_000


def judge(*, unit: str = "unit") -> Judge:
    """Return a judge whose configuration finds the unit at that path."""
    observation = {**SCAN, "fields": {"unit": unit}}
    rules = TypeAdapter(dict[str, Rule]).validate_python(RULES)
    return Judge(
        decoder=Decoder([ObservationSettings.model_validate(observation)]),
        engine=RulesEngine("dc", rules, {}, {"scan": frozenset({"floor"})}),
        site=Site("https://dc.example"),
        routes=[Route("erp", LANES["erp"]), Route("wms", LANES["wms"])],
        clock=lambda: START,
        confirm=lambda _: None,
    )


@dataclass
class Told:
    """What the deliveries were told."""

    changed: list[str] = field(default_factory=list)
    added: int = 0

    def more(self) -> None:
        self.added += 1


@pytest.fixture
def told() -> Told:
    return Told()


def decisions_of(store: Store, told: Told, judge: Judge) -> Decisions:
    return Decisions(
        store,
        judge,
        LANES,
        lambda: LATER,
        on_changed=lambda names: told.changed.extend(sorted(names)),
        on_added=told.more,
    )


@pytest.fixture
def decisions(store: Store, told: Told) -> Decisions:
    return decisions_of(store, told, judge())


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Store]:
    """Open another gateway's store."""
    (tmp_path / "other").mkdir()
    opened = Store.open(tmp_path / "other/milestone.db")
    yield opened
    await opened.close()


async def take(store: Store, signals: Sequence[Signal], by: Judge | None = None) -> None:
    ingest = Ingest(store, by or judge(), on_milestones=lambda: None)
    await ingest.intake("floor", Lane.NORMAL).commit(Batch(signals=list(signals)))


async def settle(store: Store, entry: int, state: State, *, unsure: bool = False) -> None:
    ends = [(Attempt(entry, 1, START, START, "rejected", "422 no such order"), state)]
    if unsure:
        ends.insert(0, (Attempt(entry, 0, START, START, "unknown", "no answer"), "pending"))
    await store.write(lambda connection: outbox.settle(connection, "erp", ends))


async def standing(reader: Reader) -> dict[int, tuple[str, int, int, str | None]]:
    rows = await reader.rows("SELECT seq, state, attempts, unsure, outcome FROM entry")
    return {seq: tuple(rest) for seq, *rest in rows}


async def acts(reader: Reader) -> list[tuple[str, str, dict[str, object]]]:
    rows = (await Questions(reader).audited(AuditPage())).rows
    chain = Chain()
    assert [chain.follow(AuditRow(*row)) for row in rows] == [None] * len(rows)
    return [(row.who, row.act, orjson.loads(row.detail)) for row in rows]


async def tallies_are_true(reader: Reader) -> bool:
    counted = {name: n for name, n in (await reader.tallies()).items() if n}
    rows = await reader.rows("SELECT destination, state, count(*) FROM entry GROUP BY 1, 2")
    true = {tally.entries(destination, state): n for destination, state, n in rows}
    ((still_open,),) = await reader.rows("SELECT count(*) FROM quarantine WHERE state = 'open'")
    return {k: n for k, n in counted.items() if k.startswith("entries/")} == true and (
        counted.get(tally.QUARANTINED, 0) == still_open
    )


async def test_each_act_concerns_the_states_that_it_is_for_and_is_recorded(
    store: Store, reader: Reader, decisions: Decisions, told: Told
) -> None:
    await take(store, [said("scan", f"U{n}") for n in range(1, 5)])
    await settle(store, 1, "dead")
    await settle(store, 2, "delivered", unsure=True)
    everything = (1, 2, 3, 4, 99)
    discard = Decide(act="discard", numbers=(3,), reason="booked by hand")
    assert (await decisions.decide(discard, "anna")).entries == (3,)
    done = await decisions.decide(Decide(act="retry", numbers=everything), "anna")
    assert (done.entries, done.others) == (
        (1,),
        ((2, "delivered"), (3, "discarded"), (4, "pending"), (99, None)),
    )
    assert (await decisions.decide(Decide(act="replay", numbers=everything), "bob")).entries == (
        2,
        3,
    )
    assert await standing(reader) == {
        1: ("pending", 1, 0, "422 no such order"),
        2: ("pending", 1, 0, "422 no such order"),  # it is known what became of it
        3: ("pending", 0, 0, "booked by hand"),
        4: ("pending", 0, 0, None),
    }
    assert await acts(reader) == [
        ("anna", "outbox.discard", {"count": 1, "entries": "3", "reason": "booked by hand"}),
        ("anna", "outbox.retry", {"count": 1, "entries": "1"}),
        ("bob", "outbox.replay", {"count": 2, "entries": "2-3"}),
    ]
    assert told.changed == ["erp"] * 3
    assert await tallies_are_true(reader)


async def test_a_discarded_entry_of_unknown_outcome_is_looked_up_when_it_is_replayed(
    store: Store, reader: Reader, decisions: Decisions
) -> None:
    await take(store, [said("scan", "U1")])
    unknown = Attempt(1, 1, START, START, "unknown", "no answer")
    await store.write(lambda c: outbox.settle(c, "erp", [(unknown, "pending")]))
    await decisions.decide(Decide(act="discard", numbers=(1,), reason="why"), "anna")
    await decisions.decide(Decide(act="replay", numbers=(1,)), "anna")
    assert (await standing(reader))[1][:3] == ("pending", 1, 1)


async def test_nothing_is_recorded_of_an_act_that_touched_nothing(
    reader: Reader, decisions: Decisions
) -> None:
    assert not (await decisions.decide(Decide(act="retry", numbers=(1,)), "anna")).entries
    assert await acts(reader) == []


async def test_an_act_that_cannot_be_recorded_is_not_done(
    store: Store, reader: Reader, decisions: Decisions, told: Told
) -> None:
    await take(store, [said("scan", "U1"), Signal("scan/dock-1", b"{", START)])
    await settle(store, 1, "dead")
    before = await standing(reader)
    await store.write(
        lambda c: c.execute(
            "CREATE TRIGGER no_more BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'no'); END"
        ).close()
    )
    lines = await Questions(reader).lines(ByNumber(numbers=(1,)))
    new = lines.lines[0].milestone.model_copy(update={"id": f"{START:012x}" + "0" * 20})
    line = lines.lines[0].model_copy(update={"milestone": new})
    for work in (
        decisions.decide(Decide(act="retry", numbers=(1,)), "anna"),
        decisions.decide(Decide(act="discard", numbers=(1,), reason="why"), "anna"),
        decisions.discard_signals(DiscardSignals(numbers=(1,), reason="why"), "anna"),
        decisions.take_in(TakeIn(lines=(line,), only_look=False), "anna"),
    ):
        with pytest.raises(sqlite3.IntegrityError, match="no"):
            await work
    assert await standing(reader) == before
    assert await tallies_are_true(reader)
    assert told.changed == []


async def test_to_discard_takes_a_reason(decisions: Decisions) -> None:
    with pytest.raises(Impossible, match="a reason is needed"):
        await decisions.decide(Decide(act="discard", numbers=(1,)), "anna")


async def test_a_signal_that_the_configuration_now_understands_is_judged_with_itself_as_evidence(
    store: Store, reader: Reader, decisions: Decisions, told: Told
) -> None:
    await take(store, [said("scan", "U1"), said("scan", "U2")], judge(unit="tote"))
    assert (await reader.tallies())[tally.QUARANTINED] == 2
    done = await decisions.judge_again(ByNumber(numbers=(1, 7)), "anna")
    assert (done.judged, done.milestones, done.refused, done.others) == ((1,), 1, (), (7,))
    (milestone,) = await reader.milestones_of_key("unit:U1", 9)
    assert await reader.evidence_of(milestone.seq) == [1]
    (left,) = await quarantine.page(reader, 0, decided=False)
    assert (left.seq, left.signal) == (2, 2)
    decided = (await Questions(reader).quarantined(QuarantinePage(decided=True))).signals[0]
    assert (decided.state, decided.decision) == ("judged", "judged again: 1 milestone")
    assert [row[:2] for row in await acts(reader)] == [("anna", "quarantine.retry")]
    assert told.added == 1
    assert await tallies_are_true(reader)
    again = await decisions.judge_again(ByNumber(numbers=(1,)), "anna")
    assert (again.judged, again.milestones, again.others) == ((), 0, (1,))


async def test_a_signal_that_is_still_not_understood_stays_open_with_the_new_reason(
    store: Store, reader: Reader
) -> None:
    await take(store, [said("scan", "U1")], judge(unit="tote"))
    (before,) = await quarantine.page(reader, 0, decided=False)
    other = decisions_of(store, Told(), judge(unit="carton"))
    done = await other.judge_again(ByNumber(numbers=(1,)), "anna")
    (after,) = await quarantine.page(reader, 0, decided=False)
    assert "'tote'" in before.reason
    assert "'carton'" in after.reason
    assert (done.judged, done.refused) == ((), ((1, after.reason),))
    assert await acts(reader) == []
    assert await tallies_are_true(reader)


async def test_a_signal_that_is_in_quarantine_twice_is_judged_once(
    store: Store, reader: Reader, decisions: Decisions
) -> None:
    await take(store, [said("scan", "U1")], judge(unit="tote"))

    def another(connection: sqlite3.Connection) -> None:
        connection.execute(
            "INSERT INTO quarantine SELECT 2, signal, 'x', 0, state, NULL, NULL FROM quarantine"
        )
        tally.count(connection, {tally.QUARANTINED: 1})

    await store.write(another)
    done = await decisions.judge_again(ByNumber(numbers=(1, 2)), "anna")
    assert (done.judged, done.milestones) == ((1, 2), 1)
    assert await tallies_are_true(reader)


async def test_discarded_signals_leave_health_and_stay_in_the_journal(
    store: Store, reader: Reader, decisions: Decisions
) -> None:
    await take(store, [Signal("scan/dock-1", b"{", START), Signal("scan/dock-1", b"[", START)])
    asked = DiscardSignals(numbers=(1, 9), reason="old scanner")
    assert (await decisions.discard_signals(asked, "anna")).numbers == (1,)
    assert (await decisions.discard_signals(asked, "anna")).numbers == ()
    assert [each.recorded_at for each in await reader.latest_quarantine(9)] == [START]
    assert len(await reader.signals([1, 2])) == 2
    assert await acts(reader) == [
        ("anna", "quarantine.discard", {"count": 1, "signals": "1", "reason": "old scanner"})
    ]
    assert await tallies_are_true(reader)


async def carried(reader: Reader) -> Lines:
    """Return all entries as they are carried: written, and read again."""
    questions = Questions(reader)
    page = await questions.entries(ChooseEntries.model_validate({"selection": {}}))
    lines = await questions.lines(ByNumber(numbers=tuple(row.seq for row in page.entries)))
    read = [Line.model_validate_json(line.model_dump_json()) for line in lines.lines]
    return Lines(lines=tuple(read))


async def test_what_another_gateway_owes_is_owed_here_with_the_same_id_and_bytes_once(
    reader: Reader, other: Store, decisions: Decisions, told: Told
) -> None:
    await take(other, [said("scan", f"U{n}") for n in range(3)])
    async with Reader.open(other.path) as there:
        lines = (await carried(there)).lines
        owed = await there.pending("erp", Lane.NORMAL, 0, 9)
    looked = await decisions.take_in(TakeIn(lines=lines, only_look=True), "anna")
    assert (looked.owed, looked.known, told.added) == (3, 0, 0)
    assert await reader.pending("erp", Lane.NORMAL, 0, 9) == []
    for expected in ((3, 0), (0, 3)):
        taken = await decisions.take_in(TakeIn(lines=lines, only_look=False), "anna")
        assert (taken.owed, taken.known) == expected
    here = await reader.pending("erp", Lane.NORMAL, 0, 9)
    assert [(e.id, e.key, e.body) for e in here] == [(e.id, e.key, e.body) for e in owed]
    assert len(await reader.milestones_of_key("unit:U1", 9)) == 1
    assert [row[:2] for row in await acts(reader)] == [("anna", "outbox.import")]
    assert await tallies_are_true(reader)


async def test_a_milestone_known_here_is_owed_to_a_destination_that_was_not_owed_it(
    store: Store, reader: Reader, decisions: Decisions
) -> None:
    await take(store, [said("scan", "U1")])
    line = (await carried(reader)).lines[0]
    lost = line.milestone.model_copy(update={"name": Name.LOST})
    to_wms = line.model_copy(update={"destination": "wms", "milestone": lost})
    taken = await decisions.take_in(TakeIn(lines=(line, to_wms), only_look=False), "anna")
    assert (taken.owed, taken.known) == (1, 1)
    (entry,) = await reader.pending("wms", Lane.CRITICAL, 0, 9)
    assert entry.id.hex() == line.milestone.id
    assert await tallies_are_true(reader)


async def test_with_any_fault_nothing_of_the_request_is_taken_in(
    reader: Reader, other: Store, decisions: Decisions
) -> None:
    await take(other, [said("scan", f"U{n}") for n in range(3)])
    async with Reader.open(other.path) as there:
        first, second, third = (await carried(there)).lines
    lines = (
        first,
        second.model_copy(update={"destination": "sap"}),
        third.model_copy(update={"destination": "wms"}),
    )
    taken = await decisions.take_in(TakeIn(lines=lines, only_look=False), "anna")
    assert taken.faults == (
        (1, "no destination 'sap' is configured"),
        (2, "destination 'wms' takes no 'received'"),
    )
    assert await standing(reader) == {}


LINE = {
    "entry": 1,
    "destination": "erp",
    "state": "dead",
    "attempts": 1,
    "outcome": None,
    "milestone": {
        "id": f"{START:012x}" + "ab" * 10,
        "name": "received",
        "rule": "received",
        "key": "unit:U1",
        "keys": ["unit:U1"],
        "occurred_at": START,
        "recorded_at": START,
        "mark": "in_order",
        "retracts": None,
        "body": "{}",
    },
}


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("id", "ab" * 16),
        ("id", f"{START:012X}" + "AB" * 10),
        ("name", "arrived"),
        ("occurred_at", START + 1),
        ("occurred_at", str(START)),
        ("mark", "whatever"),
        ("retracts", "x"),
        ("body", "{"),
        ("body", "[]"),
        ("more", 1),
    ],
)
def test_a_line_that_was_changed_or_damaged_is_refused(field: str, wrong: object) -> None:
    Line.model_validate_json(orjson.dumps(LINE))
    damaged = {**LINE, "milestone": {**LINE["milestone"], field: wrong}}  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="1 validation error"):
        Line.model_validate_json(orjson.dumps(damaged))
