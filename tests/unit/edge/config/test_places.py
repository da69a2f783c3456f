"""The line of every table and key, found without a TOML parser that tells lines."""

import tomllib
from pathlib import Path

import pytest

from edge.config.places import line_of, lines

EXAMPLE = Path(__file__).parents[4] / "systemd" / "milepost.toml"

TEXT = """\
top = 1
[a]
x = 1            # a comment
"quoted key" = 2
b.c = 3

[[list]]
x = 1
[[list]]
x = 2
[list.inner]     # belongs to the second
y = 3
[[list.deep]]
z = 4
[[list.deep]]
z = 5
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 1),
        (("a",), 2),
        (("a", "x"), 3),
        (("a", "quoted key"), 4),
        (("a", "b", "c"), 5),
        (("list", 0, "x"), 8),
        (("list", 1), 9),
        (("list", 1, "x"), 10),
        (("list", 1, "inner", "y"), 12),
        (("list", 1, "deep", 0, "z"), 14),
        (("list", 1, "deep", 1, "z"), 16),
    ],
)
def test_each_key_has_its_line(path: tuple[str | int, ...], line: int) -> None:
    assert lines(TEXT)[path] == line


def test_what_has_no_line_of_its_own_is_at_the_table_around_it() -> None:
    found = lines(TEXT)
    assert line_of(("a", "missing"), found) == 2
    assert line_of(("list", 1, "inner", "missing", 3), found) == 11
    assert line_of(("nowhere",), found) is None


def test_a_table_that_only_the_tables_within_it_have_headers_for_is_at_the_first_of_them() -> None:
    found = lines("[site]\n\n[rules.b]\n[rules.a.deep]\n")
    assert line_of(("rules",), found) == 3
    assert line_of(("rules", "a"), found) == 4


def test_every_table_of_the_example_is_found_where_the_parser_finds_it() -> None:
    text = EXAMPLE.read_text()
    found = lines(text)
    table = tomllib.loads(text)
    for section in ("site", "store", "sources", "destinations", "profiles", "lifecycles"):
        for key in table[section]:
            line = line_of((section, key), found)
            assert line is not None
            assert key in text.splitlines()[line - 1]
    for index, variable in enumerate(table["sources"]["plc"]["variables"]):
        line = found["sources", "plc", "variables", index, "node"]
        assert variable["node"] in text.splitlines()[line - 1]
