"""What a profile is: parameters, and observations and rules into which they are put."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from drivers.contract import Settings

PLACEHOLDER = re.compile(r"\{([a-z][a-z_]*)\}")
"""Where a parameter is put in: `{subject}`; `{instance}` is the name that the site gives."""

INSTANCE = "instance"
RESERVED = frozenset({INSTANCE, "use", "without", "observations", "rules"})
"""What an instance says beside its parameters."""

Value = str | bool | int | float | tuple[str, ...]

_Words = Annotated[str, Field(min_length=1)]
_Local = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9-]*$")]


class Parameter(Settings):
    """What a site may, or must, say of its device."""

    type: Literal["text", "number", "texts"]
    meaning: _Words
    """One sentence, for the page and for editors."""
    default: Value | None = None
    optional: bool = False
    """Without a value, the settings that it is put into are left out."""

    @property
    def is_required(self) -> bool:
        """Whether every instance must give it."""
        return self.default is None and not self.optional


class Entry(Settings):
    """An observation or a rule, with placeholders where parameters are put in."""

    model_config = ConfigDict(extra="allow")

    needs: str | None = None
    """The parameter without which it is left out."""

    @property
    def template(self) -> Mapping[str, Any]:
        """Its settings."""
        return self.model_extra or {}


class Profile(Settings):
    """A device of a warehouse: what it tells, and what follows from it.

    Raises:
        ValueError: A placeholder names no parameter, or a parameter is put nowhere.

    """

    summary: _Words
    """What it watches, in a sentence."""
    notes: str = ""
    """What else is good to know of it, in Markdown, for its page."""
    parameters: Mapping[Annotated[str, StringConstraints(pattern="^[a-z][a-z_]*$")], Parameter]
    observations: Annotated[Mapping[_Local, Entry], Field(min_length=1)]
    rules: Annotated[Mapping[_Local, Entry], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        entries = [*self.observations.values(), *self.rules.values()]
        named = {name for each in entries for name in _placeholders(each.template)}
        known = self.parameters.keys() | {INSTANCE}
        needed = {each.needs for each in entries if each.needs is not None}
        if unknown := (named | needed) - known:
            raise ValueError(f"puts in {sorted(unknown)}, which are no parameters")
        if idle := known - named - needed - {INSTANCE}:
            raise ValueError(f"has the parameters {sorted(idle)}, which are put nowhere")
        if taken := RESERVED & self.parameters.keys():
            raise ValueError(f"parameters cannot be called {sorted(taken)}")
        return self


def _placeholders(template: Any) -> Iterator[str]:
    """Yield the name of every parameter that a template puts in."""
    match template:
        case str():
            yield from PLACEHOLDER.findall(template)
        case Mapping():
            for key, value in template.items():
                yield from _placeholders(key)
                yield from _placeholders(value)
        case list():
            for each in template:
                yield from _placeholders(each)
