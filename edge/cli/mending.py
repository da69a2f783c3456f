"""Measuring, checking, backing up and recovering the store."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import orjson
import typer

from buffer.failures import StoreFailed
from buffer.maintenance.backup import NotBackedUp, back_up
from buffer.maintenance.checking import contradictions, damage
from buffer.maintenance.measuring import Measures, measure
from buffer.maintenance.recovery import Recovered
from buffer.maintenance.salvage import ENDLESS, Stretch
from buffer.opening import read_only
from buffer.reader import must_be_readable
from buffer.setting_aside import set_aside_directories
from edge.cli.reaching import NOTHING_DONE, Gateway, with_gateway
from edge.cli.tables import print_table
from edge.config import Configuration
from edge.control.messages import RecoverStore
from edge.control.operations import RECOVER
from edge.exits import Exit
from edge.wording import counted, date_and_time

TOLD = 20
"""Places and losses that are told one by one."""


def show_stats(configuration: Configuration, *, as_json: bool) -> int:
    """Print the store's measures."""
    path, budget = configuration.store.path, configuration.store.max_size
    try:
        measures = measure(path)
    except StoreFailed as failure:
        typer.echo(str(failure), err=True)
        return Exit.STORE_REFUSED
    if as_json:
        told = {"path": str(path), "budget": budget, **asdict(measures)}
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return 0
    rows = list(_measured(measures))
    rows.insert(1, ("budget", size(budget) if budget else "most of what the disk has free"))
    print_table(("", str(path)), rows)
    typer.echo()
    tables = [
        (name, str(table.rows), "?" if table.bytes is None else size(table.bytes))
        for name, table in measures.tables.items()
    ]
    print_table(("table", "rows", "with indexes"), tables)
    return 0


def _measured(measures: Measures) -> Iterator[tuple[str, str]]:
    yield "used", size(measures.used)
    yield "free in the file", size(measures.free)
    yield "-wal file", size(measures.wal)
    yield "free on the disk", size(measures.free_on_volume)
    if measures.oldest_signal is not None and measures.newest_signal is not None:
        oldest, newest = (
            date_and_time(measures.oldest_signal),
            date_and_time(measures.newest_signal),
        )
        yield "signals", f"from {oldest} to {newest}"
    for destination, lanes in measures.backlogs.items():
        yield f"owed to {destination}", ", ".join(f"{n} {lane}" for lane, n in lanes.items())


def check_store(configuration: Configuration) -> int:
    """Print what is wrong with the store; 1 if anything is, 3 if it cannot be read."""
    path = configuration.store.path
    try:
        must_be_readable(path)
    except StoreFailed as failure:
        typer.echo(str(failure), err=True)
        return Exit.STORE_REFUSED
    findings = 0
    try:
        with closing(sqlite3.connect(read_only(path), uri=True, isolation_level=None)) as reader:
            reader.execute("BEGIN")
            for check in (damage, contradictions):
                for finding in check(reader):
                    findings += 1
                    typer.echo(f"{path}: {finding}")
    except sqlite3.Error as error:
        findings += 1
        typer.echo(f"{path}: cannot be read on from here ({error})")
    if findings:
        typer.echo(f"{path}: {counted(findings, 'fault')}", err=True)
        return NOTHING_DONE
    typer.echo(f"{path}: whole")
    return 0


def back_up_store(configuration: Configuration, file: Path) -> int:
    """Copy the store to a new file; 1 if that failed, 3 if the store cannot be read."""
    try:
        written = back_up(configuration.store.path, file)
    except StoreFailed as failure:
        typer.echo(str(failure), err=True)
        return Exit.STORE_REFUSED
    except NotBackedUp as failure:
        typer.echo(str(failure), err=True)
        return NOTHING_DONE
    typer.echo(f"{file}: {size(written)}, checked and on the disk")
    return 0


def recover_stores(configuration: Configuration, directory: Path | None) -> int:
    """Recover what was set aside; 1 if there is nothing, or something that was owed is lost."""
    path = configuration.store.path

    async def command(gateway: Gateway) -> int:
        directories = _all_set_aside(path) if directory is None else (directory,)
        if not directories:
            typer.echo(f"{path}: nothing is set aside", err=True)
            return NOTHING_DONE
        status = 0
        for each in directories:
            answer = await gateway.decide(RECOVER, RecoverStore(directory=each.absolute()))
            for line in told(answer.recovered):
                typer.echo(line)
            if answer.recovered.undeliverable:
                status = NOTHING_DONE
        return status

    return with_gateway(configuration, command)


def _all_set_aside(path: Path) -> tuple[Path, ...]:
    must_be_readable(path)  # else neither can the directory be, or there is none
    return set_aside_directories(path)


def told(recovered: Recovered) -> Iterator[str]:
    """Tell what was brought over and what was not, one line each."""
    for rows, what in (
        (recovered.brought, "brought over"),
        (recovered.kept, "there already"),
        (recovered.invalid, "left behind that were read and make no sense"),
    ):
        yield from (f"{table}: {count} {what}" for table, count in rows.items() if count)
    for table, stretches in recovered.lost.items():
        if table == "track":
            yield f"track: not all could be read, in {counted(len(stretches), 'place')}"
        else:
            yield f"{table}: could not be read {_listed([_where(s) for s in stretches])}"
    if recovered.owed_again:
        again = counted(recovered.owed_again, "time")
        yield f"entry: milestones whose entries may be lost are owed again, {again}"
    lost = [f"{key} to {destination}" for destination, key in recovered.undeliverable]
    if lost:
        yield f"LOST and undelivered: milestones of {_listed(lost)}"
    if recovered.audit_records:
        records = counted(recovered.audit_records, "record")
        yield f"audit: {records} stay where they are; head {recovered.audit_head}"
    yield f"{recovered.directory}: what was set aside, as it was; {_keep(recovered)}"


def _keep(recovered: Recovered) -> str:
    """Tell how long what was set aside is needed."""
    if recovered.lost or recovered.invalid.total() or recovered.undeliverable:
        return "keep it until you know what was lost"
    if recovered.audit_records:
        return "keep it as long as its audit log is needed, which is in there alone"
    return "it can be removed"


def _where(stretch: Stretch) -> str:
    if stretch.end == ENDLESS:
        return f"from {stretch.first}"
    return f"{stretch.first} to {stretch.end - 1}"


def _listed(items: list[str]) -> str:
    more = [f"and {len(items) - TOLD} more"] if len(items) > TOLD else []
    return ", ".join([*items[:TOLD], *more])


def size(count: float) -> str:
    """Return a number of bytes in words, e.g. "12.3 MB"."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000:  # noqa: PLR2004 - the factor of the units
            return f"{count:.0f} bytes" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
