"""Tables written as TOML, a setting on each line, patterns and all; no library writes them so."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

_BARE_KEY = re.compile("[A-Za-z0-9_-]+")
_NAMED = frozenset({"sources", "destinations", "profiles", "rules", "lifecycles"})
"""Sections of tables that have names."""
_WIDTH = 100


def as_toml(table: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a configuration. Takes what `tomllib` reads, without dates."""
    for name, section in table.items():
        if name in _NAMED:
            for each in section:
                yield from _table(f"[{name}.{_key(each)}]", section[each])
        elif isinstance(section, list):
            for each in section:
                yield from _table(f"[[{_key(name)}]]", each)
        else:
            yield from _table(f"[{_key(name)}]", section)


def _table(header: str, table: Mapping[str, Any]) -> Iterator[str]:
    yield header
    for name, value in table.items():
        line = f"{_key(name)} = {_value(value)}"
        if isinstance(value, list) and len(line) > _WIDTH:
            yield f"{_key(name)} = ["
            yield from (f"    {_value(each)}," for each in value)
            yield "]"
        else:
            yield line
    yield ""


def _value(value: Any) -> str:
    match value:
        case Mapping():
            inside = ", ".join(f"{_key(name)} = {_value(each)}" for name, each in value.items())
            return f"{{ {inside} }}" if inside else "{}"
        case Sequence() if not isinstance(value, str):
            return f"[{', '.join(map(_value, value))}]"
        case str():
            return _quoted(value)
        case bool():
            return "true" if value else "false"
        case _:
            return repr(value)


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    """Return the text as a basic string: as in JSON, but for the character 127."""
    return orjson.dumps(text).decode().replace("\x7f", "\\u007F")
