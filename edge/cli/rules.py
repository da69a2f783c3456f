"""`milepost rules`: what the rules of a configuration say, and whether they do what is meant."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli.options import INSTALLED, ConfigOption, configuration

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Explain the rules of a configuration, and test them.",
)


@app.command()
def explain(
    file: Annotated[Path, typer.Argument(help="The configuration file.")],
    picture: Annotated[bool, typer.Option("--picture", help="Draw it, in Mermaid.")] = False,  # noqa: FBT002
) -> None:
    """Say in sentences what is concluded from what, and who is told."""
    from edge.rules.explaining import sentences  # noqa: PLC0415 - see cli/app.py
    from edge.rules.picture import mermaid  # noqa: PLC0415

    checked = configuration(file)
    for line in mermaid(checked) if picture else sentences(checked):
        typer.echo(line)


@app.command()
def history(
    config: ConfigOption = INSTALLED,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 20,
) -> None:
    """List which rules were in force since when, newest first."""
    from edge.cli.rule_sets import show_rule_sets  # noqa: PLC0415

    raise typer.Exit(show_rule_sets(configuration(config), limit))


@app.command()
def expand(file: Annotated[Path, typer.Argument(help="The configuration file.")]) -> None:
    """Print the configuration with the rules that its profiles stand for, as TOML.

    It can be used in place of the file: it concludes the same.
    """
    from edge.config.loading import parse  # noqa: PLC0415
    from edge.config.writing import as_toml  # noqa: PLC0415
    from edge.profiles import expand as expanded  # noqa: PLC0415

    configuration(file)
    table, _ = parse(file)
    whole = {name: each for name, each in expanded(table).table.items() if name != "profiles"}
    for line in as_toml(whole):
        typer.echo(line)


@app.command()
def test(files: Annotated[list[Path], typer.Argument(help="Files of tests, TOML.")]) -> None:
    """Run tests of rules; exits 1 if any fails, 2 if a file is at fault.

    Nothing is listened to, stored or sent.
    """
    from edge.cli.testing import run_tests  # noqa: PLC0415

    raise typer.Exit(run_tests(files))
