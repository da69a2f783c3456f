"""`milepost store`: its size, its health, a backup, and bringing back one that was set aside."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli.options import INSTALLED, ConfigOption, configuration

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Measure, check, back up and recover the store.",
)


@app.command()
def stats(
    config: ConfigOption = INSTALLED,
    as_json: Annotated[bool, typer.Option("--json", help="Print every figure.")] = False,  # noqa: FBT002
) -> None:
    """Say what is in the store and how much room it takes. Reads all of it."""
    from edge.cli.mending import show_stats  # noqa: PLC0415 - see edge.cli.app

    raise typer.Exit(show_stats(configuration(config), as_json=as_json))


@app.command()
def check(config: ConfigOption = INSTALLED) -> None:
    """Read all of the store and name what is wrong with it.

    Exits 1 if anything is, 3 if it cannot be read. Changes nothing; the daemon
    may run or not.
    """
    from edge.cli.mending import check_store  # noqa: PLC0415

    raise typer.Exit(check_store(configuration(config)))


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="A file that is not there yet.")],
    config: ConfigOption = INSTALLED,
) -> None:
    """Copy the store as it is at this moment; the daemon may go on running.

    To go back to it, stop the daemon, put the file where the store was, without
    the -wal and -shm files of the old one, and `chown milepost:` it.
    """
    from edge.cli.mending import back_up_store  # noqa: PLC0415

    raise typer.Exit(back_up_store(configuration(config), file))


@app.command()
def recover(
    directory: Annotated[
        Path | None,
        typer.Argument(help="Where a store was set aside; all such directories, unless told."),
    ] = None,
    config: ConfigOption = INSTALLED,
) -> None:
    """Bring over what can be read of a corrupt store that was set aside.

    What was undelivered is delivered then, after it was looked up at its
    destination. What is lost is told; exits 1 if anything that was owed is.
    """
    from edge.cli.mending import recover_stores  # noqa: PLC0415

    raise typer.Exit(recover_stores(configuration(config), directory))
