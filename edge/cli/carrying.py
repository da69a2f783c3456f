"""Entries out of one gateway and into another."""

from collections.abc import Iterator
from pathlib import Path

import typer
from pydantic import ValidationError

from edge.cli.entries import chosen, pieces, selection
from edge.cli.reaching import NOTHING_DONE, Gateway, with_gateway
from edge.cli.selecting import Criteria
from edge.cli.writing import new_file
from edge.config import Configuration
from edge.control.lines import Line
from edge.control.messages import ByNumber, TakeIn
from edge.control.operations import EXPORT, TAKE_IN
from edge.exits import Exit
from edge.wording import counted

LINES = 100
"""Lines asked for or handed in at once."""
FAULTS_TOLD = 20


def write_lines(configuration: Configuration, criteria: Criteria, to: Path | None) -> int:
    """Write the entries that are meant, one line of JSON each, in their order."""

    async def command(gateway: Gateway) -> int:
        rows = chosen(gateway, selection(criteria, criteria.states), criteria.limit)
        numbers = sorted([row.seq async for row in rows])
        written = 0
        with new_file(to) as out:
            for piece in pieces(numbers, LINES):
                answer = await gateway.ask(EXPORT, ByNumber(numbers=tuple(piece)))
                for line in answer.lines:
                    out.write(line.model_dump_json().encode() + b"\n")
                written += len(answer.lines)
        typer.echo(f"{counted(written, 'line')} written", err=True)
        return 0 if written else NOTHING_DONE

    return with_gateway(configuration, command)


class _Faulty(Exception):
    """The file has faults; nothing was written."""


def take_in(
    configuration: Configuration, file: Path, destination: str | None, *, dry_run: bool
) -> int:
    """Take in the lines of a file, if none of them has a fault."""

    async def command(gateway: Gateway) -> int:
        # All of it is looked at, here and by the gateway, before any of it is written.
        for only_look in (True,) if dry_run else (True, False):
            owed = known = 0
            for piece in pieces(_read(file, destination), LINES):
                asked = TakeIn(lines=tuple(line for _, line in piece), only_look=only_look)
                answer = await gateway.decide(TAKE_IN, asked)
                if answer.faults:
                    raise _Faulty(
                        "\n".join(f"{file}:{piece[at][0]}: {what}" for at, what in answer.faults)
                    )
                owed, known = owed + answer.owed, known + answer.known
        would = "would be " if dry_run else ""
        typer.echo(
            f"{counted(owed, 'milestone')} {would}owed, {known} already known here and left alone"
        )
        return 0 if owed or known else NOTHING_DONE

    try:
        for _ in _read(file, destination):
            pass
        return with_gateway(configuration, command)
    except _Faulty as faulty:
        typer.echo(f"{faulty}\nnothing was written", err=True)
        return Exit.CONFIGURATION
    except OSError as error:
        typer.echo(f"{file}: cannot be read ({error.strerror})", err=True)
        return Exit.CONFIGURATION


def _read(file: Path, destination: str | None) -> Iterator[tuple[int, Line]]:
    """Return (number, line); raise after the last, if there were faults, with the first of them."""
    faults: list[str] = []
    with file.open("rb") as lines:
        for number, text in enumerate(lines, 1):
            if not text.strip():
                continue
            try:
                line = Line.model_validate_json(text)
            except ValidationError as error:
                if len(faults) == FAULTS_TOLD:
                    faults.append("…")
                    break
                first = error.errors()[0]
                where = ".".join(str(part) for part in first["loc"])
                faults.append(f"{file}:{number}: {where + ': ' if where else ''}{first['msg']}")
            else:
                if destination is not None:
                    line = line.model_copy(update={"destination": destination})
                yield number, line
    if faults:
        raise _Faulty("\n".join(faults))
