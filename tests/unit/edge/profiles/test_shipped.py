"""Every profile concludes what its tests say, and its tests notice when it does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.config import Configuration
from edge.profiles import find, names
from edge.rules.cases import RuleTest
from edge.rules.loading import load_tests
from edge.rules.trying import run

FOLDER = Path(__file__).parents[4] / "edge" / "profiles"


def shipped() -> Iterator[tuple[str, Configuration, RuleTest]]:
    for name in names():
        loaded = load_tests(FOLDER / name / "tests.toml")
        for _, test in loaded.tests:
            yield name, loaded.configuration, test


TESTS = list(shipped())


@pytest.mark.parametrize(
    ("configuration", "test"),
    [(configuration, test) for _, configuration, test in TESTS],
    ids=[f"{name}: {test.name}" for name, _, test in TESTS],
)
def test_a_profile_does_what_its_tests_say(configuration: Configuration, test: RuleTest) -> None:
    assert run(configuration, test).difference == ()


@pytest.mark.parametrize("name", names())
def test_every_milestone_of_a_profile_is_concluded_by_one_of_its_tests(name: str) -> None:
    (configuration, *_) = [each for profile, each, _ in TESTS if profile == name]
    tested = {
        each.name for profile, _, test in TESTS if profile == name for each in test.milestones
    }
    assert {name for rule in configuration.rules.values() for name in rule.concludes()} == tested


@pytest.mark.parametrize("name", names())
def test_a_profile_without_one_of_its_rules_fails_its_tests(name: str) -> None:
    loaded = load_tests(FOLDER / name / "tests.toml")
    rules = loaded.configuration.rules
    assert len(rules) == len(find(name).rules)
    for dropped in rules:
        left = {each: rule for each, rule in rules.items() if each != dropped}
        broken = loaded.configuration.model_copy(update={"rules": left})
        assert any(run(broken, test).difference for _, test in loaded.tests), dropped
