"""Reading and checking the configuration file: all faults at once, each with its place."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from drivers.contract import Settings
from edge.config import places
from edge.config.contradictions import contradictions
from edge.config.messages import message, without_echoes
from edge.config.models import Configuration, configuration_model
from edge.profiles import Expansion, expand, find

S = TypeVar("S", bound=Settings)

_TAG = {"sources": "driver", "destinations": "driver", "profiles": "use", "rules": "operator"}
"""Sections whose tables are told apart by one of their keys."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the configuration."""

    line: int | None
    place: str
    """The key, dotted, e.g. "sources.plc.endpoint"."""
    message: str


class ConfigurationFault(Exception):
    """The configuration cannot be run; every fault is named."""

    def __init__(self, file: Path, faults: Sequence[Fault]) -> None:
        self.file = file
        self.faults = tuple(faults)
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> Iterator[str]:
        for fault in self.faults:
            line = f":{fault.line}" if fault.line else ""
            place = f" {fault.place}:" if fault.place else ""
            yield f"{self.file}{line}:{place} {fault.message}"


def load(file: Path) -> Configuration:
    """Read and check the configuration, and expand its profiles.

    Raises:
        ConfigurationFault: It cannot be run; names all that is wrong.

    """
    return _load(file, *parse(file))


def load_text(text: str, file: Path = Path("milepost.toml")) -> Configuration:
    """Check a configuration whose text has been read; `file` is named where it is at fault.

    Raises:
        ConfigurationFault: It cannot be run; names all that is wrong.

    """
    return _load(file, *_parsed(file, text))


def _load(file: Path, table: dict[str, Any], lines: dict[places.Path, int]) -> Configuration:
    expansion = expand(table)
    configuration = _validated(file, configuration_model(), expansion, lines)
    crossed = [
        Fault(places.line_of(place, lines), _dotted(place), message)
        for path, message in (*expansion.clashes, *contradictions(configuration))
        for place in [expansion.origin(path)]
    ]
    if crossed:
        raise ConfigurationFault(file, sorted(crossed, key=lambda f: f.line or 0))
    return configuration


def read(file: Path, model: type[S]) -> tuple[S, dict[places.Path, int]]:
    """Read settings of any kind from a TOML file; return them, and the line of each table and key.

    Raises:
        ConfigurationFault: They are not what the model says; names all that is wrong.

    """
    table, lines = parse(file)
    return _validated(file, model, Expansion(table), lines), lines


def parse(file: Path) -> tuple[dict[str, Any], dict[places.Path, int]]:
    """Return the tables of a TOML file, and the line of each table and key.

    Raises:
        ConfigurationFault: It cannot be read, or is not TOML.

    """
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        words = f"cannot be read ({error.strerror}); check its path, and who may read it"
        raise ConfigurationFault(file, [Fault(None, "", words)]) from error
    except UnicodeDecodeError as error:
        raise ConfigurationFault(file, [Fault(None, "", "is not TOML: not UTF-8")]) from error
    except ValueError as error:
        raise ConfigurationFault(file, [Fault(None, "", f"cannot be a file: {error}")]) from error
    return _parsed(file, text)


def _parsed(file: Path, text: str) -> tuple[dict[str, Any], dict[places.Path, int]]:
    try:
        return tomllib.loads(text), places.lines(text)
    except (ValueError, RecursionError) as error:  # also for numbers of thousands of digits
        raise ConfigurationFault(file, [Fault(None, "", f"is not TOML: {error}")]) from error


def _validated(
    file: Path, model: type[S], expansion: Expansion, lines: dict[places.Path, int]
) -> S:
    try:
        return model.model_validate(expansion.table)
    except ValidationError as error:
        faults = [_fault(details, lines, expansion) for details in without_echoes(error.errors())]
        raise ConfigurationFault(file, sorted(faults, key=lambda f: f.line or 0)) from error


def _fault(details: ErrorDetails, lines: dict[places.Path, int], expansion: Expansion) -> Fault:
    path = _without_tags(details["loc"], expansion.table)
    words = message(details, _parameters(path, expansion.table))
    place = expansion.origin(path)
    return Fault(places.line_of(place, lines), _dotted(place), words)


def _parameters(path: places.Path, table: Mapping[str, Any]) -> Sequence[str]:
    """Return the parameters that an instance's profile has, if the path leads to one of them."""
    match path:
        case ("profiles", name, str()):
            return [*find(table["profiles"][name]["use"]).parameters]
        case _:
            return ()


def _without_tags(loc: tuple[str | int, ...], table: Mapping[str, Any]) -> places.Path:
    """Drop what pydantic adds to a path: which member of a union it looked at."""
    if len(loc) > 2 and loc[0] in _TAG:  # noqa: PLR2004 - section, name and what is in it
        value = table[str(loc[0])][loc[1]]
        if isinstance(value, dict) and value.get(_TAG[loc[0]]) == loc[2]:
            loc = (*loc[:2], *loc[3:])
    return tuple(part for part in loc if part != "[key]")


def _dotted(path: Sequence[str | int]) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
