"""What is left of a configuration without the parts that are at fault, and can be checked. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from edge.config.models import Configuration, configuration_model

Part = tuple[str | int, ...]
"""The section that it stands in, and its name there or its position."""

_SITE = {"name": "left-out", "uri": "https://left-out.invalid"}
_OBSERVATION = {"source": "left out", "subject": "#", "kind": "left out"}
"""Stands where one was, so that those behind it keep their positions."""
_KINDS = ("kind", "misread", "unread")
_NAMED = frozenset({"sources", "destinations", "profiles", "rules", "lifecycles"})
_ALONE = frozenset({"site", "store", "control"})


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The parts that were left out. What one of them may tell, nobody may call missing."""

    parts: frozenset[Part] = frozenset()
    kinds: frozenset[str] = frozenset()
    """Kinds that an observation among them gives."""

    @property
    def may_conclude(self) -> bool:
        """Whether milestones, or what lifecycles carry, may come from what was left out."""
        return any(section in ("profiles", "rules", "lifecycles") for section, *_ in self.parts)

    def may_tell(self, kind: str) -> bool:
        """Whether observations of a kind may come from what was left out."""
        instance, is_of_profile, _ = kind.partition(" ")
        return kind in self.kinds or bool(is_of_profile and ("profiles", instance) in self.parts)


NOTHING = LeftOut()


def without(
    table: Mapping[str, Any], faults: Collection[tuple[str | int, ...]]
) -> tuple[Configuration, LeftOut] | None:
    """Return a configuration without the parts that places at fault are in, and what these are.

    None if too much is at fault: a whole section, or an observation that does not say its kind.
    """
    parts = frozenset(place[:2] for place in faults if place[0] not in _ALONE)
    left = {**table, "site": _SITE}
    for section in ("store", "control"):
        left.pop(section, None)
    kinds: set[str] = set()
    for part in parts:
        match part:
            case ("observations", int(position)):
                observation = table["observations"][position]
                if not isinstance(observation, Mapping) or "kind" not in observation:
                    return None
                told = (observation.get(each) for each in _KINDS)
                kinds |= {each for each in told if isinstance(each, str)}
                left["observations"] = [
                    _OBSERVATION if at == position else each
                    for at, each in enumerate(left["observations"])
                ]
            case (str(section), str(name)) if section in _NAMED:
                left[section] = {key: each for key, each in left[section].items() if key != name}
            case _:
                return None
    try:
        return configuration_model().model_validate(left), LeftOut(parts, frozenset(kinds))
    except ValidationError:
        return None
