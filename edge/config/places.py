"""Where in a TOML file a value stands, for messages that name the line."""

import re
import tomllib
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*\[(\[)?\s*([^\[\]]+?)\s*\]?\]\s*(#.*)?$")
_ASSIGNMENT = re.compile(r"^\s*([A-Za-z0-9_.\-\"' ]+?)\s*=")

Path = tuple[str | int, ...]


def lines(text: str) -> dict[Path, int]:
    """Return the line (from 1) of every table and key that has a line of its own."""
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _resolve(_parts(header[2]), counts, is_array=bool(header[1]))
            found.setdefault(table, number)
        elif assignment := _ASSIGNMENT.match(line):
            found.setdefault((*table, *_parts(assignment[1])), number)
    return found


def line_of(path: Sequence[str | int], found: dict[Path, int]) -> int | None:
    """Return the line of a value, or of the nearest table around it, or of the first within it."""
    for end in range(len(path), 0, -1):
        if tuple(path[:end]) in found:
            return found[tuple(path[:end])]
    within = [line for each, line in found.items() if each[: len(path)] == tuple(path)]
    return min(within, default=None)


def _parts(dotted: str) -> list[str]:
    """Split a dotted key as TOML does, quotes included."""
    try:
        table = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return [dotted]
    parts: list[str] = []
    value: object = table
    while isinstance(value, dict):
        (key, value), *_ = value.items()
        parts.append(key)
    return parts


def _resolve(parts: list[str], counts: dict[Path, int], *, is_array: bool) -> Path:
    """Insert the positions of the arrays of tables that a header goes through."""
    path: Path = ()
    for index, part in enumerate(parts):
        path = (*path, part)
        if is_array and index == len(parts) - 1:
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path
