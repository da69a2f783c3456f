"""What operators did: a log in which a changed, removed or inserted row shows.

IEC 62443-4-2, CR 2.8, asks of each record when (`at`), by whom (`who`), of which category and
type (`act`, "outbox.retry"), its identifier (`seq`) and its result (`detail`). A record is written
in the transaction of the act itself, so neither can be there without the other.

Each row's hash covers the row and the hash of the row before it. What the chain cannot show is
that its newest rows were cut off, unless the hash of the last one (the head) was written down.
"""

import json
import sqlite3
from collections.abc import Mapping
from hashlib import sha256
from typing import NamedTuple

from buffer.statements import statements

SQL = statements("audit")

START = bytes(32)
"""What the first row has for the hash before it."""


class AuditRow(NamedTuple):
    """One act, as stored."""

    seq: int
    at: int
    who: str
    act: str
    detail: str
    """JSON: what was touched, and what came of it."""
    previous: bytes
    hash: bytes


def append(
    connection: sqlite3.Connection, at: int, who: str, act: str, detail: Mapping[str, object]
) -> None:
    """Record an act in the transaction that it is done in.

    `act` is "category.type"; `detail` must be JSON of objects, lists, text and numbers.
    """
    last = connection.execute(SQL["last_audited"]).fetchone()
    seq, previous = (last[0] + 1, last[1]) if last else (1, START)
    told = json.dumps(detail, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = _digest(previous, seq, at, who, act, told)
    connection.execute(SQL["append_audited"], (seq, at, who, act, told, previous, digest))


class Chain:
    """Follows the log row by row, from its first, and finds where it was tampered with."""

    def __init__(self) -> None:
        self.head = START
        """The hash of the last row followed."""
        self.length = 0
        self._seq: int | None = None

    def follow(self, row: AuditRow) -> str | None:
        """Take the next row; return what is wrong with it, None if nothing is."""
        if row.previous != self.head:
            return "does not follow the row before it: a row was removed, inserted or changed there"
        if self._seq is not None and row.seq != self._seq + 1:
            return f"expected number {self._seq + 1}: a row was renumbered"
        if row.hash != _digest(row.previous, *row[:5]):
            return "was changed after it was written: it does not fit its hash"
        self.head, self._seq = row.hash, row.seq
        self.length += 1
        return None


def _digest(previous: bytes, *told: int | str) -> bytes:
    # A JSON list keeps apart what lies next to each other.
    covered = json.dumps([previous.hex(), *told], separators=(",", ":"))
    return sha256(covered.encode("ascii")).digest()
