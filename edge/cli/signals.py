"""Listing signals in quarantine, and deciding about them."""

import re
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import orjson
import typer

from buffer.journal import SignalRow
from buffer.quarantine import QuarantinedRow
from edge.cli.entries import SECONDS, pieces, progress
from edge.cli.reaching import NOTHING_DONE, Gateway, with_gateway
from edge.cli.selecting import SignalCriteria
from edge.cli.tables import on_one_line, print_table
from edge.config import Configuration
from edge.control.health import counted
from edge.control.messages import PIECE, ByNumber, DiscardSignals, QuarantinePage
from edge.control.operations import (
    DISCARD_SIGNALS,
    JUDGE_AGAIN,
    QUARANTINED,
    QUARANTINED_BY_NUMBER,
    RAW_SIGNALS,
)
from edge.times import date_and_time

RAW = 20
"""Signals whose bytes are asked for at once."""
JUDGED = 100
"""Signals judged again in one transaction."""
_HEX = 16

_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|(?<!UTF-)\d+")


def show(
    configuration: Configuration, criteria: SignalCriteria, *, each: bool, decided: bool
) -> int:
    """Print what is in quarantine: a line for each kind, or for each signal."""
    limit = criteria.limit or sys.maxsize

    async def command(gateway: Gateway) -> int:
        rows = _meant(gateway, criteria, decided=decided)
        table = _Rows(has_state=decided) if each else _Kinds()
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
        for line in _told(found[0], raw):
            typer.echo(line)
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
                    wrong.setdefault(_alike(reason), []).append(reason)
                looked_at += len(piece)
                progress(looked_at, len(numbers))
        finally:
            typer.echo(
                f"{counted(judged, 'signal')} judged: {counted(milestones, 'new milestone')}"
            )
            for alike, reasons in wrong.items():
                reason = reasons[0] if len({*reasons}) == 1 else alike
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


def write_signals(configuration: Configuration, criteria: SignalCriteria) -> int:
    """Write signals to standard output, a line of JSON each."""

    async def command(gateway: Gateway) -> int:
        written = 0
        rows = [row async for row in _meant(gateway, criteria, decided=False)]
        for piece in pieces(rows, RAW):
            asked = ByNumber(numbers=tuple(row.seq for row in piece))
            raw = dict((await gateway.ask(RAW_SIGNALS, asked)).signals)
            for row in piece:
                sys.stdout.buffer.write(orjson.dumps(_line(row, raw.get(row.seq))) + b"\n")
                written += 1
        sys.stdout.buffer.flush()
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
    table, numbers, seen = _Rows(has_state=False), list[int](), set[int]()
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


class _Rows:
    """A line for each signal."""

    def __init__(self, *, has_state: bool) -> None:
        self._rows: list[QuarantinedRow] = []
        self._has_state = has_state

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: QuarantinedRow) -> None:
        self._rows.append(row)

    def print(self, limit: int) -> None:
        states = ("state",) if self._has_state else ()
        print_table(
            ("number", "set apart", *states, "source", "subject", "reason"),
            [
                (
                    str(row.seq),
                    date_and_time(row.recorded_at)[:SECONDS],
                    *((row.state,) if self._has_state else ()),
                    row.source or "?",
                    row.subject or "no longer in the journal",
                    row.reason if row.decision is None else f"{row.decision} (was: {row.reason})",
                )
                for row in self._rows[:limit]
            ],
        )


@dataclass(slots=True)
class _Kind:
    source: str
    subject: str
    reason: str
    newest: QuarantinedRow
    count: int = 0


class _Kinds:
    """A line for all signals of a source that are alike, so that a flood is one line."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str, str], _Kind] = {}

    def __len__(self) -> int:
        return len(self._kinds)

    def add(self, row: QuarantinedRow) -> None:
        source, subject = row.source or "?", row.subject or "no longer in the journal"
        alike = (source, _alike(subject), _alike(row.reason))
        kind = self._kinds.setdefault(alike, _Kind(source, subject, row.reason, row))
        kind.count += 1
        kind.newest = row
        if kind.subject != subject:
            kind.subject = alike[1]
        if kind.reason != row.reason:
            kind.reason = alike[2]

    def print(self, limit: int) -> None:
        kinds = sorted(self._kinds.values(), key=lambda kind: -kind.count)
        print_table(
            ("signals", "newest", "number", "source", "subject", "reason"),
            [
                (
                    str(kind.count),
                    date_and_time(kind.newest.recorded_at)[:SECONDS],
                    str(kind.newest.seq),
                    kind.source,
                    kind.subject,
                    kind.reason,
                )
                for kind in kinds[:limit]
            ],
        )


def _alike(text: str) -> str:
    """Return a text with * for what differs from signal to signal: numbers and quoted values."""
    return _VARYING.sub("*", text)


def _told(row: QuarantinedRow, signal: SignalRow | None) -> Iterator[str]:
    yield f"source     {row.source or '?'}"
    yield f"subject    {on_one_line(row.subject or 'no longer in the journal')}"
    yield f"reason     {on_one_line(row.reason)}"
    yield f"set apart  {date_and_time(row.recorded_at)}"
    yield f"state      {row.state}" + (f": {row.decision}" if row.decision else "")
    if signal is None:
        return
    yield f"received   {date_and_time(signal.received_at)}"
    if signal.source_at is not None:
        yield f"its time   {date_and_time(signal.source_at)}"
    if not signal.good:
        yield "quality    marked as bad by the source"
    yield f"payload    {counted(len(signal.payload), 'byte')}"
    text = _text(signal.payload)
    yield from [text] if text is not None else _hexdump(signal.payload)


def _text(payload: bytes) -> str | None:
    """Return the payload as text, if it is text that does nothing to a terminal."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return None
    return text if all(c.isprintable() or c in "\n\t" for c in text) else None


def _hexdump(payload: bytes) -> Iterator[str]:
    for at in range(0, len(payload), _HEX):
        row = payload[at : at + _HEX]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)  # noqa: PLR2004 - printable ASCII
        yield f"{at:08x}  {row.hex(' '):<{3 * _HEX}} {shown}"


def _line(row: QuarantinedRow, signal: SignalRow | None) -> dict[str, object]:
    line: dict[str, object] = {
        "number": row.seq,
        "signal": row.signal,
        "source": row.source,
        "subject": row.subject,
        "reason": row.reason,
        "state": row.state,
        "decision": row.decision,
        "set_apart_at": row.recorded_at,
    }
    if signal is not None:
        text = _text(signal.payload)
        line |= {"received_at": signal.received_at, "source_at": signal.source_at}
        line |= {"good": signal.good}
        line |= (
            {"payload": text}
            if text is not None
            else {"payload_base64": b64encode(signal.payload).decode()}
        )
    return line
