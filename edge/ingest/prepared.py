"""A prepared cutover, in a file beside the store: what other rules must know to come into force.

Who prepares it is another process than the one that takes it in: the work is long, and the
gateway must not wait.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from buffer.owner import open_for_owner
from edge.milestones.keeping import from_json, to_json
from edge.milestones.model import Milestone, Track, TrackId


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is in the file."""

    before: str
    """The version of the rules that were in force."""
    version: str
    """That of the rules that it was prepared for."""
    up_to: int
    """The last signal that was taken into account, by sequence."""
    owners: frozenset[str]
    """The rules whose tracks are replaced."""
    tracks: Mapping[TrackId, Track]
    milestones: tuple[Milestone, ...]
    """What the old rules were about to conclude, and the new ones have: to be told."""


def file_beside(store: Path) -> Path:
    """Return where a cutover is prepared for a store."""
    return store.with_name(f"{store.name}.cutover")


def write(file: Path, prepared: Prepared) -> None:
    """Write it; the daemon's account can read it, whoever writes.

    Raises:
        OSError: It cannot be written.

    """
    file.unlink(missing_ok=True)
    with os.fdopen(open_for_owner(file), "wb") as out:
        out.writelines(_lines(prepared))


def _lines(prepared: Prepared) -> Iterable[bytes]:
    head = {
        "before": prepared.before,
        "version": prepared.version,
        "up_to": prepared.up_to,
        "owners": sorted(prepared.owners),
        "milestones": [to_json(each) for each in prepared.milestones],
    }
    yield orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE)
    for track, known in prepared.tracks.items():
        line = [*track, known.state, known.due_at]
        yield orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE)


def read(file: Path) -> Prepared:
    """Read what was written.

    Raises:
        OSError: It cannot be read.

    """
    with file.open("rb") as lines:
        head = orjson.loads(next(lines, b""))
        tracks = {}
        for line in lines:
            owner, key, state, due_at = orjson.loads(line)
            tracks[TrackId(owner, key)] = Track(state, due_at)
    return Prepared(
        before=head["before"],
        version=head["version"],
        up_to=head["up_to"],
        owners=frozenset(head["owners"]),
        tracks=tracks,
        milestones=tuple(map(from_json, head["milestones"])),
    )
