"""`milepost quarantine`: signals that could not be decoded or judged, and what to do about them."""

from typing import Annotated

import typer

from edge.cli.options import INSTALLED, ConfigOption, Lists, ToOption, configuration
from edge.cli.selecting import (
    ActLimitOption,
    AllOption,
    DryRunOption,
    ListLimitOption,
    ReasonOption,
    SignalCriteria,
    SinceOption,
    UntilOption,
    signal,
)

app = typer.Typer(
    cls=Lists,
    rich_markup_mode=None,
    help="List the signals that could not be decoded or judged, and decide about them. "
    "Alone: as `list`.",
)

SignalsArgument = Annotated[
    list[int] | None,
    typer.Argument(
        parser=signal, metavar="NUMBER", help="Their numbers, as `list --each` tells them."
    ),
]
SourceOption = Annotated[str | None, typer.Option(help="What this source said.")]
SubjectOption = Annotated[
    str | None, typer.Option(help="Of this subject; * stands for anything, as `list` has it.")
]
WhyOption = Annotated[
    str | None, typer.Option("--why", help="Set apart for a reason with this text; * as above.")
]


@app.command("list")
def quarantine_list(
    *,
    config: ConfigOption = INSTALLED,
    source: SourceOption = None,
    subject: SubjectOption = None,
    why: WhyOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: ListLimitOption = 50,
    each: Annotated[bool, typer.Option("--each", help="A line for each signal.")] = False,
    decided: Annotated[
        bool, typer.Option("--decided", help="Also those that were judged again or discarded.")
    ] = False,
) -> None:
    """List what is in quarantine, alike with alike; * stands for what differs among them."""
    from edge.cli.signals import show  # noqa: PLC0415 - see edge.cli.app

    criteria = SignalCriteria(None, source, subject, why, since, until, limit)
    raise typer.Exit(show(configuration(config), criteria, each=each, decided=decided))


@app.command("show")
def quarantine_show(
    number: Annotated[
        int,
        typer.Argument(
            parser=signal, metavar="NUMBER", help="Its number, as `list --each` tells it."
        ),
    ],
    config: ConfigOption = INSTALLED,
) -> None:
    """Show one signal, byte for byte, and why it is in quarantine."""
    from edge.cli.signals import show_raw  # noqa: PLC0415

    raise typer.Exit(show_raw(configuration(config), number))


@app.command()
def retry(
    *,
    signals: SignalsArgument = None,
    config: ConfigOption = INSTALLED,
    source: SourceOption = None,
    subject: SubjectOption = None,
    why: WhyOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: ActLimitOption = None,
    everything: AllOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Decode and judge signals again, by the configuration in force.

    The running daemon judges by the rules that `milepost rules history` tells last.
    """
    from edge.cli.signals import judge_again  # noqa: PLC0415

    criteria = SignalCriteria(signals, source, subject, why, since, until, limit)
    criteria.demand(everything=everything)
    raise typer.Exit(judge_again(configuration(config), criteria, dry_run=dry_run))


@app.command()
def discard(
    *,
    reason: ReasonOption,
    signals: SignalsArgument = None,
    config: ConfigOption = INSTALLED,
    source: SourceOption = None,
    subject: SubjectOption = None,
    why: WhyOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: ActLimitOption = None,
    everything: AllOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Give up signals: they stay in the journal, and health does not speak of them."""
    from edge.cli.signals import discard_signals  # noqa: PLC0415

    criteria = SignalCriteria(signals, source, subject, why, since, until, limit)
    criteria.demand(everything=everything)
    raise typer.Exit(discard_signals(configuration(config), criteria, reason, dry_run=dry_run))


@app.command()
def export(
    *,
    signals: SignalsArgument = None,
    config: ConfigOption = INSTALLED,
    source: SourceOption = None,
    subject: SubjectOption = None,
    why: WhyOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: ActLimitOption = None,
    everything: AllOption = False,
    to: ToOption = None,
) -> None:
    """Write signals as lines of JSON: for whoever mends the device or the configuration."""
    from edge.cli.signals import write_signals  # noqa: PLC0415

    criteria = SignalCriteria(signals, source, subject, why, since, until, limit)
    criteria.demand(everything=everything)
    raise typer.Exit(write_signals(configuration(config), criteria, to))
