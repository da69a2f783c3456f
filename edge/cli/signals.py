"""Listing signals in quarantine, and deciding about them."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import typer

from buffer.quarantine import QuarantinedRow
from edge.cli.entries import pieces, progress
from edge.cli.raw import line, told
from edge.cli.reaching import NOTHING_DONE, Gateway, with_gateway
from edge.cli.selecting import SignalCriteria
from edge.cli.signal_tables import Kinds, Rows, alike
from edge.cli.tables import on_one_line
from edge.cli.writing import new_file
from edge.config import Configuration
from edge.control.messages import PIECE, ByNumber, DiscardSignals, QuarantinePage
from edge.control.operations import (
    DISCARD_SIGNALS,
    JUDGE_AGAIN,
    QUARANTINED,
    QUARANTINED_BY_NUMBER,
    RAW_SIGNALS,
)
from edge.wording import counted

RAW = 20
"""Signals whose bytes are asked for at once."""
JUDGED = 100
"""Signals judged again in one transaction."""


def show(
    configuration: Configuration, criteria: SignalCriteria, *, each: bool, decided: bool
) -> int:
    """Print what is in quarantine: a line for each kind, or for each signal."""
    limit = criteria.limit or sys.maxsize

    async def command(gateway: Gateway) -> int:
        rows = _meant(gateway, criteria, decided=decided)
        table = Rows(has_state=decided) if each else Kinds()
        async for row in rows:
            table.add(row)
            if each and len(table) > limit:
                break
        if not len(table):
            typer.echo("no such signals" if decided else "no signals in quarantine")
            return 0
        table.print(limit)
        if len(table) > limit:
            typer.echo(f"more than {limit}; --limit shows more", err=True)
        return 0

    return with_gateway(configuration, command)


def show_raw(configuration: Configuration, number: int) -> int:
    """Print one signal, byte for byte."""

    async def command(gateway: Gateway) -> int:
        asked = ByNumber(numbers=(number,))
        found = (await gateway.ask(QUARANTINED_BY_NUMBER, asked)).signals
        if not found:
            typer.echo(f"there is no signal {number} in quarantine", err=True)
            return NOTHING_DONE
        raw = dict((await gateway.ask(RAW_SIGNALS, asked)).signals).get(number)
        for text in told(found[0], raw):
            typer.echo(text)
        return 0

    return with_gateway(configuration, command)


def judge_again(configuration: Configuration, criteria: SignalCriteria, *, dry_run: bool) -> int:
    """Judge signals again; say how many went through, and what is wrong with the others."""

    async def command(gateway: Gateway) -> int:
        numbers = await _numbers(gateway, criteria, "retry", is_shown=dry_run)
        if dry_run:
            return 0 if numbers else NOTHING_DONE
        judged = milestones = looked_at = 0
        wrong: dict[str, list[str]] = {}
        try:
            for piece in pieces(numbers, JUDGED):
                answer = await gateway.decide(JUDGE_AGAIN, ByNumber(numbers=tuple(piece)))
                judged += len(answer.judged)
                milestones += answer.milestones
                for _, reason in answer.refused:
                    wrong.setdefault(alike(reason), []).append(reason)
                looked_at += len(piece)
                progress(looked_at, len(numbers))
        finally:
            typer.echo(
                f"{counted(judged, 'signal')} judged: {counted(milestones, 'new milestone')}"
            )
            for kind, reasons in wrong.items():
                reason = reasons[0] if len({*reasons}) == 1 else kind
                many = counted(len(reasons), "signal")
                typer.echo(f"{many} still in quarantine: {on_one_line(reason)}", err=True)
        return NOTHING_DONE if wrong or not judged else 0

    return with_gateway(configuration, command)


def discard_signals(
    configuration: Configuration, criteria: SignalCriteria, reason: str, *, dry_run: bool
) -> int:
    """Give up signals for a reason; say how many."""

    async def command(gateway: Gateway) -> int:
        numbers = await _numbers(gateway, criteria, "discard", is_shown=dry_run)
        if dry_run:
            return 0 if numbers else NOTHING_DONE
        done = 0
        try:
            for piece in pieces(numbers, PIECE):
                asked = DiscardSignals(numbers=tuple(piece), reason=reason)
                done += len((await gateway.decide(DISCARD_SIGNALS, asked)).numbers)
                progress(done, len(numbers))
        finally:
            typer.echo(f"{counted(done, 'signal')} discarded")
        return 0 if done else NOTHING_DONE

    return with_gateway(configuration, command)


def write_signals(configuration: Configuration, criteria: SignalCriteria, to: Path | None) -> int:
    """Write the signals that are meant, one line of JSON each."""

    async def command(gateway: Gateway) -> int:
        written = 0
        rows = [row async for row in _meant(gateway, criteria, decided=False)]
        with new_file(to) as out:
            for piece in pieces(rows, RAW):
                asked = ByNumber(numbers=tuple(row.seq for row in piece))
                raw = dict((await gateway.ask(RAW_SIGNALS, asked)).signals)
                for row in piece:
                    out.write(orjson.dumps(line(row, raw.get(row.seq))) + b"\n")
                    written += 1
        typer.echo(f"{counted(written, 'line')} written", err=True)
        return 0 if written else NOTHING_DONE

    return with_gateway(configuration, command)


async def _meant(
    gateway: Gateway, criteria: SignalCriteria, *, decided: bool
) -> AsyncIterator[QuarantinedRow]:
    """Return the signals that are meant: those that are named, or those that meet the criteria."""
    if criteria.numbers:
        for piece in pieces(sorted(set(criteria.numbers)), PIECE):
            asked = ByNumber(numbers=tuple(piece))
            for row in (await gateway.ask(QUARANTINED_BY_NUMBER, asked)).signals:
                yield row
        return
    after: int | None = 0
    while after is not None:
        page = QuarantinePage(after=after, decided=decided)
        rows = (await gateway.ask(QUARANTINED, page)).signals
        after = rows[-1].seq if rows else None
        for row in rows:
            if criteria.are_met(row.source, row.subject, row.reason, row.recorded_at):
                yield row


async def _numbers(
    gateway: Gateway, criteria: SignalCriteria, act: str, *, is_shown: bool
) -> list[int]:
    """Return the open signals that an act concerns; say what of those named it does not."""
    table, numbers, seen = Rows(has_state=False), list[int](), set[int]()
    async for row in _meant(gateway, criteria, decided=False):
        seen.add(row.seq)
        if row.state != "open":
            typer.echo(f"signal {row.seq}: is {row.state} already", err=True)
        elif row.source is None:
            typer.echo(f"signal {row.seq}: the journal no longer keeps it", err=True)
        elif len(numbers) < (criteria.limit or sys.maxsize):
            numbers.append(row.seq)
            table.add(row)
    for number in sorted({*(criteria.numbers or ())} - seen):
        typer.echo(f"signal {number}: there is none in quarantine", err=True)
    if is_shown:
        if numbers:
            table.print(len(numbers))
        typer.echo(f"{act} would touch {counted(len(numbers), 'signal')}", err=True)
    return numbers
