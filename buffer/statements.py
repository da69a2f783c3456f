"""The SQL of the store: named statements in `sql/*.sql`."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def statements(file: str) -> Mapping[str, str]:
    """Return the statements of `sql/<file>.sql` by name.

    A statement begins with a line `-- name: <name>` and reaches to the next.
    """
    text = (files("buffer") / "sql" / f"{file}.sql").read_text(encoding="utf-8")
    pieces = _NAME.split(text)[1:]
    return MappingProxyType(dict(zip(pieces[::2], map(str.strip, pieces[1::2]), strict=True)))
