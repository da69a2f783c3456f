"""Which rules are in force: taking over others, and since when there were which."""

import asyncio

import typer

from buffer import rule_sets
from buffer.failures import StoreFailed
from buffer.reader import Reader
from edge.cli.entries import SECONDS
from edge.cli.reaching import Gateway, with_gateway
from edge.cli.tables import in_zone, print_table
from edge.config import Configuration
from edge.control.messages import Reload
from edge.control.operations import RELOAD
from edge.exits import Exit
from edge.wording import date_and_time


def reload_rules(configuration: Configuration) -> int:
    """Have the daemon read its file again, and print what is other."""

    async def command(gateway: Gateway) -> int:
        done = await gateway.decide(RELOAD, Reload())
        typer.echo(f"rules {done.version} are in force")
        for what in ("added", "changed", "removed"):
            for name in getattr(done, what):
                typer.echo(f"  {what}: {name}")
        return 0

    return with_gateway(configuration, command)


def show_rule_sets(configuration: Configuration, limit: int) -> int:
    """Print which rules came into force when, the newest first."""

    async def read() -> list[rule_sets.RuleSetRow]:
        async with Reader.open(configuration.store.path) as reader:
            return await rule_sets.newest(reader, limit)

    try:
        found = asyncio.run(read())
    except StoreFailed as failure:
        typer.echo(str(failure), err=True)
        return Exit.STORE_REFUSED
    if not found:
        typer.echo("no rules have been in force yet")
        return 0
    print_table(
        ("rules", in_zone("since", (row.adopted_at for row in found)), "first signal", "by"),
        [
            (
                row.version,
                date_and_time(row.adopted_at)[:SECONDS],
                str(row.first_signal),
                row.how,
            )
            for row in found
        ],
    )
    return 0
