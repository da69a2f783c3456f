"""A disk whose power is cut: what was synced is there, of what came later nobody knows what."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from tests.power.disk_log import Kind, Told


@dataclass(slots=True)
class _File:
    synced: bytearray = field(default_factory=bytearray)
    since: list[Told] = field(default_factory=list)


class Disk:
    """Files by path, as a process sees them, and as they may be found after a cut.

    A sync of a file keeps its data and its length, a sync of a directory the
    names in it; no other sync does (POSIX; Linux file systems keep more).
    """

    def __init__(self, files: Mapping[str, bytes], sector: int) -> None:
        """`files` are there from the beginning, synced.

        A sector, of so many bytes, is what the disk writes whole or not at all.
        """
        self._sector = sector
        self._names = {path: _File(bytearray(content)) for path, content in files.items()}
        self._synced_names = dict(self._names)
        self._named: list[dict[str, _File | None]] = []
        """Since the directory was synced: names given, and taken away."""

    def tell(self, told: Told) -> None:
        """Have it do what is told."""
        match told.kind:
            case Kind.CREATE:
                self._names[told.path] = _File()
                self._named.append({told.path: self._names[told.path]})
            case Kind.DELETE:
                del self._names[told.path]
                self._named.append({told.path: None})
            case Kind.RENAME:
                name = told.data.decode()
                self._names[name] = self._names.pop(told.path)
                self._named.append({told.path: None, name: self._names[name]})
            case Kind.SYNC if told.path in self._names:
                file = self._names[told.path]
                for each in file.since:
                    _apply(file.synced, each)
                file.since.clear()
            case Kind.SYNC:
                _name(self._synced_names, self._named)
                self._named.clear()
            case Kind.WRITE | Kind.TRUNCATE:
                self._names[told.path].since.append(told)

    def content(self) -> dict[str, bytes]:
        """Return the files as the process sees them."""
        return {path: _content(file, file.since) for path, file in self._names.items()}

    def cut(self, draw: random.Random) -> dict[str, bytes]:
        """Return the files as they may be found if the power fails now.

        Of the sectors written since the last sync some are there and others
        not, in no order. Names appear and go in order, as in a file system
        with a journal, up to some point.
        """
        names = dict(self._synced_names)
        _name(names, self._named[: draw.randint(0, len(self._named))])
        share = draw.random()

        def left(file: _File) -> bytes:
            parts = [part for told in file.since for part in _sectors(told, self._sector)]
            return _content(file, [part for part in parts if draw.random() < share])

        return {path: left(file) for path, file in names.items()}


def _name(names: dict[str, _File], named: list[dict[str, _File | None]]) -> None:
    for changes in named:
        for path, file in changes.items():
            if file is None:
                names.pop(path, None)
            else:
                names[path] = file


def _content(file: _File, since: list[Told]) -> bytes:
    content = bytearray(file.synced)
    for told in since:
        _apply(content, told)
    return bytes(content)


def _apply(content: bytearray, told: Told) -> None:
    end = told.offset + len(told.data)
    if len(content) < end:
        content.extend(bytes(end - len(content)))
    if told.kind is Kind.WRITE:
        content[told.offset : end] = told.data
    else:
        del content[told.offset :]


def _sectors(told: Told, sector: int) -> list[Told]:
    """Split a write at the borders of sectors."""
    if told.kind is not Kind.WRITE:
        return [told]
    begin, end = told.offset, told.offset + len(told.data)
    borders = [begin, *range(begin - begin % sector + sector, end, sector), end]
    return [
        told._replace(offset=a, data=told.data[a - begin : b - begin]) for a, b in pairwise(borders)
    ]
