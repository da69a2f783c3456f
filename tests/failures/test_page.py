"""docs/failures.md names tests that exist."""

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs" / "failures.md"
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def _rows() -> list[str]:
    """Return the rows of the tables, without their heads."""
    return [line for line in PAGE.read_text().splitlines() if re.match(r"\| [A-Z]\d+ ", line)]


def test_every_row_cites_where_it_happened_and_names_the_tests_that_show_what_we_do() -> None:
    assert _rows()
    for row in _rows():
        assert re.search(r"[\w.-]+/[\w.-]+#\d+", row) or "forum" in row, row
        assert TEST.search(row), row


def _tests_in(file: Path) -> set[str]:
    """Return the names of the tests that pytest would collect from the file."""
    tree = ast.parse(file.read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        node.name
        for node in tree.body
        if isinstance(node, functions) and node.name.startswith("test_")
    }


def test_every_test_on_the_page_exists() -> None:
    named = TEST.findall(PAGE.read_text())
    assert named
    for file, name in named:
        assert name in _tests_in(REPOSITORY / file), f"{file}::{name}"
