"""Tables on a terminal, and in a file."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, has_header: bool = True
) -> None:
    """Print a table. On a terminal a line that is too long is cut off, in a file it is whole."""
    table = Table(box=None, pad_edge=False, show_header=has_header)
    for column in columns:
        table.add_column(column, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*map(on_one_line, row))
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = console.measure(table).maximum  # a file has no edge
    console.print(table)


def on_one_line(text: str) -> str:
    """Return the text as one line in which nothing commands the terminal."""
    return "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text.split()))
