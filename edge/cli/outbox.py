"""`milepost outbox`: what is owed to the destinations, and what to do about it."""

from pathlib import Path
from typing import Annotated

import typer

from edge.cli.options import INSTALLED, ConfigOption, Lists, ToOption, configuration
from edge.cli.selecting import (
    ActLimitOption,
    AllOption,
    Criteria,
    DestinationOption,
    DryRunOption,
    EntriesArgument,
    KeyOption,
    ListLimitOption,
    MilestoneOption,
    ReasonOption,
    SinceOption,
    StateOption,
    UntilOption,
)

app = typer.Typer(
    cls=Lists,
    rich_markup_mode=None,
    help="List what is owed to the destinations, and decide about it. Alone: as `list`.",
)


@app.command("list")
def outbox_list(
    *,
    entries: EntriesArgument = None,
    config: ConfigOption = INSTALLED,
    key: KeyOption = None,
    milestone: MilestoneOption = None,
    destination: DestinationOption = None,
    state: StateOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: ListLimitOption = 50,
) -> None:
    """List entries, oldest first: what is pending, unless something else is asked for."""
    from edge.cli.entries import show  # noqa: PLC0415 - see edge.cli.app

    criteria = Criteria(entries, key, milestone, destination, state, since, until, limit)
    raise typer.Exit(show(configuration(config), criteria))


@app.command()
def retry(
    *,
    entries: EntriesArgument = None,
    config: ConfigOption = INSTALLED,
    key: KeyOption = None,
    milestone: MilestoneOption = None,
    destination: DestinationOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: ActLimitOption = None,
    everything: AllOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Send dead letters again: same key, same bytes."""
    from edge.cli.entries import act  # noqa: PLC0415

    criteria = Criteria(entries, key, milestone, destination, None, since, until, limit)
    criteria.demand(everything=everything)
    raise typer.Exit(act(configuration(config), "retry", criteria, None, dry_run=dry_run))


@app.command()
def replay(
    *,
    entries: EntriesArgument = None,
    config: ConfigOption = INSTALLED,
    key: KeyOption = None,
    milestone: MilestoneOption = None,
    destination: DestinationOption = None,
    state: StateOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: ActLimitOption = None,
    everything: AllOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Deliver again what was delivered: same key, same bytes.

    For a destination that has lost what it had. One that has it answers so, if it knows its keys.
    What was discarded is meant only by number, or with --state discarded.
    """
    from edge.cli.entries import act  # noqa: PLC0415

    criteria = Criteria(entries, key, milestone, destination, state, since, until, limit)
    criteria.demand(everything=everything)
    raise typer.Exit(act(configuration(config), "replay", criteria, None, dry_run=dry_run))


@app.command()
def discard(
    *,
    reason: ReasonOption,
    entries: EntriesArgument = None,
    config: ConfigOption = INSTALLED,
    key: KeyOption = None,
    milestone: MilestoneOption = None,
    destination: DestinationOption = None,
    state: StateOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: ActLimitOption = None,
    everything: AllOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Give up dead letters, and what is pending; what follows of their keys goes on."""
    from edge.cli.entries import act  # noqa: PLC0415

    criteria = Criteria(entries, key, milestone, destination, state, since, until, limit)
    criteria.demand(everything=everything)
    raise typer.Exit(act(configuration(config), "discard", criteria, reason, dry_run=dry_run))


@app.command()
def export(
    *,
    entries: EntriesArgument = None,
    config: ConfigOption = INSTALLED,
    key: KeyOption = None,
    milestone: MilestoneOption = None,
    destination: DestinationOption = None,
    state: StateOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: ActLimitOption = None,
    everything: AllOption = False,
    to: ToOption = None,
) -> None:
    """Write entries as lines of JSON, which `import` takes in at another gateway."""
    from edge.cli.carrying import write_lines  # noqa: PLC0415

    criteria = Criteria(entries, key, milestone, destination, state, since, until, limit)
    criteria.demand(everything=everything)
    raise typer.Exit(write_lines(configuration(config), criteria, to))


@app.command("import")
def import_(
    *,
    file: Annotated[Path, typer.Argument(help="What `export` has written.")],
    config: ConfigOption = INSTALLED,
    destination: Annotated[
        str | None, typer.Option(help="Owe all of them to this one, not to what the lines name.")
    ] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Owe milestones of another gateway to this one's destinations; what is known is left alone.

    With any fault in the file nothing is written. May be run again.
    """
    from edge.cli.carrying import take_in  # noqa: PLC0415

    raise typer.Exit(take_in(configuration(config), file, destination, dry_run=dry_run))


@app.command()
def compare(
    destination: Annotated[str, typer.Argument(help="A destination with `shadow_of`.")],
    config: ConfigOption = INSTALLED,
    since: SinceOption = None,
    limit: Annotated[int, typer.Option(min=0, max=100_000, help="Show so many.")] = 20,
) -> None:
    """Tell what a destination in shadow took that the live one did not, and the other way round.

    Exits 1 if they differ.
    """
    from edge.cli.beside import compare_destinations  # noqa: PLC0415

    checked = configuration(config)
    raise typer.Exit(compare_destinations(checked, destination, since or 0, limit))
