"""Putting parameters, and what the site says otherwise, into a template. Pure."""

from collections.abc import Mapping
from typing import Any

from edge.profiles.profile import INSTANCE, PLACEHOLDER

Path = tuple[str | int, ...]
"""Where something stands: the keys and positions that lead there."""

_ABSENT = object()
"""A setting that is left out: its parameter has no value."""


class Template:
    """A template in the making, and where the site says what is put in."""

    def __init__(self, values: Mapping[str, Any], instance: Path) -> None:
        self._values = values
        self._instance = instance
        self.origins: dict[Path, Path] = {}
        """For each place that a parameter or a change has filled: where it stands."""

    def fill(self, template: Any, at: Path) -> Any:
        """Return the template with the parameters in it.

        What is a placeholder and nothing else takes the parameter's value as it is, a list or a
        number; without a value the setting is left out.
        """
        match template:
            case str():
                return self._text(template, at)
            case Mapping():
                filled = {
                    key: self.fill(each, (*at, key))
                    for old, each in template.items()
                    if (key := self._text(old, at)) is not _ABSENT
                }
                return {key: each for key, each in filled.items() if each is not _ABSENT}
            case list():
                listed = [self.fill(each, (*at, index)) for index, each in enumerate(template)]
                return [each for each in listed if each is not _ABSENT]
            case _:
                return template

    def change(self, filled: Any, change: Any, at: Path, place: Path) -> Any:
        """Return what is filled, with what the site says otherwise: tables are merged by key."""
        if not (isinstance(filled, Mapping) and isinstance(change, Mapping)):
            self.origins = {p: o for p, o in self.origins.items() if p[: len(at)] != at}
            self.origins[at] = place
            return change
        changed = {
            key: self.change(filled.get(key), each, (*at, key), (*place, key))
            for key, each in change.items()
        }
        return {**filled, **changed}

    def _text(self, text: str, at: Path) -> Any:
        whole = PLACEHOLDER.fullmatch(text)
        for name in PLACEHOLDER.findall(text):
            if name != INSTANCE:
                self.origins[at] = (*self._instance, name)
            value = self._values[name]
            if value is None:
                return _ABSENT
            if whole:
                return [*value] if isinstance(value, tuple) else value
            text = text.replace(f"{{{name}}}", str(value))
        return text
