"""Quarantined signals in a table: a line for each, or for all that are alike."""

import re
from dataclasses import dataclass

from buffer.quarantine import QuarantinedRow
from edge.cli.entries import SECONDS
from edge.cli.tables import in_zone, print_table
from edge.wording import date_and_time

_VARYING = re.compile(r"'[^']*'|\"[^\"]*\"|(?<!UTF-)\d+")


class Rows:
    """A line for each signal."""

    def __init__(self, *, has_state: bool) -> None:
        self._rows: list[QuarantinedRow] = []
        self._has_state = has_state

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, row: QuarantinedRow) -> None:
        """Take a signal."""
        self._rows.append(row)

    def print(self, limit: int) -> None:
        """Print the first lines, so many."""
        rows = self._rows[:limit]
        states = ("state",) if self._has_state else ()
        set_apart = in_zone("set apart", (row.recorded_at for row in rows))
        print_table(
            ("number", set_apart, *states, "source", "subject", "reason"),
            [
                (
                    str(row.seq),
                    date_and_time(row.recorded_at)[:SECONDS],
                    *((row.state,) if self._has_state else ()),
                    row.source or "?",
                    row.subject or "no longer in the journal",
                    row.reason if row.decision is None else f"{row.decision} (was: {row.reason})",
                )
                for row in rows
            ],
        )


@dataclass(slots=True)
class _Kind:
    source: str
    subject: str
    reason: str
    newest: QuarantinedRow
    count: int = 0


class Kinds:
    """A line for all signals of a source that are alike, so that a flood is one line."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str, str], _Kind] = {}

    def __len__(self) -> int:
        return len(self._kinds)

    def add(self, row: QuarantinedRow) -> None:
        """Take a signal."""
        source, subject = row.source or "?", row.subject or "no longer in the journal"
        kind_of = (source, alike(subject), alike(row.reason))
        kind = self._kinds.setdefault(kind_of, _Kind(source, subject, row.reason, row))
        kind.count += 1
        kind.newest = row
        if kind.subject != subject:
            kind.subject = kind_of[1]
        if kind.reason != row.reason:
            kind.reason = kind_of[2]

    def print(self, limit: int) -> None:
        """Print the first lines, so many."""
        kinds = sorted(self._kinds.values(), key=lambda kind: -kind.count)[:limit]
        newest = in_zone("newest", (kind.newest.recorded_at for kind in kinds))
        print_table(
            ("signals", newest, "number", "source", "subject", "reason"),
            [
                (
                    str(kind.count),
                    date_and_time(kind.newest.recorded_at)[:SECONDS],
                    str(kind.newest.seq),
                    kind.source,
                    kind.subject,
                    kind.reason,
                )
                for kind in kinds
            ],
        )


def alike(text: str) -> str:
    """Return a text with * for what differs from signal to signal: numbers and quoted values."""
    return _VARYING.sub("*", text)
