"""Tables fit the terminal, and no number in them is cut."""

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from edge.cli.tables import in_zone, print_table

COLUMNS = ("entry", "destination", "state", "milestone", "key", "happened", "attempts", "outcome")
ROW = (
    "1048576",
    "erp",
    "delivered",
    "received",
    "unit:340123450001000009",
    "2026-11-22 17:15:08",
    "150",
    "201 " + "x" * 200,
)

Print = Callable[[int | None], list[str]]


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Print:
    """Return what prints the row on a terminal of that width, or in a file."""

    def printed(width: int | None) -> list[str]:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: width is not None)
        size = os.terminal_size((width or 80, 24))
        monkeypatch.setattr(shutil, "get_terminal_size", lambda: size)
        print_table(COLUMNS, [ROW])
        return capsys.readouterr().out.splitlines()

    return printed


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160])
def test_on_a_terminal_all_but_the_last_column_is_whole_and_nothing_leaves_its_edge(
    table: Print, width: int
) -> None:
    lines = table(width)
    assert max(map(len, lines)) <= width
    head, row = lines[: len(lines) // 2], lines[len(lines) // 2 :]
    assert "  ".join(head).split() == list(COLUMNS)
    cells = " ".join(row).split()
    assert cells[:-1] == [*" ".join(ROW[:-1]).split(), "201"]
    assert cells[-1].endswith("x…")


def test_what_finds_no_room_stands_below_under_its_own_head(table: Print) -> None:
    head, more_head, _, more_row = table(80)
    assert head.split()[-1] == "key"
    assert more_head.index("attempts") == more_row.index("150")
    assert more_head.startswith("    happened")
    assert more_row.startswith("    2026")


def test_in_a_file_each_row_is_one_whole_line(table: Print) -> None:
    head, row = table(None)
    assert head.split() == list(COLUMNS)
    assert row.endswith(ROW[-1])


@pytest.fixture
def _berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_berlin")
def test_a_column_of_times_says_which_zone_they_are_in() -> None:
    winter, summer = 1_772_352_000_000, 1_782_892_800_000
    assert in_zone("happened", [winter, winter]) == "happened (CET)"
    assert in_zone("happened", [summer, winter]) == "happened (CEST, CET)"
