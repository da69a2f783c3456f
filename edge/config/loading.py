"""Reading and checking the configuration file: all faults at once, each with its place."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from drivers.contract import Settings
from edge.config import places
from edge.config.contradictions import contradictions
from edge.config.keys import keys
from edge.config.leaving_out import without
from edge.config.messages import SHAPES, either, message, without_echoes
from edge.config.models import Configuration, configuration_model
from edge.config.other_files import mistaken
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
    _must_be(file, configuration_model(), table)
    expansion = expand(table)
    wrong: list[tuple[places.Path, str]] = [*expansion.clashes]
    try:
        configuration = configuration_model().model_validate(expansion.table)
        wrong += contradictions(configuration)
    except ValidationError as error:
        found = [*_wrong(error, expansion.table, configuration_model())]
        wrong += found
        if (rest := without(expansion.table, [path for path, _ in found])) is not None:
            wrong += contradictions(*rest)
    if wrong:
        raise ConfigurationFault(file, _faults(wrong, expansion, lines))
    return configuration


def read(file: Path, model: type[S]) -> tuple[S, dict[places.Path, int]]:
    """Read settings of any kind from a TOML file; return them, and the line of each table and key.

    Raises:
        ConfigurationFault: They are not what the model says; names all that is wrong.

    """
    table, lines = parse(file)
    _must_be(file, model, table)
    try:
        return model.model_validate(table), lines
    except ValidationError as error:
        wrong = _wrong(error, table, model)
        raise ConfigurationFault(file, _faults(wrong, Expansion(table), lines)) from error


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
        words, _, at = str(error).partition(" (at line ")
        line, _, column = at.rstrip(")").partition(", column ")
        where = f" (column {column})" if column else ""
        fault = Fault(int(line) if column else None, "", f"is not TOML: {words}{where}")
        raise ConfigurationFault(file, [fault]) from error


def _must_be(file: Path, model: type[Settings], table: Mapping[str, Any]) -> None:
    if (words := mistaken(table, model.model_fields)) is not None:
        raise ConfigurationFault(file, [Fault(None, "", words)])


def _faults(
    wrong: Iterable[tuple[places.Path, str]], expansion: Expansion, lines: dict[places.Path, int]
) -> list[Fault]:
    """Return what is wrong with a table, in the order of the file."""
    # What two parts of an instance have wrong is said of it once.
    faults = dict.fromkeys(
        Fault(places.line_of(place, lines), _dotted(place), words)
        for path, words in wrong
        for place in [expansion.origin(path)]
    )
    return sorted(faults, key=lambda fault: fault.line or 0)


def _wrong(
    error: ValidationError, table: Mapping[str, Any], model: type[Settings]
) -> Iterator[tuple[places.Path, str]]:
    """Yield what is wrong and where; once of a value that is none of the things that it may be."""
    shapes: dict[places.Path, list[str]] = {}
    for details in without_echoes(error.errors()):
        path = _without_tags(details["loc"], table)
        words = _words(details, path, table, model)
        if details["type"] in SHAPES and _at(path[:-1], table) is details["input"]:
            shapes.setdefault(path[:-1], []).append(words)
        else:
            yield path, words
    for path, several in shapes.items():
        yield path, either(several)


def _words(
    details: ErrorDetails, path: places.Path, table: Mapping[str, Any], model: type[Settings]
) -> str:
    if parameters := _parameters(path, table):
        return message(details, parameters, are_parameters=True)
    if details["type"] == "extra_forbidden":
        return message(details, keys(model.model_json_schema(), details["loc"][:-1]))
    return message(details)


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


def _at(path: places.Path, table: Any) -> object:
    """Return the value at a place of the table; None if there is none."""
    for part in path:
        try:
            table = table[part]
        except (KeyError, IndexError, TypeError):
            return None
    return table


def _dotted(path: Sequence[str | int]) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
