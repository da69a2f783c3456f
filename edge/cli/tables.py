"""Tables on a terminal, and in a file."""

import shutil
import sys
from collections.abc import Sequence

import typer

_LEAST = 30
"""With less room than this for the last column, it takes a line of its own."""
_INDENT = 4


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, has_header: bool = True
) -> None:
    """Print a table whose last column is the longest.

    In a file each row is a line. On a terminal the last column is cut off at
    its edge, or stands below the others if those leave no room for it.
    """
    lines = [[on_one_line(cell) for cell in row] for row in rows]
    widths = [max(len(line[at]) for line in [columns, *lines]) for at in range(len(columns) - 1)]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else sys.maxsize
    left = room - sum(width + 2 for width in widths)
    for line in [columns, *lines] if has_header else lines:
        first = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False))
        if left >= _LEAST:
            typer.echo(f"{first}  {_cut(line[-1], left)}".rstrip())
        else:
            typer.echo(_cut(first, room).rstrip())
            typer.echo(" " * _INDENT + _cut(line[-1], room - _INDENT))


def on_one_line(text: str) -> str:
    """Return the text as one line in which nothing commands the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
