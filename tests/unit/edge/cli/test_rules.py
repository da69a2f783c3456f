"""`milepost rules` ends as a build that depends on it must know."""

from pathlib import Path

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
    assert f"{file}:5: tests[0].signal: unknown key" in done.stderr
    gone = rules("test", tmp_path / "nothing.toml")
    assert (gone.exit_code, len(gone.stderr.splitlines())) == (Exit.CONFIGURATION, 1)


def test_a_configuration_is_explained_and_drawn() -> None:
    told = rules("explain", SHIPPED / "milepost.toml")
    assert told.exit_code == 0
    assert "What is concluded:" in told.stdout
    drawn = rules("explain", SHIPPED / "milepost.toml", "--picture")
    assert drawn.stdout.startswith("flowchart LR\n")
