"""From a configuration with profiles to one without. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from edge.profiles.filling import Path, Template
from edge.profiles.finding import find, names
from edge.profiles.instance import InstanceSettings, instance_model
from edge.profiles.profile import INSTANCE


@dataclass(frozen=True, slots=True)
class Expansion:
    """A configuration's table, expanded, and where in the site's file its parts come from."""

    table: Mapping[str, Any]
    origins: Mapping[Path, Path] = field(default_factory=dict)
    clashes: tuple[tuple[Path, str], ...] = ()
    """Instances that give a rule a name that another rule has, and what to do."""

    def origin(self, path: Path) -> Path:
        """Return where the site says, or could say, what stands at a place of the table."""
        for end in range(len(path), 0, -1):
            if (found := self.origins.get(path[:end])) is not None:
                return (*found, *path[end:])
        return path


def expand(table: Mapping[str, Any]) -> Expansion:
    """Put what the profiles give beside the site's own observations and rules.

    An instance that is at fault gives nothing here: the configuration's model names its faults.
    """
    own, rules = table.get("observations", []), table.get("rules", {})
    if not (isinstance(own, list) and isinstance(rules, Mapping)):
        return Expansion(table)
    observations = [*own]
    given: dict[str, Any] = {}
    clashes: list[tuple[Path, str]] = []
    origins: dict[Path, Path] = {}
    for name, instance in _instances(table.get("profiles")):
        for part in _parts(name, instance):
            root: Path
            if part.section == "observations":
                root = ("observations", len(observations))
                observations.append(part.table)
            else:
                if part.name in rules or part.name in given:
                    words = f"gives a rule {part.name!r}, and there is another of that name"
                    clashes.append((("profiles", name), f"{words}; rename one"))
                root = ("rules", part.name)
                given[part.name] = part.table
            origins |= {(*root, *path): origin for path, origin in part.origins.items()}
    expanded = {**table, "observations": observations, "rules": {**given, **rules}}
    return Expansion(expanded, origins, tuple(clashes))


@dataclass(frozen=True, slots=True)
class _Part:
    """An observation or a rule that an instance gives."""

    section: str
    name: str
    """The rule's; "" for an observation, which has none."""
    table: Mapping[str, Any]
    origins: Mapping[Path, Path]
    """Where the site says what stands at a path of the table."""


def _instances(profiles: object) -> Iterator[tuple[str, InstanceSettings]]:
    """Yield the instances that are as they should be."""
    for name, given in profiles.items() if isinstance(profiles, Mapping) else ():
        if isinstance(given, Mapping) and given.get("use") in names():
            try:
                yield name, instance_model(given["use"]).model_validate(given)
            except ValidationError:
                continue


def _parts(name: str, instance: InstanceSettings) -> Iterator[_Part]:
    profile = find(instance.use)
    here = ("profiles", name)
    values = {parameter: getattr(instance, parameter) for parameter in profile.parameters}
    for section, entries, changes in (
        ("observations", profile.observations, instance.observations),
        ("rules", profile.rules, instance.rules),
    ):
        for local, entry in entries.items():
            if local in instance.without or (entry.needs and values[entry.needs] is None):
                continue
            place = (*here, section, local)
            change = dict(changes.get(local, {}))
            rule = f"{name}-{local}" if section == "rules" else ""
            if rule and isinstance(change.get("name"), str):
                rule = change.pop("name")
            template = Template({INSTANCE: name, **values}, here)
            table = template.change(template.fill(entry.template, ()), change, (), place)
            yield _Part(section, rule, table, {(): place, **template.origins})
