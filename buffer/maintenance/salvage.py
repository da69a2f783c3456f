"""Reading what can be read of a damaged store, without writing to it.

SQLite stops at the first page that it cannot make sense of. A table is therefore read from both
ends up to what is unreadable, then what lies between is halved, and so on. Where an index has all
that is wanted, both are read: they lie on different pages.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from math import isqrt
from pathlib import Path
from typing import Any, Literal, NamedTuple

from buffer.migrating import schema_versions
from buffer.opening import APPLICATION_ID, open_for_writing, read_only
from buffer.statements import statements

SQL = statements("salvage")
Direction = Literal["up", "down"]

WITH_SEQUENCES = ("journal", "quarantine", "gap", "milestone", "entry")
HALVINGS = 10
"""How often a stretch is halved without anything being found in it: some thousand looks."""
ENDLESS = 2**62
"""Above every sequence."""
KEY_BYTES = 24
"""So many bytes of a key tell where to look for it."""
KEYS = 256**KEY_BYTES


class Unreadable(Exception):
    """Nothing of the store can be read; the message says why."""


class Stretch(NamedTuple):
    """Where rows may have been that cannot be read: numbers from `first` to before `end`."""

    first: int
    end: int


def scratch_of(file: Path) -> Path:
    """Return the directory for what is needed only while a damaged store is open."""
    return file.with_name(f"{file.name}.reading")


@contextmanager
def damaged(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a damaged store, and what its -wal file adds to it, to be read; one at a time.

    Neither is written to: SQLite gets a link to the one, which it opens for
    reading alone, and a copy of the other. Only if the first page is damaged,
    the whole file is copied, and gets the first page of a new store. What is
    left of the store may be its -wal file alone.

    Raises:
        Unreadable: It is no store, or one of another version.

    """
    scratch, wal = scratch_of(file), Path(f"{file}-wal")
    try:
        shutil.rmtree(scratch, ignore_errors=True)  # of one that was killed
        scratch.mkdir(mode=0o700)
        try:
            link = scratch / file.name
            if file.exists() or not wal.exists():
                os.link(file, link)
            else:
                link.touch()
            _copy_wal(wal, link)
            if not _has_first_page(link):
                copy = Path(shutil.copyfile(link, f"{link}.copy"))
                copy.replace(link)
                _put_first_page(link)
                _copy_wal(wal, link)  # SQLite has removed it if it lay beside an empty file
            with closing(_connect(link)) as connection:
                yield connection
        finally:
            shutil.rmtree(scratch)
    except OSError as error:
        raise Unreadable(f"{file}: cannot be read ({error.strerror})") from error


def _copy_wal(wal: Path, link: Path) -> None:
    if wal.exists():
        shutil.copyfile(wal, f"{link}-wal")


def _connect(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        read_only(file), uri=True, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA cell_size_check = ON")
    connection.execute("PRAGMA writable_schema = ON")  # reads a file that was cut short, too
    return connection


def _has_first_page(file: Path) -> bool:
    """Tell whether the page is whole that says what this is and where each table begins."""
    newest, _ = schema_versions()[-1]
    with closing(_connect(file)) as connection:
        try:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            names = {name for (name,) in connection.execute(SQL["tables"])}
        except sqlite3.Error:
            return False
    if application != APPLICATION_ID or not {"journal", "milestone", "entry"} <= names:
        return False
    if version != newest:
        raise Unreadable(
            f"{file.name}: a store of version {version}; this Milepost recovers those of {newest}. "
            "Keep it: the Milepost that wrote it recovers it, into a store of its own, and what "
            "was not delivered comes from there by `outbox export` and `outbox import`"
        )
    return True


def _put_first_page(file: Path) -> None:
    """Give a file the first page of a new store, where each table begins on the same page."""
    with tempfile.TemporaryDirectory(dir=file.parent) as scratch:
        new = Path(scratch) / "new.db"
        open_for_writing(new).close()
        page = bytearray(new.read_bytes()[:8192])
    # As long as the file is, and with no list of free pages (SQLite file format, section 1.3).
    page[28:40] = bytes(12)
    with file.open("r+b") as opened:
        opened.write(page)


class Salvage:
    """The rows of one table, and the stretches of it that cannot be read.

    Rows lie in the order of a number: the first column. Those of the table
    "track" lie by owner and key; they are read for one owner, and the number
    is made of the first bytes of the key.
    """

    def __init__(
        self, connection: sqlite3.Connection, table: str, owner: str | None = None
    ) -> None:
        self._lost: list[Stretch] = []
        self._connection = connection
        self._table = table
        self._owner = owner
        self._is_unique = table in WITH_SEQUENCES

    @property
    def lost(self) -> tuple[Stretch, ...]:
        """Where rows may have been that were not read, in order; known when all rows were taken."""
        merged = list[Stretch]()
        for first, end in sorted(self._lost):
            if merged and first <= merged[-1].end:
                merged[-1] = Stretch(merged[-1].first, max(end, merged[-1].end))
            else:
                merged.append(Stretch(first, end))
        return tuple(merged)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield each row that can be read; without a sequence of their own, some twice."""
        if self._owner is not None:
            yield from self._between(0, KEYS, HALVINGS, is_open=False)
            return
        beginnings = sorted({0, ENDLESS, *self._beginnings()})
        for first, end in pairwise(beginnings):
            yield from self._between(first, end, HALVINGS, is_open=True)
        if self._lost:
            for statement in (f"{self._table}_by_key_up", f"{self._table}_by_key_down"):
                if statement in SQL:
                    yield from _until_unreadable(self._connection, statement)

    def _beginnings(self) -> list[int]:
        """Return where sequences begin in a store that stands in for one that was set aside."""
        rows = _until_unreadable(self._connection, "beginnings")
        return [seq + 1 for (seq,) in rows if 0 < seq < ENDLESS]

    def _between(
        self, first: int, end: int, halvings: int, *, is_open: bool, is_damaged: bool = False
    ) -> Iterator[tuple[Any, ...]]:
        """Yield the rows with numbers from `first` to before `end`.

        Open: the last row may lie far before the end. Damaged: a page of these
        cannot be read, and SQLite may pass over it without saying so.
        """
        low = yield from self._scan("up", first, end, is_damaged=is_damaged)
        if low is None:
            return
        high = yield from self._scan("down", low, end, is_damaged=True)
        if high is None:
            return
        left = HALVINGS if (low, high) != (first, end) else halvings - 1
        if left == 0 or high - low <= 1:
            self._lose(low, high)
            return
        is_open = is_open and high == end
        middle = low + (isqrt(high - low) if is_open else (high - low) // 2)
        yield from self._between(low, middle, left, is_open=is_open, is_damaged=True)
        yield from self._between(middle, high, left, is_open=is_open, is_damaged=True)

    def _scan(
        self, direction: Direction, first: int, end: int, *, is_damaged: bool
    ) -> Generator[tuple[Any, ...], None, int | None]:
        """Yield rows from one end on; return where they cannot be read, None if all were."""
        edge, at_edge = (first if direction == "up" else end), 0
        begins, number = edge, None
        # What SQLite says of a page does not matter: another look tells how far it reaches.
        try:
            for row in self._look(direction, first, end):
                if not self._follows(direction, row, edge, first, end):
                    break
                yield row
                if number is None:
                    begins = self._number(row)
                number = self._number(row)
                was, edge = edge, self._behind(direction, number)
                at_edge = at_edge + 1 if edge == was else 1
            else:
                if is_damaged:
                    low, high = sorted((begins, number)) if number is not None else (end, end)
                    self._lose(first, low)
                    self._lose(high + 1, end)
                return None
        except sqlite3.Error:
            pass
        # Python steps on before it gives a row away, and loses it if the next cannot be read.
        rest = (edge, end) if direction == "up" else (first, edge)
        skipped = 0 if self._is_unique else at_edge
        try:
            row = self._look(direction, *rest, limit=1, offset=skipped).fetchone()
        except sqlite3.Error:
            return edge
        if row is None or not self._follows(direction, row, edge, first, end):
            return edge
        yield row
        number = self._number(row)
        if direction == "up":
            self._lose(edge, number)
        else:
            self._lose(number + 1, edge)
        return self._behind(direction, number)

    def _follows(
        self, direction: Direction, row: tuple[Any, ...], edge: int, first: int, end: int
    ) -> bool:
        """Tell whether a row can come behind the edge; else it is made of a damaged page."""
        if not isinstance(
            row[0 if self._owner is None else 1], int if self._owner is None else str
        ):
            return False
        number = self._number(row)
        if number == 0:  # no sequence and no key; what zeros in the place of a page look like
            return False
        return edge <= number < end if direction == "up" else first <= number < edge

    def _behind(self, direction: Direction, number: int) -> int:
        """Return where to go on behind a number; with it, where other rows may have it too."""
        return number + (self._is_unique if direction == "up" else not self._is_unique)

    def _look(
        self, direction: Direction, first: int, end: int, *, limit: int = -1, offset: int = 0
    ) -> sqlite3.Cursor:
        statement = SQL[f"{self._table}_{direction}"]
        span: tuple[object, ...] = (first, end)
        if self._owner is not None:
            span = (self._owner, _key(first), _key(end))
        return self._connection.execute(statement, (*span, limit, offset))

    def _number(self, row: tuple[Any, ...]) -> int:
        if self._owner is None:
            return int(row[0])
        return int.from_bytes(row[1].encode()[:KEY_BYTES].ljust(KEY_BYTES, b"\0"))

    def _lose(self, first: int, end: int) -> None:
        if first < end:
            self._lost.append(Stretch(first, end))


def owners(connection: sqlite3.Connection) -> list[str]:
    """Return the owners of tracks that can be found."""
    found = set[str]()
    for statement in ("owners_up", "owners_down", "owners_by_deadline"):
        found.update(owner for (owner,) in _until_unreadable(connection, statement))
    return sorted(found)


def _key(number: int) -> bytes:
    """Return the least key of a number."""
    return b"\xff" * KEY_BYTES if number == KEYS else number.to_bytes(KEY_BYTES).rstrip(b"\0")


def _until_unreadable(connection: sqlite3.Connection, statement: str) -> Iterator[tuple[Any, ...]]:
    try:
        yield from connection.execute(SQL[statement])
    except sqlite3.Error:
        return
