"""What an operator can do about entries and quarantined signals, with the daemon up and down."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from simulators.erp_process import ErpProcess
from tests.gateway import Gateway, Scanner, until

pytestmark = pytest.mark.slow

both_ways = pytest.mark.parametrize("is_running", [True, False])


def delivered(gateway: Gateway) -> int:
    return gateway.report().facts.backlogs[0].delivered


def done(gateway: Gateway, *arguments: str, code: int = 0) -> str:
    """Run a command that ends with this code; return all that it said."""
    ended = gateway.command(*arguments)
    assert ended.returncode == code, f"{arguments}: {ended.stdout}{ended.stderr}"
    return ended.stdout + ended.stderr


def stopped_if(gateway: Gateway, *, is_running: bool) -> Callable[[], None]:
    """Stop the gateway unless it is to run; return what starts it again."""
    if is_running:
        return lambda: None
    assert gateway.terminate() == 0
    return gateway.start


def test_what_is_replayed_arrives_again_with_the_same_key_and_bytes(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    for number in range(3):
        scanner.scan("dock", f"T-{number}", number)
    scanner.scan("rack", "T-0", 5)
    until(lambda: delivered(gateway) == 4, "everything is delivered")
    said = done(gateway, "outbox", "replay", "--milestone", "received", "--since", "1h")
    assert "3 entries: will be sent again" in said
    assert "1 key had newer milestones delivered" in said
    until(lambda: erp.state()["repeats"] == 3, "the ERP is told again")
    until(lambda: gateway.report().facts.backlogs[0].pending == 0, "it is settled")
    assert (erp.state()["mismatches"], len(erp.book())) == (0, 4)
    assert "attempt 2" in gateway.command("trace", "T-1").stdout


@both_ways
def test_what_is_discarded_while_it_waits_is_never_sent_and_the_rest_is(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, *, is_running: bool
) -> None:
    with erp.down():
        for number in range(4):
            scanner.scan("dock", f"T-{number}", number)
        until(lambda: gateway.report().facts.backlogs[0].pending == 4, "all wait")
        start = stopped_if(gateway, is_running=is_running)
        dry = ("outbox", "discard", "--key", "T-2", "--reason", "gone", "--dry-run")
        assert "would touch 1 entry" in done(gateway, *dry)
        assert "unit:T-2" in gateway.command("outbox").stdout
        said = done(gateway, "outbox", "discard", "--key", "T-2", "--reason", "gone")
        assert "discarded" in said
        assert "1 record;" in done(gateway, "audit", "verify")
        assert "nothing to do" in done(gateway, "outbox", "replay", "--all", code=1)
    start()
    until(lambda: delivered(gateway) == 3, "the others are delivered")
    assert sorted(booking.subject for booking in erp.book()) == ["unit:T-0", "unit:T-1", "unit:T-3"]
    assert "gone" in gateway.command("outbox", "list", "--state", "discarded").stdout


def test_acts_need_to_be_told_what_they_concern(gateway: Gateway) -> None:
    for arguments, words in (
        (("outbox", "retry"), "say which"),
        (("outbox", "discard", "1"), "--reason"),
        (("outbox", "--destination", "erp", "replay", "--all"), "belongs behind 'replay'"),
        (("outbox", "retry", "--milestone", "arrived"), "received, stored"),
        (("outbox", "list", "--since", "yesterday"), "'2h'"),
        (("quarantine", "retry"), "say which"),
        (("quarantine", "discard", "--all"), "--reason"),
    ):
        assert words in done(gateway, *arguments, code=2)
    assert "there is no such entry" in done(gateway, "outbox", "retry", "99", code=1)
    assert "nothing to do" in done(gateway, "outbox", "retry", "--all", code=1)


def test_what_was_exported_is_delivered_from_an_empty_store_with_the_same_keys_and_bytes(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, tmp_path: Path
) -> None:
    for number in range(3):
        scanner.scan("dock", f"T-{number}", number)
    until(lambda: delivered(gateway) == 3, "everything is delivered")
    file = str(tmp_path / "entries.jsonl")
    done(gateway, "outbox", "export", "--all", "--to", file)
    assert "is there already" in done(gateway, "outbox", "export", "--all", "--to", file, code=2)
    assert gateway.terminate() == 0
    gateway.store.unlink()
    gateway.start()
    assert "3 milestones would be owed" in done(gateway, "outbox", "import", file, "--dry-run")
    assert "no pending entries" in gateway.command("outbox").stdout
    assert "3 milestones owed, 0 already" in done(gateway, "outbox", "import", file)
    until(lambda: erp.state()["repeats"] == 3, "the ERP is told again")
    until(lambda: gateway.report().facts.backlogs[0].pending == 0, "it is settled")
    assert (erp.state()["mismatches"], len(erp.book())) == (0, 3)
    assert "0 milestones owed, 3 already" in done(gateway, "outbox", "import", file)
    assert "RECEIVED" in gateway.command("trace", "T-1").stdout


def test_a_file_with_any_fault_is_not_taken_in_and_each_fault_is_named_with_its_line(
    gateway: Gateway, scanner: Scanner, tmp_path: Path
) -> None:
    for number in range(3):
        scanner.scan("dock", f"T-{number}", number)
    until(lambda: delivered(gateway) == 3, "everything is delivered")
    lines = gateway.command("outbox", "export", "--all").stdout.splitlines()
    assert gateway.terminate() == 0
    gateway.store.unlink()
    gateway.start()
    file = tmp_path / "entries.jsonl"
    damaged = [lines[0], lines[1][:-9], "", lines[2].replace("received", "arrived")]
    for text, words in (
        ("\n".join(damaged), (":2: ", ":4: milestone.name")),
        ("\n".join([*lines, lines[0].replace('"erp"', '"sap"')]), (":4: no destination 'sap'",)),
    ):
        file.write_text(text)
        said = done(gateway, "outbox", "import", str(file), code=2)
        for expected in (*words, "nothing was written"):
            assert expected in said
    assert "no such entries" in gateway.command("outbox", "list", "--since", "1d").stdout
    assert "cannot be read" in done(gateway, "outbox", "import", str(tmp_path / "none"), code=2)


@both_ways
def test_a_flood_is_one_line_and_is_judged_when_the_configuration_understands_it(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, *, is_running: bool
) -> None:
    for number in range(30):
        at = scanner_time(scanner, number / 10)
        scanner.say(f"scan/dock{number % 3}", b'{"tote": "T-%d", "time": %d}' % (number, at))
    scanner.say("scan/dock", b"\x00\xff")
    until(lambda: gateway.report().facts.quarantined == 31, "all of it is in quarantine")
    listed = gateway.command("quarantine", "list").stdout.splitlines()
    assert [line.split()[0] for line in listed] == ["signals", "30", "1"]
    assert "scan/dock*" in listed[1]
    assert "'unit'" in listed[1]
    shown = gateway.command("quarantine", "show", listed[2].split()[3]).stdout
    assert "00000000  00 ff" in shown
    exported = gateway.command("quarantine", "export", "--why", "'unit'").stdout.splitlines()
    assert json.loads(exported[4])["payload"].startswith('{"tote": "T-4"')
    assert gateway.terminate() == 0
    text = gateway.config.read_text().replace('unit = "unit"', 'unit = "tote"')
    gateway.config.write_text(text.replace('read_point = "dock"', 'read_point = "dock1"'))
    gateway.start()
    start = stopped_if(gateway, is_running=is_running)
    dry = ("quarantine", "retry", "--subject", "scan/dock*", "--why", "'unit'", "--dry-run")
    assert "would touch 30 signals" in done(gateway, *dry)
    said = done(gateway, "quarantine", "retry", "--all", code=1)
    assert "30 signals judged: 10 new milestones" in said
    assert "1 signal still in quarantine: not JSON" in said
    assert "1 signal discarded" in done(gateway, "quarantine", "discard", "--all", "--reason", "x")
    start()
    until(lambda: len(erp.book()) == 10, "what came of it is delivered")
    assert gateway.report().facts.quarantined == 0
    assert "no signals in quarantine" in gateway.command("quarantine", "list").stdout
    assert 'scan/dock1  {"tote": "T-4"' in gateway.command("trace", "T-4").stdout


def test_the_audit_log_tells_who_decided_what_and_that_it_is_whole(
    gateway: Gateway, scanner: Scanner
) -> None:
    scanner.scan("dock", "T-1")
    scanner.say("scan/dock", b"{")
    until(lambda: delivered(gateway) == 1, "it is delivered")
    assert "nobody has decided" in gateway.command("audit", "list").stdout
    done(gateway, "outbox", "replay", "1")
    head = re.search("head ([0-9a-f]{64})", done(gateway, "audit", "verify"))
    assert head is not None
    done(gateway, "quarantine", "discard", "--all", "--reason", "old scanner")
    _, replay, discard = gateway.command("audit", "list").stdout.splitlines()
    assert re.search("root.*outbox.replay.*count: 1, entries: 1", replay)
    assert re.search("root.*quarantine.discard.*count: 1, reason: old scanner", discard)
    assert "2 records" in done(gateway, "audit", "verify", "--head", head[1])
    assert "was cut off" in done(gateway, "audit", "verify", "--head", "0" * 64, code=1)
    assert "no gaps" in gateway.command("gaps").stdout


def scanner_time(scanner: Scanner, seconds: float) -> int:
    """Return a time as the scanner tells it."""
    return scanner._connected_at + round(seconds * 1000)
