"""Tables on a terminal, and in a file."""

import shutil
import sys
from collections.abc import Iterable, Sequence

import typer

from edge.wording import zone

_LEAST = 30
"""With less room than this, a longer last column begins a line of its own."""
_BETWEEN = 2
_INDENT = 4


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, has_header: bool = True
) -> None:
    """Print a table whose last column is the longest.

    In a file each row is a line. On a terminal the last column is cut off at
    its edge. The others are whole: what finds no room stands below, indented.
    """
    lines = [[on_one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(columns, *lines, strict=True)]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    layout = _layout(widths, room)
    for line in [columns, *lines] if has_header else lines:
        for stands in layout:
            indent = "" if stands is layout[0] else " " * _INDENT
            text = (" " * _BETWEEN).join(line[at].ljust(widths[at]) for at in stands).rstrip()
            typer.echo(_cut(indent + text, room))


def in_zone(column: str, times: Iterable[int]) -> str:
    """Return the column's name with the time zone of what stands in it: "happened (CET)"."""
    return f"{column} ({', '.join(dict.fromkeys(zone(at) for at in times))})"


def on_one_line(text: str) -> str:
    """Return the text as one line in which nothing commands the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))


def _layout(widths: Sequence[int], room: int) -> list[list[int]]:
    """Return the columns that stand on each line of a row."""
    layout, used = [[0]], widths[0]
    last = len(widths) - 1
    for at in range(1, len(widths)):
        needed = min(widths[at], _LEAST) if at == last else widths[at]
        if used + _BETWEEN + needed <= room:
            layout[-1].append(at)
            used += _BETWEEN + widths[at]
        else:
            layout.append([at])
            used = _INDENT + widths[at]
    return layout


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
