"""Running tests of rules, and what comes of it on a terminal."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from edge.config import ConfigurationFault
from edge.exits import Exit
from edge.rules.loading import load_tests
from edge.rules.trying import Outcome, run
from edge.wording import counted


def run_tests(files: Sequence[Path]) -> int:
    """Run the tests of all files; return how the command ends: 0, or 1 if one has failed."""
    is_good = True
    for file in files:
        try:
            loaded = load_tests(file)
        except ConfigurationFault as fault:
            typer.echo(str(fault), err=True)
            return Exit.CONFIGURATION
        began = time.perf_counter()
        outcomes = [(line, run(loaded.configuration, test)) for line, test in loaded.tests]
        milliseconds = (time.perf_counter() - began) * 1000
        failed = [(line, outcome) for line, outcome in outcomes if outcome.difference]
        for line, outcome in failed:
            typer.echo(f"{file}:{line}: {outcome.test.name}")
            for words in _words(outcome):
                typer.echo(f"  {words}")
        typer.echo(
            f"{file}: {counted(len(outcomes), 'test')}, "
            f"{len(failed) or 'none'} failed; {milliseconds:.0f} ms"
        )
        is_good = is_good and not failed
    return 0 if is_good else 1


def _words(outcome: Outcome) -> Iterator[str]:
    yield "- expected, + concluded:"
    yield from outcome.difference
    yield from outcome.hints
