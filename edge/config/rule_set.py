"""What can change while the daemon runs: what is concluded, and who is told."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from edge.config.models import Configuration
from edge.milestones.feeding import feeders, in_order

_RULE_SET = {"observations", "rules", "lifecycles"}
_STAND_FOR_THEM = {"profiles"}
"""What has been expanded to them."""
_WHO_IS_TOLD = {"milestones", "critical", "bulk"}
"""Settings of destinations that follow from what is concluded."""


class NotTaken(Exception):
    """Other rules were not taken over, and nothing has changed; the message says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """How the rules of two configurations differ, by name; observations and lifecycles count."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def rule_set_version(configuration: Configuration) -> str:
    """Return what tells its rule set from others: eight digits of a digest."""
    return _digest(configuration.model_dump(mode="json", include=_RULE_SET, exclude_defaults=True))


def change(old: Configuration, new: Configuration) -> Change:
    """Return how the rules differ."""
    before, after = dict(_parts(old)), dict(_parts(new))
    return Change(
        added=tuple(name for name in after if name not in before),
        changed=tuple(name for name in after if name in before and before[name] != after[name]),
        removed=tuple(name for name in before if name not in after),
    )


def changed_rules(old: Configuration, new: Configuration) -> frozenset[str]:
    """Return the rules that may conclude other than they did, or are there in one of them only.

    A rule may, too, if what it listens to is other: observations of a kind, or a rule; or
    what is packed, if it listens to what is told of content.
    """
    differs = change(old, new)
    places = {*differs.added, *differs.changed, *differs.removed}
    changed = {name for name in (*old.rules, *new.rules) if f"rules.{name}" in places}
    before, after = feeders(old.rules), feeders(new.rules)
    for name in in_order(new.rules):
        hears = {f"observations of {each.kind}" for each in new.rules[name].patterns()}
        if hears & places or changed & {*after[name], *before.get(name, ())}:
            changed.add(name)
    return frozenset(changed)


def needs_restart(old: Configuration, new: Configuration) -> list[str]:
    """Return the places where they differ in more than their rules, and who is told what."""
    before, after = _fixed(old), _fixed(new)
    return sorted(
        {
            *(place for place in before if before[place] != after.get(place)),
            *(place for place in after if place not in before),
        }
    )


def _parts(configuration: Configuration) -> Iterator[tuple[str, str]]:
    for name, rule in configuration.rules.items():
        yield f"rules.{name}", rule.version
    for name, lifecycle in configuration.lifecycles.items():
        yield f"lifecycles.{name}", _digest(lifecycle.model_dump(mode="json"))
    of_kind: dict[str, list[Any]] = {}
    for each in configuration.observations:
        of_kind.setdefault(each.kind, []).append(each.model_dump(mode="json"))
    for kind, observations in of_kind.items():
        yield f"observations of {kind}", _digest(observations)


def _fixed(configuration: Configuration) -> Mapping[str, Any]:
    told = configuration.model_dump(mode="json", exclude=_RULE_SET | _STAND_FOR_THEM)
    fixed = {section: told[section] for section in told if not isinstance(told[section], dict)}
    for section, settings in told.items():
        if isinstance(settings, dict):
            fixed |= {f"{section}.{name}": value for name, value in settings.items()}
    for name, settings in told["destinations"].items():
        kept = {key: value for key, value in settings.items() if key not in _WHO_IS_TOLD}
        fixed[f"destinations.{name}"] = kept
    return fixed


def _digest(told: object) -> str:
    canonical = json.dumps(told, sort_keys=True)
    return blake2b(canonical.encode("ascii"), digest_size=4).hexdigest()
