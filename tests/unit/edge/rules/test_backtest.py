"""A backtest concludes what the daemon did, and shows what other rules would have concluded."""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from buffer import history
from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import Batch
from edge.cli.app import app
from edge.config import Configuration, load
from edge.ingest import Ingest
from edge.ingest.configured import judge, rules_engine
from edge.rules.backtest import Backtest
from edge.rules.cases import START, GivenSignal
from edge.rules.comparing import Comparison

SHIPPED = Path(__file__).parents[4] / "systemd" / "milepost.toml"
BEGINNING = round(START.timestamp() * 1000)

SAID: list[dict[str, Any]] = [
    {"subject": "dc/scanner/dock-in-1/scan", "at": 0, "payload": {"barcode": "U1"}},
    {"subject": "dc/scanner/dock-in-2/scan", "at": 1, "payload": {"barcode": "U2"}},
    {"subject": "dc/scanner/dock-in-2/scan", "at": 2, "payload": {"bar": "code"}},
    {"subject": "conveyor", "at": 3, "payload": {"type": "scan", "unit": "U1"}},
    {"subject": "conveyor", "at": 4, "payload": {"type": "scan", "unit": "U2"}},
    {"subject": "conveyor", "at": 8, "payload": {"type": "divert", "unit": "U2", "lane": 3}},
    {"subject": "conveyor", "at": 8, "payload": {"type": "scan", "unit": "U3"}},
    {"subject": "conveyor", "at": 15, "payload": {"type": "scan", "unit": "U2"}},
    {"subject": "dc/scanner/dock-in-1/scan", "at": 19.5, "payload": {"barcode": "U3"}},
    {"subject": "dc/scanner/returns-1/scan", "at": 20, "payload": {"barcode": "U2", "rma": "R"}},
]


RETURNED = 'milestone = "returned"\n'
NAMED = (RETURNED, f'{RETURNED}observations.scan.fields.returned_as = "rma?"\n')
LOST_AFTER_6 = (("U1", 9_000), ("U3", 14_000), ("U2", 21_000))
LOST_AFTER_3 = (("U1", 6_000), ("U2", 7_000), ("U3", 11_000))


def as_given(said: Mapping[str, Any]) -> GivenSignal:
    source = "plc" if said["subject"] == "conveyor" else "floor"
    payload = {"time": "{time}", "read_point": "x", **said["payload"]}
    return GivenSignal.model_validate({**said, "source": source, "payload": payload})


@pytest.fixture
async def lived(store: Store) -> Store:
    """A store as the daemon leaves it half a minute after the last of these.

    U1 and U3 are lost, U3 before it is received; U2 is lost after the last signal.
    """
    site = load(SHIPPED)
    engine = rules_engine(site)
    now = BEGINNING
    ingest = Ingest(store, judge(site, engine, lambda: now, lambda _: None), lambda: None)
    for said in map(as_given, SAID):
        signal = said.as_signal()
        for horizon in range(now, signal.received_at, 500):
            await ingest.expire(dict.fromkeys(engine.owners(), horizon))
        now = signal.received_at
        await ingest.intake(said.source).commit(Batch(signals=[signal]))
    for _ in range(60):
        now += 500
        await ingest.expire(dict.fromkeys(engine.owners(), now))
    return store


def configuration_with(**changes: tuple[str, str]) -> str:
    text = SHIPPED.read_text(encoding="utf-8")
    for was, is_now in changes.values():
        assert was in text
        text = text.replace(was, is_now)
    return text


def changed(tmp_path: Path, **changes: tuple[str, str]) -> Configuration:
    file = tmp_path / "new.toml"
    file.write_text(configuration_with(**changes))
    return load(file)


async def compare(reader: Reader, new: Configuration, since: int = 0) -> Comparison:
    return await Backtest(reader, new, since=since, most=100).run()


async def test_the_same_rules_conclude_the_same(lived: Store, reader: Reader) -> None:
    found = await compare(reader, load(SHIPPED))
    assert found.is_same
    assert found.counts == {
        ("received", "same"): 3, ("lost", "same"): 3, ("returned", "same"): 1,
    }  # fmt: skip
    assert (found.signals, found.quarantined, found.differences) == (len(SAID), 1, [])
    assert (found.began_at, found.ended_at) == (BEGINNING, BEGINNING + 20_000)
    assert lived.commits > 0


async def test_what_other_rules_conclude_is_told_as_what_it_is(
    lived: Store, reader: Reader, tmp_path: Path
) -> None:
    del lived
    new = changed(
        tmp_path,
        sooner=("within_seconds = 6\n", "within_seconds = 3\n"),
        elsewhere=('"dock-in-*"', '"dock-in-2"'),
        named=NAMED,
        forgotten_sooner=(RETURNED, f"{RETURNED}rules.scanned.remember_days = 29\n"),
    )
    found = await compare(reader, new)
    assert not found.is_same
    told = {
        (each.kind, each.name, each.key, each.occurred_at - BEGINNING) for each in found.differences
    }
    assert told == {
        ("only old", "received", "unit:U1", 0),
        ("only old", "received", "unit:U3", 19_500),
        ("changed", "returned", "unit:U2", 20_000),
        *(("only old", "lost", f"unit:{unit}", at) for unit, at in LOST_AFTER_6),
        *(("only new", "lost", f"unit:{unit}", at) for unit, at in LOST_AFTER_3),
    }
    assert found.counts["received", "same"] == 1


async def test_another_version_of_a_rule_that_concludes_the_same_is_the_same(
    lived: Store, reader: Reader, tmp_path: Path
) -> None:
    del lived
    longer = ("within_seconds = 6\n", "within_seconds = 6\nrules.lost.remember_days = 31\n")
    found = await compare(reader, changed(tmp_path, longer=longer))
    assert found.is_same
    assert found.counts["lost", "same"] == 3


async def test_only_what_happened_since_is_compared_and_all_of_the_journal_is_judged(
    lived: Store, reader: Reader, tmp_path: Path
) -> None:
    del lived
    new = changed(tmp_path, elsewhere=('"returns-*"', '"returns-2"'))
    later = await compare(reader, new, since=BEGINNING + 21_001)
    assert (later.is_same, later.signals, later.counts) == (True, len(SAID), {})
    found = await compare(reader, new, since=BEGINNING + 9_000)
    assert found.counts == {
        ("lost", "same"): 3, ("received", "same"): 1, ("returned", "only old"): 1,
    }  # fmt: skip


async def test_what_the_journal_no_longer_explains_is_not_compared(
    lived: Store, reader: Reader
) -> None:
    await lived.write(lambda c: c.execute("DELETE FROM journal WHERE seq <= 4") and None)
    found = await compare(reader, load(SHIPPED))
    assert (found.signals, found.unexplained) == (len(SAID) - 4, 3)
    assert "unit:U1" not in {each.key for each in found.differences}


async def test_nothing_is_changed_by_it(lived: Store, reader: Reader) -> None:
    commits = lived.commits
    before = lived.path.read_bytes()
    await compare(reader, load(SHIPPED))
    assert lived.path.read_bytes() == before
    assert lived.commits == commits


async def test_a_long_journal_is_read_in_chunks(
    lived: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    del lived
    monkeypatch.setattr(history, "CHUNK", 2)
    found = await compare(reader, load(SHIPPED))
    assert found.is_same
    assert sum(found.counts.values()) == 7


def run(store: Path, tmp_path: Path, *more: str, **changes: tuple[str, str]) -> Result:
    installed, new = tmp_path / "installed.toml", tmp_path / "rules.toml"
    installed.write_text(configuration_with(at=('"/var/lib/milepost/milepost.db"', f'"{store}"')))
    new.write_text(configuration_with(**changes))
    arguments = ["backtest", "--config", str(installed), "--rules", str(new), *more]
    return CliRunner().invoke(app, arguments)


async def test_the_command_ends_with_0_if_nothing_differs_and_1_if_anything_does(
    lived: Store, tmp_path: Path
) -> None:
    def command(*more: str, **changes: tuple[str, str]) -> Result:
        return run(lived.path, tmp_path, *more, **changes)

    same = await asyncio.to_thread(command)
    assert same.exit_code == 0, same.output
    assert "10 signals, from" in same.stdout
    assert "1 signal cannot be judged by the new rules" in same.stdout
    other = await asyncio.to_thread(
        command, "--limit", "1", sooner=("within_seconds = 6\n", "within_seconds = 3\n")
    )
    assert other.exit_code == 1
    assert re.search(r"^lost +0 +3 +3 +0$", other.stdout, re.MULTILINE)
    assert other.stdout.count("unit:U") == 1
    assert "and 5 more; --limit shows more" in other.stdout
    empty = await asyncio.to_thread(run, tmp_path / "none.db", tmp_path)
    assert (empty.exit_code, len(empty.stderr.splitlines())) == (3, 1)
