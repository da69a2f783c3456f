"""Rules change while the daemon runs: nothing is lost, nothing waits, a faulty file is refused."""

import os
import signal
from pathlib import Path

import pytest

from simulators.erp_process import ErpProcess
from tests.gateway import Gateway, Scanner, until

pytestmark = pytest.mark.slow


def _has_caught_up(gateway: Gateway) -> bool:
    links = gateway.report().facts.links
    return all(link.heard_until is not None for link in links if link.direction == "source")


def edit(gateway: Gateway, was: str, is_now: str) -> None:
    text = gateway.config.read_text()
    assert was in text
    gateway.config.write_text(text.replace(was, is_now))


def test_rules_are_taken_over_while_scanners_speak(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    for number in range(50):
        scanner.scan("dock", f"A-{number}", number)
    edit(gateway, 'read_point = "dock"', 'read_point = "[dg]*"')
    done = gateway.command("reload")
    assert done.returncode == 0, done.stderr
    assert "changed: rules.received" in done.stdout
    for number in range(50):
        scanner.scan("gate", f"B-{number}", 50 + number)
    told = {f"unit:{unit}-{number}" for unit in "AB" for number in range(50)}
    until(lambda: {each.subject for each in erp.book()} >= told, "all are received")
    assert len(erp.book()) == len(told)
    history = gateway.command("rules", "history").stdout
    assert [line.split()[-1] for line in history.splitlines()] == ["by", "reload", "start"]
    assert "rules.reload" in gateway.command("audit").stdout


def test_a_faulty_file_is_refused_and_the_rules_stay(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    edit(gateway, 'read_point = "dock"', 'reed_point = "dock"')
    refused = gateway.command("reload")
    assert refused.returncode == 2
    assert "reed_point" in refused.stderr
    os.kill(gateway.pid, signal.SIGHUP)
    until(lambda: "rules_not_reloaded" in gateway.log.read_text(), "it is logged")
    scanner.scan("dock", "A", 0)
    until(lambda: [each.subject for each in erp.book()] == ["unit:A"], "it goes on")


def test_a_hangup_reloads_too_and_a_restart_keeps_what_was_taken_over(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    edit(gateway, 'read_point = "dock"', 'read_point = "gate"')
    os.kill(gateway.pid, signal.SIGHUP)
    until(lambda: "rules_reloaded" in gateway.log.read_text(), "it is logged")
    scanner.scan("gate", "A", 0)
    until(lambda: len(erp.book()) == 1, "the new rules are in force")
    assert gateway.terminate() == 0
    gateway.start()
    scanner.scan("gate", "B", 1)
    until(lambda: len(erp.book()) == 2, "they still are")
    assert len(gateway.command("rules", "history").stdout.splitlines()) == 3
    assert gateway.terminate() == 0
    assert gateway.command("reload").returncode == 1


def test_other_rules_take_over_amid_what_is_open_and_can_be_taken_back(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, tmp_path: Path
) -> None:
    for number in range(20):
        scanner.scan("dock", f"A-{number}", number)
    until(lambda: len(erp.book()) == 20, "all are received")
    until(lambda: _has_caught_up(gateway), "all sources are caught up with")
    new = tmp_path / "new.toml"
    text = gateway.config.read_text()
    new.write_text(text.replace('read_point = "dock"', 'read_point = "[dg]*"'))
    done = gateway.command("cutover", "--rules", str(new))
    assert done.returncode == 0, done.stderr
    assert gateway.config.read_text() == new.read_text()
    for number in range(10):
        scanner.scan("gate", f"A-{number}", 20 + number)  # again: they are known
        scanner.scan("gate", f"B-{number}", 20 + number)
    until(lambda: len(erp.book()) == 30, "the others are received")
    done = gateway.command("rollback")
    assert done.returncode == 0, done.stderr
    assert gateway.config.read_text() == text
    scanner.scan("gate", "C", 40)
    scanner.scan("dock", "A-0", 41)
    scanner.scan("dock", "D", 42)
    until(lambda: len(erp.book()) == 31, "the last is received")
    told = [each.subject for each in erp.book()]
    assert len(set(told)) == len(told)
    assert told[-1] == "unit:D"
    history = gateway.command("rules", "history").stdout.splitlines()
    assert [line.split()[-1] for line in history[1:]] == ["rollback", "cutover", "start"]
    assert not list(gateway.store.parent.glob("*.cutover"))


def test_a_cutover_that_is_refused_leaves_the_file_as_it_was(
    gateway: Gateway, tmp_path: Path
) -> None:
    text = gateway.config.read_text()
    new = tmp_path / "new.toml"
    new.write_text(text.replace("timeout_seconds = 1", "timeout_seconds = 2"))
    done = gateway.command("cutover", "--rules", str(new))
    assert done.returncode == 1
    assert gateway.command("rollback").returncode == 1
    new.write_text(text.replace('read_point = "dock"', 'read_point = "gate"'))
    assert gateway.terminate() == 0
    done = gateway.command("cutover", "--rules", str(new))
    assert done.returncode == 1
    assert "nothing was done" in done.stderr
    assert gateway.config.read_text() == text
