"""`milepost audit`: what operators did, and whether the log of it was tampered with."""

from typing import Annotated

import typer

from edge.cli.options import INSTALLED, ConfigOption, configuration
from edge.cli.selecting import ListLimitOption

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List what operators did, and verify that the log of it is whole.",
)


@app.command("list")
def audit_list(config: ConfigOption = INSTALLED, limit: ListLimitOption = 50) -> None:
    """List the newest acts, oldest first: when, by whom, what, and what came of it."""
    from edge.cli.records import show_audit  # noqa: PLC0415 - see edge.cli.app

    raise typer.Exit(show_audit(configuration(config), limit))


@app.command()
def verify(
    config: ConfigOption = INSTALLED,
    head: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="A head that was written down: the log must contain it."),
    ] = None,
) -> None:
    """Follow the chain of hashes; exits 1 if a record was changed, removed or inserted.

    Prints the head. Written down elsewhere, it later shows whether the end was cut off.
    """
    from edge.cli.records import verify_audit  # noqa: PLC0415

    raise typer.Exit(verify_audit(configuration(config), head))
