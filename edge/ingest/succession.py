"""Open tracks of a rule that is changed: the new version takes them, or the old one finishes them.

Runs on the store's thread.
"""

import sqlite3
from collections.abc import Mapping, Sequence

import orjson
import structlog

from buffer import rule_sets, tracks
from edge.config import Configuration, ConfigurationFault
from edge.config.loading import load_text
from edge.milestones.operators import operator_of
from edge.milestones.operators.operator import FORMER, former_owner
from edge.milestones.reordering import SOURCE
from edge.milestones.rules import Rule

log = structlog.get_logger(__name__)


def part_tracks(
    connection: sqlite3.Connection, old: Configuration, new: Configuration, now: int
) -> None:
    """Give what is open to the rules that began it, where they are to finish it."""
    for name, rule in new.rules.items():
        before = old.rules.get(name)
        if before is None or before.version == rule.version:
            continue
        operator = operator_of(old.site.uri, name, before)
        is_read = operator.shape == operator_of(new.site.uri, name, rule).shape
        if rule.open_tracks == "migrate" and is_read:
            continue
        for row in tracks.of_owner(connection, name):
            state = orjson.loads(row.state)
            if state.get("shape") == operator.shape and operator.open_evidence(state):
                tracks.remove(connection, [(name, row.key)])
                owner = former_owner(name, before)
                tracks.put(connection, [row._replace(owner=owner, changed_at=now)])


def former_rules(
    connection: sqlite3.Connection, current: Configuration
) -> Mapping[str, Sequence[Rule]]:
    """Return, by name, the former versions of rules that still have something to finish."""
    wanted = [owner.split(":") for owner in tracks.owners(connection, FORMER)]
    found: dict[str, list[Rule]] = {}
    for _, name, version in wanted:
        if name in current.rules:
            rule = _rule(connection, name, version)
            if rule is not None:
                found.setdefault(name, []).append(rule)
    return found


def sources_held(connection: sqlite3.Connection) -> Sequence[str]:
    """Return the sources of which something is held, whatever they are called since."""
    return [owner.removeprefix(SOURCE) for owner in tracks.owners(connection, SOURCE)]


def in_force(connection: sqlite3.Connection) -> Configuration | None:
    """Return the configuration whose rules came into force last; None if it cannot be read."""
    last = rule_sets.in_force(connection)
    return None if last is None else _configuration(last)


def _rule(connection: sqlite3.Connection, name: str, version: str) -> Rule | None:
    for row in rule_sets.all_of(connection):
        rules = configuration.rules if (configuration := _configuration(row)) is not None else {}
        if name in rules and rules[name].version == version:
            return rules[name]
    log.error("former_rule_unknown", rule=name, version=version)
    return None


def _configuration(row: rule_sets.RuleSetRow) -> Configuration | None:
    if not row.configuration:
        return None
    try:
        return load_text(row.configuration)
    except ConfigurationFault as fault:
        log.warning("former_configuration_unreadable", version=row.version, why=str(fault))
        return None
