"""docs/exceptions.toml tells every exception, and its tests say so."""

import tomllib
from pathlib import Path

import pytest

from edge.config import load
from edge.milestones.feeding import conclusions
from edge.milestones.model import SEVERITY
from edge.rules.cases import RuleTest, RuleTests
from edge.rules.trying import run

DOCS = Path(__file__).parents[3] / "docs"
TESTS = RuleTests.model_validate(
    tomllib.loads((DOCS / "exceptions.tests.toml").read_text(encoding="utf-8"))
)
CONFIGURATION = load(DOCS / TESTS.configuration)


@pytest.mark.parametrize("test", TESTS.tests, ids=lambda test: test.name)
def test_the_example_does_what_its_tests_say(test: RuleTest) -> None:
    assert run(CONFIGURATION, test).difference == ()


def test_every_exception_is_concluded_and_tested() -> None:
    told = {each.name for test in TESTS.tests for each in test.milestones}
    assert conclusions(CONFIGURATION.rules, CONFIGURATION.lifecycles) >= SEVERITY.keys()
    assert told >= SEVERITY.keys()


def test_every_exception_stands_in_the_table_of_the_documentation() -> None:
    page = (DOCS / "rules.md").read_text(encoding="utf-8")
    for name, severity in SEVERITY.items():
        assert f" | `{name}` | `{severity}` | " in page
