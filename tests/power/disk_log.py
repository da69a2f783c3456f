"""The log of what a disk was told: what disk_log.c and logged_disk.py write, a test reads."""

import struct
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

HEAD = struct.Struct("=IIIIQ")


class Kind(IntEnum):
    """What the disk was told to do with a file."""

    WRITE = 0
    SYNC = 1
    """Of a directory: with the names in it."""
    TRUNCATE = 2
    CREATE = 3
    DELETE = 4
    RENAME = 5
    """The data is the new path."""


class Told(NamedTuple):
    """One thing that the disk was told, in the order of the log."""

    kind: Kind
    path: str
    offset: int = 0
    """Where a write begins; how long a truncated file is."""
    data: bytes = b""


def encode(told: Told) -> bytes:
    """Return the record as it stands in a log."""
    path = told.path.encode()
    head = HEAD.pack(told.kind, len(path), len(told.data), 0, told.offset)
    return head + path + told.data


def read(log: Path) -> Iterator[Told]:
    """Yield the records of a log."""
    with log.open("rb") as file:
        while head := file.read(HEAD.size):
            kind, path_length, data_length, _, offset = HEAD.unpack(head)
            path = file.read(path_length).decode()
            yield Told(Kind(kind), path, offset, file.read(data_length))
