"""Paths: where in a payload, or in a subject, a value stands."""

import re
from collections.abc import Sequence

_SUBJECT = "subject/"
_POSITION = re.compile("[0-9]{1,9}")


class FieldPath:
    """A path as written in the configuration.

    "a.b.0.c" goes through objects by name and through lists by position, "."
    is the payload itself, "subject/2" is a level of the subject, counted from
    0. A "?" at the end says that the value may be absent.

    Raises:
        ValueError: The text is not a path.

    """

    __slots__ = ("level", "optional", "steps", "text")

    def __init__(self, text: str) -> None:
        self.text = text.removesuffix("?")
        self.optional = text.endswith("?")
        self.level: int | None = None
        self.steps: tuple[tuple[str, int | None], ...] = ()
        if self.text.startswith(_SUBJECT):
            self.level = _position(self.text.removeprefix(_SUBJECT))
            if self.level is None:
                raise ValueError(f"{text!r}: expected a number after 'subject/', from 0")
        elif self.text != ".":
            names = self.text.split(".")
            if not all(names):
                raise ValueError(f"{text!r}: expected names joined by '.', like 'a.b.0.c'")
            self.steps = tuple((name, _position(name)) for name in names)

    def find(self, document: object, levels: Sequence[str]) -> object:
        """Return what stands there, or None if nothing does."""
        if self.level is not None:
            return levels[self.level] if self.level < len(levels) else None
        found = document
        for name, position in self.steps:
            if isinstance(found, dict):
                found = found.get(name)
            elif isinstance(found, list) and position is not None and position < len(found):
                found = found[position]
            else:
                return None
        return found


def _position(text: str) -> int | None:
    return int(text) if _POSITION.fullmatch(text) else None
