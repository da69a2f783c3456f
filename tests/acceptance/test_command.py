"""The installed command, as an operator types it."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from edge.exits import Exit
from simulators.erp_process import ErpProcess
from tests.gateway import MILEPOST, Gateway, Scanner, until

EXAMPLE = Path(__file__).parent.parent.parent / "systemd" / "milepost.toml"


def _milepost(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MILEPOST, *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def test_check_finds_no_fault_in_the_example() -> None:
    done = _milepost("check", EXAMPLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no faults" in done.stdout


def test_check_names_every_fault_with_its_line_and_exits_2(tmp_path: Path) -> None:
    faulty = tmp_path / "milepost.toml"
    text = EXAMPLE.read_text()
    for right, wrong in (
        ('driver = "http"', 'driver = "htp"'),
        ('endpoint = "opc', 'end_point = "opc'),
        ('use = "sorter"', 'use = "sortre"'),
        ("max_in_flight = 8", "max_in_flight = 0"),
    ):
        assert right in text
        text = text.replace(right, wrong)
    faulty.write_text(text)
    done = _milepost("check", faulty)
    assert done.returncode == Exit.CONFIGURATION
    lines = text.splitlines()
    named = {int(line.split(":")[1]) for line in done.stderr.splitlines()}
    assert all(line.startswith(f"{faulty}:") for line in done.stderr.splitlines())
    for wrong in ("end_point", "sortre"):
        at = next(n for n, line in enumerate(lines, 1) if wrong in line)
        # A table of the wrong kind is named at its head, a wrong key at its own line.
        assert named & set(range(at - 2, at + 1)), done.stderr
    assert "'htp'" in done.stderr
    assert "max_in_flight" in done.stderr


def test_check_names_what_does_not_fit_together(tmp_path: Path) -> None:
    faulty = tmp_path / "milepost.toml"
    faulty.write_text(EXAMPLE.read_text().replace("within_seconds = 6", 'without = ["divert"]'))
    done = _milepost("check", faulty)
    assert done.returncode == Exit.CONFIGURATION
    assert "'sorter divert'" in done.stderr
    assert "no observation gives" in done.stderr


def test_faulty_configuration_stops_the_start_with_exit_2(tmp_path: Path) -> None:
    faulty = tmp_path / "milepost.toml"
    faulty.write_text("[site]\nname = 3\n")
    done = _milepost("run", "--config", faulty)
    assert done.returncode == Exit.CONFIGURATION
    assert f"{faulty}:2: site.name" in done.stderr


def test_schema_is_a_json_schema_that_knows_every_driver_and_profile() -> None:
    schema = json.loads(_milepost("schema").stdout)
    assert schema["additionalProperties"] is False
    told = json.dumps(schema)
    for word in ("record_buffers", "subscriptions", "look_up", "read_points"):
        assert word in told


def test_health_is_healthy_while_all_is_well(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    scanner.scan("dock", "T-1")
    until(lambda: len(erp.book()) == 1, "the milestone is delivered")
    until(lambda: gateway.report().facts.backlogs[0].pending == 0, "it is settled")
    done = gateway.command("health")
    assert done.returncode == 0
    assert re.fullmatch(
        r"healthy  1 signal, 1 milestone, 0 waiting to be delivered, up for \d+ s\n", done.stdout
    ), done.stdout


def test_health_names_an_erp_that_is_down_in_words_that_can_be_acted_on(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    with erp.down():
        for number in range(3):
            scanner.scan("dock", f"T-{number}")
        until(lambda: gateway.command("health").returncode == 1, "health is degraded")
        said = gateway.command("health").stdout
        assert re.search(
            r"erp: down for \d+ s, 3 milestones waiting, .*: refusing connections", said
        ), said
        report = json.loads(gateway.command("health", "--json").stdout)
        assert report["status"] == "degraded"
        gateway.kill()
        piped = _milepost("health", "--config", gateway.config).stdout.splitlines()
        assert [line for line in piped if "3 milestones waiting" in line and "see `" in line], piped
        done = gateway.command("health")
        assert done.returncode == 2
        assert "not running" in done.stdout
        assert "3 milestones waiting" in done.stdout


def test_the_log_tells_when_the_erp_went_down_and_when_it_was_back(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    def told() -> list[str]:
        events = map(json.loads, gateway.log.read_text().splitlines())
        return [event["event"] for event in events if event.get("link") == "erp"]

    with erp.down():
        scanner.scan("dock", "T-1")
        until(told, "it is down")
    until(lambda: len(told()) > 1, "it is up")
    until(lambda: gateway.report().facts.backlogs[0].pending == 0, "it is settled")
    assert (told()[0], told()[-1]) == ("link_down", "link_up")


def test_garbage_goes_to_quarantine_shows_in_health_and_stops_nothing(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    for payload in (b"\x00\xff", b"[]", b'{"unit": {}, "time": "x"}', b""):
        scanner.say("scan/dock", payload)
    scanner.scan("dock", "T-1")
    until(lambda: len(erp.book()) == 1, "the milestone is delivered")
    done = gateway.command("health")
    assert done.returncode == 1
    assert "4 signals in quarantine" in done.stdout
    assert gateway.report().facts.signals == 5


def test_dead_letter_holds_its_key_until_an_operator_retries_it(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    with erp.faulty(reject_subjects=["unit:T-bad"]):
        scanner.scan("dock", "T-bad", 1)
        scanner.scan("rack", "T-bad", 2)
        scanner.scan("dock", "T-good", 3)
        scanner.scan("rack", "T-good", 4)
        until(lambda: len(erp.book()) == 2, "the other unit's milestones are delivered")
        until(lambda: gateway.report().facts.backlogs[0].dead == 1, "the dead letter is there")
        listed = gateway.command("outbox", "--state", "dead").stdout
        assert "unit:T-bad" in listed
        assert re.search(
            r"stored +unit:T-bad .* behind a dead letter", gateway.command("outbox").stdout
        )
        story = gateway.command("trace", "T-bad").stdout
        assert f"`milepost outbox retry {listed.splitlines()[1].split()[0]}`" in story
        assert "pending behind a dead letter" in story
        assert gateway.command("health").returncode == 1
    entry = next(line.split()[0] for line in listed.splitlines() if "T-bad" in line)
    assert "will be sent again" in gateway.command("outbox", "retry", entry).stdout
    until(lambda: len(erp.book()) == 4, "what was held back is delivered")
    assert [b.body["bizStep"] for b in erp.book() if b.subject == "unit:T-bad"] == [
        "receiving",
        "storing",
    ]
    assert gateway.command("outbox", "retry", entry).returncode == 1


@pytest.mark.parametrize("is_running", [True, False])
def test_discarded_dead_letter_lets_its_key_go_on(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, *, is_running: bool
) -> None:
    with erp.faulty(reject_subjects=["unit:T-bad"]):
        scanner.scan("dock", "T-bad", 1)
        scanner.scan("rack", "T-bad", 2)
        until(lambda: gateway.report().facts.backlogs[0].dead == 1, "the dead letter is there")
    if not is_running:
        gateway.terminate()
    done = gateway.command("outbox", "discard", "1", "--reason", "entered by hand")
    assert done.returncode == 0, done.stderr
    if not is_running:
        gateway.start()
    until(lambda: len(erp.book()) == 1, "the next milestone of the key is delivered")
    assert erp.book()[0].body["bizStep"] == "storing"
    assert "entered by hand" in gateway.command("outbox", "--state", "discarded").stdout


def test_trace_keeps_each_thing_on_one_line_and_no_signal_commands_the_terminal(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    with erp.down():
        scanner.say(
            "scan/dock", b'{"unit": "T-1",\n "time": "2026-11-01T00:00:00Z", "x": "\xc2\x9b2J"}'
        )
        until(
            lambda: re.search(r"attempts 1 to \d+ ", gateway.command("trace", "T-1").stdout),
            "attempts that failed the same way are one line",
        )
    story = gateway.command("trace", "T-1").stdout
    assert '{"unit": "T-1", "time": "2026-11-01T00:00:00Z", "x": "\ufffd2J"}' in story
    assert "attempts 1 to" not in gateway.command("trace", "T-1", "--all").stdout


def test_second_daemon_does_not_take_the_socket_of_the_first(
    gateway: Gateway, tmp_path: Path
) -> None:
    second = tmp_path / "second.toml"
    second.write_text(gateway.config.read_text().replace("milepost.db", "second.db"))
    done = _milepost("run", "--config", second)
    assert done.returncode == Exit.CONFIGURATION
    assert "another milepost answers there" in done.stderr
    assert gateway.command("health").returncode == 0


def test_without_a_store_health_fails_in_one_line_and_nothing_creates_one(tmp_path: Path) -> None:
    file = tmp_path / "milepost.toml"
    text = EXAMPLE.read_text().replace("/var/lib/milepost", str(tmp_path))
    file.write_text(text.replace("/run/milepost", str(tmp_path)))
    for arguments, code in (
        (("health",), 2),
        (("outbox",), Exit.STORE_REFUSED),
        (("outbox", "retry", "1"), Exit.STORE_REFUSED),
        (("trace", "SO-1"), Exit.STORE_REFUSED),
    ):
        done = _milepost(*arguments, "--config", file)
        assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
        assert "check [store] path" in done.stderr
    assert not (tmp_path / "milepost.db").exists()


def test_version_is_told() -> None:
    assert re.fullmatch(r"milepost \d+\.\d+\.\d+\S*\n", _milepost("--version").stdout)


def test_trace_tells_the_story_from_raw_signal_to_the_erp_s_answer(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, tmp_path: Path
) -> None:
    with erp.faulty(error_rate=1.0):
        scanner.scan("dock", "340123450001000009")
        until(lambda: erp.state()["faults"].get("error", 0) > 0, "the ERP fails once")
    until(lambda: gateway.report().facts.backlogs[0].pending == 0, "it is delivered")
    gateway.terminate()
    story = gateway.command("trace", "340123450001000009")
    assert story.returncode == 0
    for words in ("RECEIVED", "scan/dock", '"unit"', "500", "accepted", "ERP-000001"):
        assert words in story.stdout
    assert re.search(r"attempts? 1\b", story.stdout)  # perhaps "attempts 1 to 2": it failed twice
    identity = re.search(r"told as ([0-9a-f]{32})", story.stdout)
    assert identity is not None
    assert "RECEIVED" in gateway.command("trace", identity[1]).stdout
    (told,) = json.loads(gateway.command("trace", identity[1], "--json").stdout)["milestones"]
    assert (told["id"], told["key"]) == (identity[1], "unit:340123450001000009")
    assert f"   hash {told['hash']}" in story.stdout.splitlines()
    # What a destination got has the same hash, whoever computes it.
    event = tmp_path / "event.json"
    event.write_text(json.dumps(told["event"], sort_keys=True))
    assert _milepost("hash", event).stdout.split() == [told["hash"], told["event"]["eventID"]]
    unknown = gateway.command("trace", "T-nobody")
    assert unknown.returncode == 1
    assert "nothing is known" in unknown.stderr
