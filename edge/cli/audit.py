"""`milepost audit`: what operators did, and whether the log of it was tampered with."""

import re
from typing import Annotated

import typer

from edge.cli.options import INSTALLED, ConfigOption, Lists, configuration
from edge.cli.selecting import ListLimitOption

app = typer.Typer(
    cls=Lists,
    rich_markup_mode=None,
    help="List what operators did, and verify that the log of it is whole. Alone: as `list`.",
)


def head_of_log(text: str) -> str:
    """Return the hash of a record, as `verify` prints it."""
    head = text.strip().lower()
    if re.fullmatch("[0-9a-f]{64}", head):
        return head
    raise typer.BadParameter(f"{text!r} is no head (64 hexadecimal digits)")


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
        typer.Option(
            parser=head_of_log,
            metavar="HASH",
            help="A head that was written down: the log must contain it.",
        ),
    ] = None,
) -> None:
    """Follow the chain of hashes; exits 1 if a record was changed, removed or inserted.

    Prints the head. Written down elsewhere, it later shows whether the end was cut off.
    """
    from edge.cli.records import verify_audit  # noqa: PLC0415

    raise typer.Exit(verify_audit(configuration(config), head))
