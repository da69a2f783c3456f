"""Reading a file of tests, and the configuration whose rules they test."""

from dataclasses import dataclass
from pathlib import Path

from edge.config import Configuration, ConfigurationFault, Fault, load
from edge.config.loading import read
from edge.rules.cases import RuleTest, RuleTests


@dataclass(frozen=True, slots=True)
class TestFile:
    """Tests, each with the line at which it begins, and what they test."""

    configuration: Configuration
    tests: tuple[tuple[int, RuleTest], ...]


def load_tests(file: Path) -> TestFile:
    """Read a file of tests.

    Raises:
        ConfigurationFault: It or its configuration is not as it should be; names all that is wrong.

    """
    settings, lines = read(file, RuleTests)
    configuration = load(file.parent / settings.configuration)
    tests = tuple((lines.get(("tests", at), 1), test) for at, test in enumerate(settings.tests))
    faults = [
        Fault(line, f"tests.{test.name}", f"no such source: {source!r}; there are {known}")
        for line, test in tests
        for source in dict.fromkeys(signal.source for signal in test.signals)
        if source not in configuration.sources and (known := ", ".join(configuration.sources))
    ]
    if faults:
        raise ConfigurationFault(file, faults)
    return TestFile(configuration, tests)
