"""Arguments that several commands share, and what they do when the configuration is at fault."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from edge.config import Configuration, ConfigurationFault, load
from edge.exits import Exit

INSTALLED = Path("/etc/milepost/milepost.toml")

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", help="The configuration file.", envvar="MILEPOST_CONFIG")
]
ToOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Into a new file, not to standard output, which is -."),
]


class Lists(TyperGroup):
    """A group of commands that lists unless another is named: with options alone, as `list`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take options without a command as those of `list`.

        Raises:
            typer.BadParameter: They stand before a command. It would not get
                them, and reach further than was meant.

        """
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            for word in args:
                if word in self.commands:
                    raise typer.BadParameter(f"{args[0]} belongs behind {word!r}, not before it")
            args = ["list", *args]
        return super().parse_args(ctx, args)


def configuration(file: Path) -> Configuration:
    """Load the configuration, or end the command with all that is wrong with it."""
    try:
        return load(file)
    except ConfigurationFault as fault:
        typer.echo(str(fault), err=True)
        raise typer.Exit(Exit.CONFIGURATION) from fault
