"""Listing what is only recorded: losses, and the acts of operators."""

from collections import deque
from collections.abc import AsyncIterator

import orjson
import typer

from buffer.audit import AuditRow, Chain
from edge.cli.entries import SECONDS
from edge.cli.reaching import NOTHING_DONE, Gateway, with_gateway
from edge.cli.tables import in_zone, print_table
from edge.config import Configuration
from edge.control.messages import AuditPage, Newest
from edge.control.operations import AUDITED, GAPS
from edge.wording import counted, date_and_time


def show_gaps(configuration: Configuration, limit: int) -> int:
    """Print the newest losses, newest first."""

    async def command(gateway: Gateway) -> int:
        gaps = (await gateway.ask(GAPS, Newest(limit=limit))).gaps
        if not gaps:
            typer.echo("no gaps")
            return 0
        noticed = in_zone("noticed", (gap.noticed_at for gap in gaps))
        print_table(
            (noticed, "source", "subject", "missed", "reason"),
            [
                (
                    date_and_time(gap.noticed_at)[:SECONDS],
                    gap.source,
                    gap.subject,
                    "?" if gap.missed is None else str(gap.missed),
                    gap.reason,
                )
                for gap in gaps
            ],
        )
        return 0

    return with_gateway(configuration, command)


def show_audit(configuration: Configuration, limit: int) -> int:
    """Print the newest acts, oldest first."""

    async def command(gateway: Gateway) -> int:
        newest = deque([row async for row in _audited(gateway)], limit)
        if not newest:
            typer.echo("nobody has decided anything yet")
            return 0
        at = in_zone("at", (row.at for row in newest))
        print_table(
            ("number", at, "who", "act", "what"),
            [
                (str(row.seq), date_and_time(row.at)[:SECONDS], row.who, row.act, _told(row.detail))
                for row in newest
            ],
        )
        return 0

    return with_gateway(configuration, command)


def verify_audit(configuration: Configuration, head: str | None) -> int:
    """Follow the whole log; name the first record that does not fit."""

    async def command(gateway: Gateway) -> int:
        chain = Chain()
        is_there = head is None
        async for row in _audited(gateway):
            wrong = chain.follow(row)
            if wrong is not None:
                when = date_and_time(row.at)
                typer.echo(f"record {row.seq} ({when}, {row.who}, {row.act}) {wrong}", err=True)
                return NOTHING_DONE
            is_there = is_there or row.hash.hex() == head
        if not is_there:
            typer.echo(
                f"the log of {counted(chain.length, 'record')} does not contain {head}: "
                "its end was cut off, or this is another store's",
                err=True,
            )
            return NOTHING_DONE
        typer.echo(f"whole: {counted(chain.length, 'record')}; head {chain.head.hex()}")
        return 0

    return with_gateway(configuration, command)


async def _audited(gateway: Gateway) -> AsyncIterator[AuditRow]:
    after: int | None = 0
    while after is not None:
        rows = (await gateway.ask(AUDITED, AuditPage(after=after))).rows
        after = rows[-1].seq if rows else None
        for row in rows:
            yield row


def _told(detail: str) -> str:
    try:
        told = orjson.loads(detail)
        return ", ".join(f"{name}: {value}" for name, value in told.items())
    except (orjson.JSONDecodeError, AttributeError):
        return detail  # it was tampered with: `verify` says so
