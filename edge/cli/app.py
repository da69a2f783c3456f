"""The commands. Each imports what it needs when it runs: `milepost health` must be quick."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli.options import INSTALLED, ConfigOption, configuration

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The gateway between a warehouse's machines and its business systems.",
)
outbox = typer.Typer(no_args_is_help=False, help="What is owed to the destinations.")
app.add_typer(outbox, name="outbox")


def main() -> None:
    """Run the command line."""
    app()


@app.command()
def run(config: ConfigOption = INSTALLED) -> None:
    """Run the daemon until SIGTERM; exits 2, 3 or 4 if it cannot go on."""
    from edge.cli.running import run_daemon  # noqa: PLC0415 - see the module's first line

    raise typer.Exit(run_daemon(configuration(config)))


@app.command()
def check(file: Annotated[Path, typer.Argument(help="The configuration file.")]) -> None:
    """Check a configuration file; name every fault at once, and exit 2 if there is any."""
    checked = configuration(file)
    typer.echo(
        f"{file}: {len(checked.sources)} sources, {len(checked.observations)} observations, "
        f"{len(checked.rules)} rules, {len(checked.destinations)} destinations: no faults"
    )


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file, for editors."""
    import orjson  # noqa: PLC0415

    from edge.config import configuration_model  # noqa: PLC0415

    found = configuration_model().model_json_schema()
    typer.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())


@app.command()
def health(
    config: ConfigOption = INSTALLED,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole report.")] = False,  # noqa: FBT002
) -> None:
    """Say how the gateway does; exits 0 healthy, 1 degraded, 2 failing."""
    from edge.cli.asking import show_health  # noqa: PLC0415

    raise typer.Exit(show_health(configuration(config), as_json=as_json))


@app.command()
def trace(
    key: Annotated[str, typer.Argument(help="An order, a unit, a trailer or a milestone's id.")],
    config: ConfigOption = INSTALLED,
    whole: Annotated[bool, typer.Option("--all", help="Show every signal.")] = False,  # noqa: FBT002
) -> None:
    """Tell the story of an order, unit or milestone, from raw signal to the ERP's answer."""
    from edge.cli.asking import show_story  # noqa: PLC0415

    raise typer.Exit(show_story(configuration(config), key, whole=whole))


@outbox.callback(invoke_without_command=True)
def outbox_list(
    context: typer.Context,
    config: ConfigOption = INSTALLED,
    destination: Annotated[str | None, typer.Option(help="Only this destination.")] = None,
    state: Annotated[str, typer.Option(help="pending, dead, delivered or discarded.")] = "pending",
    limit: Annotated[int, typer.Option(min=1, help="At most so many entries.")] = 50,
) -> None:
    """List entries by destination and state, oldest first."""
    if context.invoked_subcommand is None:
        from edge.cli.asking import show_outbox  # noqa: PLC0415

        raise typer.Exit(show_outbox(configuration(config), destination, state, limit))


@outbox.command()
def retry(entry: int, config: ConfigOption = INSTALLED) -> None:
    """Send a dead letter again, with the same key and the same bytes."""
    from edge.cli.asking import decide  # noqa: PLC0415

    raise typer.Exit(decide(configuration(config), entry, reason=None))


@outbox.command()
def discard(
    entry: int,
    reason: Annotated[str, typer.Option(help="Why; kept with the entry.", prompt=True)],
    config: ConfigOption = INSTALLED,
) -> None:
    """Give up a dead letter for good; what follows of its key goes on."""
    from edge.cli.asking import decide  # noqa: PLC0415

    raise typer.Exit(decide(configuration(config), entry, reason=reason))


@app.command()
def demo(
    seconds: Annotated[
        float, typer.Option(min=20, help="How long; on a slow machine up to half as long again.")
    ] = 60,
    seed: Annotated[int, typer.Option(help="Repeats a run.")] = 1,
    no_faults: Annotated[bool, typer.Option("--no-faults", help="Nothing fails.")] = False,  # noqa: FBT002
    as_json: Annotated[bool, typer.Option("--json", help="Print only the last line.")] = False,  # noqa: FBT002
) -> None:
    """Run a simulated site for a while and compare what the ERP got with what happened."""
    from edge.demo import run_demo  # noqa: PLC0415

    raise typer.Exit(run_demo(seconds, seed, faults=not no_faults, only_json=as_json))
