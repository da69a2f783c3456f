"""`milepost rules` ends as a build that depends on it must know."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from edge.cli.app import app
from edge.exits import Exit

SHIPPED = Path(__file__).parents[4] / "systemd"


def rules(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["rules", *map(str, arguments)])


def test_tests_that_pass_end_with_0_and_one_line() -> None:
    done = rules("test", SHIPPED / "milepost.tests.toml")
    assert done.exit_code == 0, done.output
    (line,) = done.stdout.splitlines()
    assert "tests, none failed; " in line


def test_a_test_that_fails_ends_with_1_and_is_shown_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "milepost.tests.toml"
    text = (
        (SHIPPED / file.name).read_text().replace('"milepost.toml"', f'"{SHIPPED}/milepost.toml"')
    )
    file.write_text(text.replace("{ at = 8, name", "{ at = 9, name"))
    done = rules("test", SHIPPED / "milepost.tests.toml", file)
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    name = '"a line is picked when its quantity is reached"'
    at = next(n for n, line in enumerate(file.read_text().splitlines()) if name in line)
    assert lines[1] == f"{file}:{at}: {name.strip(chr(34))}"  # the line of its header
    assert lines[2:5] == [
        "  - expected, + concluded:",
        '  - +9.000 s  picked  order:SO-1  line="1"  quantity=3  requested=3',
        '  + +8.000 s  picked  order:SO-1  line="1"  quantity=3  requested=3',
    ]
    assert "1 failed" in lines[-1]


def test_a_file_at_fault_ends_with_2_and_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text('configuration = "milepost.toml"\n\n[[tests]]\nname = "x"\nsignal = []\n')
    done = rules("test", file)
    assert done.exit_code == Exit.CONFIGURATION
    assert f"{file}:5: tests[0].signal: no such key" in done.stderr
    gone = rules("test", tmp_path / "nothing.toml")
    assert (gone.exit_code, len(gone.stderr.splitlines())) == (Exit.CONFIGURATION, 1)


@pytest.mark.parametrize(
    ("command", "file", "words"),
    [
        (
            "rules test",
            "milepost.toml",
            "a configuration, not a file of rule tests; `milepost check`",
        ),
        (
            "check",
            "milepost.tests.toml",
            "a file of rule tests, not a configuration; `milepost rules",
        ),
        ("rules explain", "milepost.tests.toml", "a file of rule tests, not a configuration"),
        ("rules expand", "milepost.tests.toml", "a file of rule tests, not a configuration"),
        ("health --config", "milepost.tests.toml", "a file of rule tests, not a configuration"),
        ("check", "../edge/profiles/scanner/profile.toml", "a profile, which no command takes"),
        (
            "rules test",
            "../edge/profiles/scanner/profile.toml",
            "a profile, which no command takes",
        ),
    ],
)
def test_a_file_of_another_kind_is_named_in_one_line(command: str, file: str, words: str) -> None:
    done = CliRunner().invoke(app, [*command.split(), str(SHIPPED / file)])
    assert done.exit_code == Exit.CONFIGURATION
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{SHIPPED / file}: seems to be {words}")


def test_tests_that_name_tests_as_their_configuration_are_told_so(tmp_path: Path) -> None:
    file = tmp_path / "own.tests.toml"
    text = (SHIPPED / "milepost.tests.toml").read_text()
    file.write_text(text.replace('"milepost.toml"', '"own.tests.toml"'))
    done = rules("test", file)
    assert done.exit_code == Exit.CONFIGURATION
    assert "seems to be a file of rule tests, not a configuration" in done.stderr


@pytest.mark.parametrize(
    ("command", "text", "faults"),
    [
        ("check", "[[tests]]\n[site]\n", ["tests: no such key", "sources: missing"]),
        ("check", "[project]\n", ["project: no such key", "sources: missing"]),
        ("rules test", "[project]\n", ["project: no such key", "tests: missing"]),
    ],
)
def test_a_file_of_no_kind_is_told_what_is_wrong_with_it(
    tmp_path: Path, command: str, text: str, faults: list[str]
) -> None:
    file = tmp_path / "x.toml"
    file.write_text(text)
    done = CliRunner().invoke(app, [*command.split(), str(file)])
    assert done.exit_code == Exit.CONFIGURATION
    assert all(each in done.stderr for each in faults), done.stderr


def test_a_configuration_is_explained_and_drawn() -> None:
    told = rules("explain", SHIPPED / "milepost.toml")
    assert told.exit_code == 0
    assert "What is concluded:" in told.stdout
    drawn = rules("explain", SHIPPED / "milepost.toml", "--picture")
    assert drawn.stdout.startswith("flowchart LR\n")
