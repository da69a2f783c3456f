"""Event Hash IDs of the events in a file, to compare with what somebody else holds."""

import sys
from pathlib import Path

import orjson
import typer

from edge.cli.writing import STANDARD_OUTPUT
from edge.exits import Exit
from edge.milestones.event_hash import Unhashable, event_hash, events_in, pre_hash


def print_hashes(file: Path, *, as_pre_hash: bool) -> int:
    """Print a line for each event: its hash, and its eventID if it has one.

    What has no hash is named, and the others are hashed; then the command ends with 2.
    """
    try:
        text = sys.stdin.buffer.read() if file == STANDARD_OUTPUT else file.read_bytes()
        events = list(events_in(orjson.loads(text)))
    except OSError as error:
        typer.echo(f"{file}: cannot be read ({error.strerror})", err=True)
        return Exit.CONFIGURATION
    except orjson.JSONDecodeError as error:
        typer.echo(f"{file}: not JSON: {error}", err=True)
        return Exit.CONFIGURATION
    except Unhashable as fault:
        typer.echo(f"{file}: {fault}", err=True)
        return Exit.CONFIGURATION
    status = 0
    for number, (event, context) in enumerate(events, 1):
        try:
            if as_pre_hash:
                line = pre_hash(event, context)
            else:
                line = f"{event_hash(event, context)}  {event.get('eventID', '')}".rstrip()
        except Unhashable as fault:
            typer.echo(f"{file}: event {number}: {fault}", err=True)
            status = Exit.CONFIGURATION
        else:
            typer.echo(line)
    return status
