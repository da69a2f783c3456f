"""The commands. Each imports what it needs when it runs: `milepost health` must be quick."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli import audit, outbox, quarantine, rules, store
from edge.cli.options import INSTALLED, ConfigOption, configuration

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text: also what is wrong with a command is one line, in a log
    help="The gateway between a warehouse's machines and its business systems.",
)
app.add_typer(outbox.app, name="outbox")
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(audit.app, name="audit")
app.add_typer(store.app, name="store")
app.add_typer(rules.app, name="rules")


def main() -> None:
    """Run the command line."""
    app()


def _version(asked: bool) -> None:  # noqa: FBT001 - typer's signature
    if asked:
        from importlib.metadata import version  # noqa: PLC0415

        typer.echo(f"milepost {version('milepost')}")
        raise typer.Exit


@app.callback()
def options(
    _: Annotated[  # noqa: FBT002 - an option, as everywhere here
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that need no command."""


@app.command()
def run(config: ConfigOption = INSTALLED) -> None:
    """Run the daemon until SIGTERM.

    Exits 2 if the configuration cannot be run, 3 if the store must not be
    touched, 4 if the store failed while running.
    """
    from edge.cli.running import run_daemon  # noqa: PLC0415 - see the module's first line

    raise typer.Exit(run_daemon(configuration(config), config))


@app.command()
def reload(config: ConfigOption = INSTALLED) -> None:
    """Have the running daemon take over the rules of its configuration file.

    Exits 1 and changes nothing if the file has faults, or differs in more than its rules.
    """
    from edge.cli.rule_sets import reload_rules  # noqa: PLC0415

    raise typer.Exit(reload_rules(configuration(config)))


@app.command()
def check(file: Annotated[Path, typer.Argument(help="The configuration file.")]) -> None:
    """Name every fault of a configuration file; exits 2 if any.

    Remarks are no faults: they name what is told and used by nobody, or can never be told.
    """
    from edge.config import remarks  # noqa: PLC0415
    from edge.wording import counted  # noqa: PLC0415

    checked = configuration(file)
    typer.echo(
        f"{file}: {counted(len(checked.sources), 'source')}, "
        f"{counted(len(checked.observations), 'observation')}, "
        f"{counted(len(checked.rules), 'rule')}, "
        f"{counted(len(checked.destinations), 'destination')}: no faults"
    )
    for remark in remarks(checked):
        typer.echo(f"remark: {remark}")


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
    key: Annotated[
        str,
        typer.Argument(
            help="An order, a unit (or its barcode, as it is scanned), a read point, a device, …; "
            "a key such as device:scale-2, if a name is not enough; or a milestone's id."
        ),
    ],
    config: ConfigOption = INSTALLED,
    whole: Annotated[bool, typer.Option("--all", help="Every signal and attempt, whole.")] = False,  # noqa: FBT002
    as_json: Annotated[bool, typer.Option("--json", help="All of it, for a program.")] = False,  # noqa: FBT002
) -> None:
    """Tell the story of an order, a unit, a milestone, or whatever else milestones are about.

    From the raw signals to each destination's answer; exits 1 if nothing is known.
    """
    from edge.cli.asking import show_story  # noqa: PLC0415

    raise typer.Exit(show_story(configuration(config), key, whole=whole, as_json=as_json))


@app.command(name="hash")
def hash_(
    file: Annotated[
        Path,
        typer.Argument(
            allow_dash=True, help="An event, a list of events or an EPCISDocument, JSON; or -."
        ),
    ],
    as_pre_hash: Annotated[  # noqa: FBT002
        bool, typer.Option("--pre-hash", help="The text that is hashed, to see what differs.")
    ] = False,
) -> None:
    """Print the EPCIS Event Hash ID of events, to compare with what another system has.

    Exits 2 if any is no event.
    """
    from edge.cli.hashing import print_hashes  # noqa: PLC0415

    raise typer.Exit(print_hashes(file, as_pre_hash=as_pre_hash))


@app.command()
def backtest(
    rules: Annotated[
        Path, typer.Option("--rules", metavar="FILE", help="A configuration with other rules.")
    ],
    config: ConfigOption = INSTALLED,
    since: Annotated[
        str | None, typer.Option(help="Only what happened since: '2h', '3d', '2026-11-22'.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, max=100_000, help="Show so many differences.")] = 20,
) -> None:
    """Judge the journal again by other rules, and compare; exits 1 if anything differs.

    Nothing is sent and nothing is stored; the daemon may run or not.
    """
    from edge.cli.backtesting import run_backtest  # noqa: PLC0415
    from edge.cli.selecting import moment  # noqa: PLC0415

    at = None if since is None else moment(since)
    raise typer.Exit(
        run_backtest(configuration(config), configuration(rules), since=at, limit=limit)
    )


@app.command()
def shadow(
    rules: Annotated[
        Path, typer.Option("--rules", metavar="FILE", help="A configuration with other rules.")
    ],
    config: ConfigOption = INSTALLED,
) -> None:
    """Judge what comes by other rules, too, and print what differs, until it is ended.

    Nothing is sent and nothing is stored; the daemon goes on. Exits 1 if anything differed.
    """
    from edge.cli.shadowing import run_shadow  # noqa: PLC0415

    raise typer.Exit(run_shadow(configuration(config), configuration(rules)))


@app.command()
def cutover(
    rules: Annotated[
        Path, typer.Option("--rules", metavar="FILE", help="A configuration with other rules.")
    ],
    config: ConfigOption = INSTALLED,
) -> None:
    """Put other rules in force as if they had judged all along: no fact lost, none told twice.

    They replace those in the configuration file. Exits 1 where that is not safe; nothing changes.
    """
    from edge.cli.cutting_over import cut_over  # noqa: PLC0415

    configuration(rules)
    raise typer.Exit(cut_over(config, rules.read_text(encoding="utf-8"), "cutover"))


@app.command()
def rollback(config: ConfigOption = INSTALLED) -> None:
    """Put the rules that were in force before in force again, as `cutover` does."""
    from edge.cli.cutting_over import cut_over  # noqa: PLC0415

    raise typer.Exit(cut_over(config, None, "rollback"))


@app.command()
def gaps(
    config: ConfigOption = INSTALLED,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 50,
) -> None:
    """List what sources have lost before we could get it, newest first."""
    from edge.cli.records import show_gaps  # noqa: PLC0415

    raise typer.Exit(show_gaps(configuration(config), limit))


@app.command()
def demo(
    seconds: Annotated[
        float, typer.Option(min=40, help="How long; on a slow machine up to half as long again.")
    ] = 60,
    seed: Annotated[int, typer.Option(help="The same seed, the same happenings.")] = 1,
    fault: Annotated[
        str, typer.Option(help="What goes wrong; `list` names all that can.", metavar="NAME")
    ] = "everyday",
    as_json: Annotated[bool, typer.Option("--json", help="Print only the last line.")] = False,  # noqa: FBT002
) -> None:
    """Run a simulated site, and compare what the ERP got.

    Something goes wrong meanwhile; exits 0 only if the ERP's book says exactly
    what happened.
    """
    from edge.demo import FAULTS, run_demo  # noqa: PLC0415

    if fault == "list":
        for name, each in FAULTS.items():
            typer.echo(f"{name:18}{each.words}")
        raise typer.Exit
    if fault not in FAULTS:
        raise typer.BadParameter(f"{fault!r}; one of {', '.join(FAULTS)}", param_hint="--fault")
    raise typer.Exit(run_demo(seconds, seed, fault=fault, only_json=as_json))
