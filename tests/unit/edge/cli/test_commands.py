"""A command that cannot be done says what to type instead; one that does nothing says why."""

import re
from pathlib import Path

import pytest

from edge.exits import Exit
from tests.unit.edge.cli.conftest import Command

TOO_LARGE = str(2**63)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("outbox", "discard", "3", "--reason", ""), "say why"),
        (("outbox", "discard", "3", "--reason", " ", "--dry-run"), "say why"),
        (("quarantine", "discard", "1", "--reason", ""), "say why"),
        (("gaps", "--limit", "10001"), "10000"),
        (("outbox", "retry", TOO_LARGE), f"'{TOO_LARGE}' is no entry's number"),
        (("quarantine", "retry", TOO_LARGE), f"'{TOO_LARGE}' is no signal's number"),
        (("quarantine", "show", "dock"), "`milepost quarantine list --each`"),
        (("outbox", "list", "0"), "'0' is no entry's number"),
        (("outbox", "retry", "F-1"), "for an order, unit or trailer: `--key F-1`"),
        (("audit", "verify", "--head", "abc"), "'abc' is no head (64 hexadecimal digits)"),
        (("outbox", "-c", "F", "retry", "--all"), "-c belongs behind 'retry', not before it"),
        (("quarantine", "--source", "floor", "discard", "--all"), "--source belongs behind"),
    ],
)
def test_what_cannot_be_meant_ends_the_command_with_what_can(
    milepost: Command, arguments: tuple[str, ...], words: str
) -> None:
    done = milepost(*arguments)
    assert done.exit_code == Exit.CONFIGURATION
    assert words in done.stderr


def test_the_largest_number_that_an_entry_can_have_is_looked_up(milepost: Command) -> None:
    done = milepost("outbox", "retry", str(2**63 - 1))
    assert done.exit_code == 1
    assert "there is no such entry; an order, unit or trailer is named with --key" in done.stderr


def test_the_digits_of_a_unit_are_told_from_an_entry_s_number(milepost: Command) -> None:
    listed = milepost("outbox", "list", "340123450001000009").stdout
    assert listed == "no such entries; an order, unit or trailer is named with --key\n"


@pytest.mark.parametrize("act", ["outbox", "quarantine", "audit"])
def test_without_a_command_it_lists(milepost: Command, act: str, tmp_path: Path) -> None:
    listed = milepost(act, "list").stdout
    assert len(listed.splitlines()) == 2
    assert milepost(act).stdout == listed
    assert milepost(act, "-c", str(tmp_path / "milepost.toml")).stdout == listed


def test_options_without_a_command_are_those_of_list(milepost: Command) -> None:
    assert "unit:F-2" in milepost("outbox", "--state", "dead").stdout
    assert "set apart" in milepost("quarantine", "--each").stdout
    assert "retry" in milepost("quarantine", "--help").stdout


@pytest.mark.parametrize(
    "arguments", [("outbox",), ("quarantine",), ("quarantine", "--each"), ("gaps",), ("audit",)]
)
def test_every_table_says_which_zone_its_times_are_in(
    milepost: Command, arguments: tuple[str, ...]
) -> None:
    assert re.search(r" \((\w+|[+-]\d+)\) ", milepost(*arguments).stdout.splitlines()[0])


def test_an_act_that_does_nothing_says_which_states_it_looked_for(milepost: Command) -> None:
    about = ("outbox", "discard", "--key", "F-1", "--reason", "x")
    done = milepost(*about)
    assert (done.exit_code, done.stdout) == (1, "nothing to do: no dead or pending entries\n")
    dry = milepost(*about, "--dry-run")
    assert dry.stderr == "discard would touch 0 entries: no dead or pending entries\n"
    other = milepost("outbox", "retry", "--destination", "sap").stdout
    assert other == "nothing to do: no dead entries; no destination 'sap'\n"


def test_an_entry_in_another_state_is_told_by_its_number(milepost: Command) -> None:
    done = milepost("outbox", "retry", "1")
    assert done.stderr == "entry 1: is delivered; only a dead letter is retried\n"
    assert done.stdout == "nothing to do\n"


def test_the_head_of_the_audit_log_is_found_however_it_was_written_down(milepost: Command) -> None:
    head = re.search("head ([0-9a-f]{64})", milepost("audit", "verify").stdout)
    assert head is not None
    assert milepost("audit", "verify", "--head", f" {head[1].upper()} ").exit_code == 0
    assert "was cut off" in milepost("audit", "verify", "--head", "0" * 64).stderr


@pytest.mark.parametrize("what", ["outbox", "quarantine"])
def test_what_is_exported_goes_to_a_new_file_or_to_standard_output(
    milepost: Command, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = milepost(what, "export", "--all").stdout
    assert lines.startswith("{")
    assert milepost(what, "export", "--all", "--to", "-").stdout == lines
    assert not Path("-").exists()
    file = tmp_path / "lines.jsonl"
    assert milepost(what, "export", "--all", "--to", str(file)).exit_code == 0
    assert file.read_text() == lines
    again = milepost(what, "export", "--all", "--to", str(file))
    assert (again.exit_code, file.read_text()) == (Exit.CONFIGURATION, lines)
    assert "is there already; name a new file" in again.stderr
