"""Arguments that several commands share, and what they do when the configuration is at fault."""

from pathlib import Path
from typing import Annotated

import typer

from edge.config import Configuration, ConfigurationFault, load
from edge.exits import Exit

INSTALLED = Path("/etc/milepost/milepost.toml")

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", envvar="MILEPOST_CONFIG")
]


def configuration(file: Path) -> Configuration:
    """Load the configuration, or end the command with all that is wrong with it."""
    try:
        return load(file)
    except ConfigurationFault as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(Exit.CONFIGURATION) from fault
