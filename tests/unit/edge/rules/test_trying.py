"""A test of rules passes if and only if what is concluded is what it expects."""

import math
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from buffer.store import Store
from drivers.contract import Batch
from edge.config import Configuration, ConfigurationFault, load
from edge.ingest import Ingest
from edge.ingest.configured import judge, rules_engine
from edge.milestones.expressions import Condition, NoResult
from edge.rules.cases import RuleTest
from edge.rules.loading import load_tests
from edge.rules.rehearsal import Rehearsal
from edge.rules.trying import run

SHIPPED = Path(__file__).parents[4] / "systemd"
DOCK = {"source": "floor", "subject": "dc/scanner/dock-in-1/scan"}
LATER = 10**12
"""Milliseconds after the last signal: every deadline has passed by then."""


@pytest.fixture(scope="module")
def site() -> Configuration:
    return load(SHIPPED / "milepost.toml")


@pytest.fixture(scope="module")
def in_order(site: Configuration) -> Configuration:
    """Return the same, with sources that tell things out of order."""
    sources = {
        name: each.model_copy(update={"reorder_seconds": 2}) for name, each in site.sources.items()
    }
    return site.model_copy(update={"sources": sources})


def scan(at: float, unit: str = "U1", **more: Any) -> dict[str, Any]:
    return {**DOCK, "at": at, "payload": {"time": "{time}", "barcode": unit}, **more}


def received(at: float, **more: Any) -> dict[str, Any]:
    return {"at": at, "name": "received", "key": "unit:U1", **more}


def rule_test(*signals: Mapping[str, Any], **expected: Any) -> RuleTest:
    return RuleTest.model_validate({"name": "it", "signals": signals, **expected})


EXAMPLES = sorted((SHIPPED.parent / "docs" / "examples").glob("*.tests.toml"))
SHIPPED_TESTS = load_tests(SHIPPED / "milepost.tests.toml").tests


@pytest.mark.parametrize("rule_test", [test for _, test in SHIPPED_TESTS], ids=lambda t: t.name)
def test_the_shipped_rules_do_what_their_tests_say(
    site: Configuration, rule_test: RuleTest
) -> None:
    assert run(site, rule_test).difference == ()


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.name)
def test_the_examples_of_the_documentation_do_what_their_tests_say(file: Path) -> None:
    examples = load_tests(file)
    for _, rule_test in examples.tests:
        assert run(examples.configuration, rule_test).difference == ()


@pytest.mark.parametrize("rule_test", [test for _, test in SHIPPED_TESTS], ids=lambda t: t.name)
def test_the_shipped_rules_do_the_same_where_sources_tell_things_out_of_order(
    in_order: Configuration, rule_test: RuleTest
) -> None:
    assert run(in_order, rule_test).difference == ()


def test_what_is_told_out_of_order_is_judged_in_order(
    site: Configuration, in_order: Configuration
) -> None:
    told = rule_test(scan(3, late=1.5), scan(4), milestones=[received(3)])
    assert run(site, told).difference == (
        "- +3.000 s  received  unit:U1",
        "+ +4.000 s  received  unit:U1",
    )
    assert run(in_order, told).difference == ()
    too_late = rule_test(
        scan(1, "U2"),
        scan(9, "U2"),
        scan(3, late=7),
        milestones=[
            {**received(1), "key": "unit:U2"},
            received(3, mark="late"),
        ],
    )
    assert run(in_order, too_late).difference == ()


@pytest.mark.parametrize(
    ("expected", "difference"),
    [
        ([], ('+ +3.000 s  received  unit:U1  read_point="dock-in-1"  unit="U1"',)),
        ([received(4)], ("- +4.000 s  received  unit:U1", "+ +3.000 s  received  unit:U1")),
        (
            [received(3, attributes={"read_point": "dock-in-2"})],
            (
                '- +3.000 s  received  unit:U1  read_point="dock-in-2"',
                '+ +3.000 s  received  unit:U1  read_point="dock-in-1"',
            ),
        ),
        (
            [received(3, attributes={"order": "SO-1"})],
            (
                '- +3.000 s  received  unit:U1  order="SO-1"',
                "+ +3.000 s  received  unit:U1",
            ),
        ),
        (
            [received(3, mark="late")],
            ("- +3.000 s  received  unit:U1  late", "+ +3.000 s  received  unit:U1"),
        ),
        (
            [received(3), received(3, retraction=True)],
            ("  +3.000 s  received  unit:U1", "- +3.000 s  not received  unit:U1"),
        ),
        ([received(3)], ()),
        ([received(3, attributes={"unit": "U1"})], ()),
    ],
)
def test_what_is_concluded_otherwise_is_told_as_a_difference(
    site: Configuration, expected: list[dict[str, Any]], difference: tuple[str, ...]
) -> None:
    found = run(site, rule_test(scan(3), milestones=expected)).difference
    assert sorted(found) == sorted(difference)


@pytest.mark.parametrize(
    ("quarantine", "is_as_expected"),
    [(["nothing at 'barcode'"], True), ([], False), (["not JSON"], False)],
)
def test_a_signal_that_cannot_be_judged_is_expected_by_its_reason(
    site: Configuration, quarantine: list[str], *, is_as_expected: bool
) -> None:
    signal = {**DOCK, "payload": {"time": "{time}"}}
    outcome = run(site, rule_test(signal, quarantine=quarantine))
    assert (not outcome.difference) == is_as_expected


def test_what_is_alike_may_be_expected_in_any_order(site: Configuration) -> None:
    def pick(line: str, quantity: int) -> dict[str, Any]:
        told = {"order": "SO-1", "line": line, "item": "A", "quantity": quantity}
        payload = {"time": "{time}", **told, "requested": quantity, "pick": line}
        return {"source": "floor", "subject": "dc/pick/p1/pick", "payload": payload}

    expected = [
        {"at": 0, "name": "picked", "key": "order:SO-1", "attributes": attributes}
        for attributes in ({"line": "2", "quantity": 4}, {"line": "1"})
    ]
    signals = [pick("1", 3), pick("2", 4), {**DOCK, "payload": "{"}, {**DOCK, "payload": {}}]
    reasons = ["nothing at 'time'", "JSON"]
    outcome = run(site, rule_test(*signals, milestones=expected, quarantine=reasons))
    assert outcome.difference == ()


@pytest.mark.parametrize(
    "value",
    ["99999999999999999999999", "nan", "[1.0, inf]", "[" * 300 + "]" * 300],
)
def test_what_json_cannot_say_is_a_fault_of_the_file(tmp_path: Path, value: str) -> None:
    file = tmp_path / "its.tests.toml"
    file.write_text(
        f'configuration = "{SHIPPED / "milepost.toml"}"\n\n[[tests]]\nname = "one"\n'
        f'signals = [{{ source = "floor", subject = "x", payload = {{ a = {value} }} }}]\n'
        f'milestones = [{{ at = 0, name = "lost", key = "k", attributes = {{ a = {value} }} }}]\n'
    )
    with pytest.raises(ConfigurationFault, match="cannot be written as JSON") as refused:
        load_tests(file)
    assert {fault.line for fault in refused.value.faults} == {5, 6}


@pytest.mark.parametrize("value", ["9" * 5000, "[" * 5000 + "]" * 5000])
def test_toml_that_python_cannot_read_is_a_fault_of_the_file(tmp_path: Path, value: str) -> None:
    file = tmp_path / "its.tests.toml"
    file.write_text(f"configuration = {value}\n")
    with pytest.raises(ConfigurationFault, match="is not TOML"):
        load_tests(file)


def test_a_path_that_cannot_be_one_is_a_fault_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "its.tests.toml"
    file.write_text(
        'configuration = "a\\u0000b"\n\n[[tests]]\nname = "one"\n'
        'signals = [{ source = "floor", subject = "x", payload = "" }]\n'
    )
    with pytest.raises(ConfigurationFault, match="cannot be a file"):
        load_tests(file)


def test_signals_count_in_the_order_in_which_they_arrive_and_happen_when_they_say(
    site: Configuration,
) -> None:
    signals = [scan(1, late=900), scan(5), scan(2, "U2")]
    expected = [received(5), {"at": 2, "name": "received", "key": "unit:U2"}]
    assert run(site, rule_test(*signals, milestones=expected)).difference == ()


def test_what_time_alone_concludes_comes_in_the_order_of_time(site: Configuration) -> None:
    rehearsal = Rehearsal(site)
    for number, (unit, at) in enumerate((("U1", 3), ("U2", 2), ("U3", 1)), 1):
        infeed = {"type": "scan", "time": "{time}", "read_point": "infeed", "unit": unit}
        said = {"source": "plc", "subject": "conveyor", "at": at, "payload": infeed}
        (signal,) = rule_test(said).signals
        rehearsal.take([(number, "plc", signal.as_signal())])
    rehearsal.pass_time(math.inf)
    assert [each.key for each in rehearsal.milestones] == ["unit:U3", "unit:U2", "unit:U1"]


def test_a_fact_that_is_told_again_after_it_was_forgotten_is_the_same_fact(
    site: Configuration,
) -> None:
    again = scan(1, late=40 * 86_400)  # remembered for 30 days
    assert run(site, rule_test(scan(1), again, milestones=[received(1)])).difference == ()


def test_the_text_of_a_payload_may_be_given_as_it_is(site: Configuration) -> None:
    text = '{"time": "{time}", "barcode": "U1"}'
    milliseconds = {"time": "{time_ms}", "barcode": "U1"}
    for payload in (text, milliseconds):
        signal = {**DOCK, "at": 7, "payload": payload}
        assert run(site, rule_test(signal, milestones=[received(7)])).difference == ()
    refused = {**DOCK, "payload": "{"}
    assert run(site, rule_test(refused, quarantine=["not JSON"])).difference == ()


def test_a_signal_that_no_observation_is_about_is_named_when_a_test_fails(
    site: Configuration,
) -> None:
    stray = {"source": "floor", "subject": "dc/scaner/dock-in-1/scan", "payload": {}}
    outcome = run(site, rule_test(scan(1), stray, milestones=[received(1), received(2)]))
    assert outcome.hints == (
        "signal 2: no observation is about 'dc/scaner/dock-in-1/scan' of 'floor'",
    )


def test_a_signal_that_no_when_fits_is_not_said_to_come_from_elsewhere(site: Configuration) -> None:
    told = {"source": "plc", "subject": "conveyor", "payload": {"type": "Divert"}}
    assert run(site, rule_test(told, milestones=[received(1)])).hints == (
        "signal 1: no observation of 'conveyor' of 'plc' has a `when` that fits its payload",
    )


def test_a_payload_may_be_a_number_or_a_list(site: Configuration) -> None:
    motor = {"source": "plc", "subject": "infeed-motor-current", "payload": 3.5}
    measured = {
        "at": 60,
        "name": "measured",
        "key": "device:infeed-motor-current",
        "attributes": {"mean": 3.5},
    }
    assert run(site, rule_test(motor, milestones=[measured])).difference == ()
    refused = {**DOCK, "payload": [True]}
    assert run(site, rule_test(refused, quarantine=["nothing at 'time'"])).difference == ()


def test_a_test_ends_when_it_says(site: Configuration) -> None:
    infeed = {"type": "scan", "time": "{time}", "read_point": "infeed", "unit": "U1"}
    said = {"source": "plc", "subject": "conveyor", "payload": infeed}
    lost = {"at": 6, "name": "lost", "key": "unit:U1", "mark": "out_of_order"}
    # It is concluded when devices that tell late have had their time, too.
    assert run(site, rule_test(said, until=7.9)).difference == ()
    assert run(site, rule_test(said, milestones=[lost])).difference == ()
    with pytest.raises(ValidationError, match="`until` is before the last signal reaches"):
        rule_test({**said, "at": 2, "late": 3}, until=4.9)


def test_a_source_that_is_not_configured_is_a_fault_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "its.tests.toml"
    file.write_text(
        f'configuration = "{SHIPPED / "milepost.toml"}"\n\n[[tests]]\nname = "one"\n'
        'signals = [{ source = "flor", subject = "x", payload = "" }]\n'
    )
    with pytest.raises(ConfigurationFault, match="no such source: 'flor'; there are plc, floor"):
        load_tests(file)


@pytest.mark.parametrize("reorders", [False, True])
@pytest.mark.parametrize("rule_test", [test for _, test in SHIPPED_TESTS], ids=lambda t: t.name)
async def test_a_rehearsal_concludes_what_the_daemon_does(
    site: Configuration,
    in_order: Configuration,
    store: Store,
    rule_test: RuleTest,
    reorders: bool,  # noqa: FBT001
) -> None:
    site = in_order if reorders else site
    signals = sorted(
        ((each.source, each.as_signal()) for each in rule_test.signals),
        key=lambda said: said[1].received_at,
    )
    rehearsal = Rehearsal(site)
    engine = rules_engine(site)
    now = 0
    ingest = Ingest(store, judge(site, engine, lambda: now, lambda _: None), lambda: None)
    for number, (source, signal) in enumerate(signals, 1):
        now = signal.received_at
        rehearsal.pass_time(now - 1)
        await ingest.expire(dict.fromkeys(engine.owners(), now - 1))
        rehearsal.take([(number, source, signal)])
        await ingest.intake(source).commit(Batch(signals=[signal]))
    for each in range(0, 60_000, 1000):
        await ingest.expire(dict.fromkeys(engine.owners(), now + each))
    await ingest.expire(dict.fromkeys(engine.owners(), now + LATER))
    rehearsal.pass_time(now + LATER)
    stored = await store.write(lambda c: c.execute("SELECT id, mark FROM milestone").fetchall())
    assert sorted(stored) == sorted(
        (bytes.fromhex(each.id), each.mark) for each in rehearsal.milestones
    )


RULES_PAGE = (SHIPPED.parent / "docs" / "rules.md").read_text(encoding="utf-8")


def test_the_documented_expressions_find_what_weighs_wrong(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(# The scale.*?)```", RULES_PAGE, re.DOTALL)
    site = (SHIPPED / "milepost.toml").read_text(encoding="utf-8")
    scales = 'subscriptions = [{ topic = "dc/scale/+/+", qos = 1 },'
    listening = site.replace("subscriptions = [", scales)
    (tmp_path / "milepost.toml").write_text(f"{listening}\n{example}", encoding="utf-8")
    file = load_tests(Path(shutil.copy(Path(__file__).parent / "weighing.tests.toml", tmp_path)))
    assert [run(file.configuration, each).difference for _, each in file.tests] == [(), ()]


def test_the_documented_reason_is_the_real_one() -> None:
    shown = re.search(r"rule weight: ('(.*)' has no result .*)\n", RULES_PAGE)
    assert shown is not None
    with pytest.raises(NoResult, match=re.escape(shown[1])):
        Condition(shown[2]).of({"weight": 12.4})
