"""Which rules listen to the milestones of which others, and what follows from that."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from edge.milestones.model import Milestone, Name, Observation, Value, kind_of
from edge.milestones.rules import GatherRule, Lifecycle, Rule

Rules = Mapping[str, Rule]
Lifecycles = Mapping[str, Lifecycle]
OfKind = Mapping[str, frozenset[str]]
"""For each kind of observation, the sources that it comes from, or the fields that it can have."""


def conclusions(rules: Rules, lifecycles: Lifecycles) -> set[Name]:
    """Return the names of all milestones that can be concluded."""
    of_rules = {name for rule in rules.values() for name in rule.concludes()}
    return of_rules.union(*(each.exceptions for each in lifecycles.values()))


def tellers(rules: Rules) -> Mapping[str, Sequence[str]]:
    """Return the rules that conclude each milestone, by what patterns that mean it hear."""
    found: dict[str, list[str]] = {}
    for name, rule in rules.items():
        for milestone in rule.concludes():
            for whose in (None, name):
                found.setdefault(kind_of(milestone, whose), []).append(name)
    return found


def packing(rules: Rules) -> frozenset[str]:
    """Return the rules that say which units are in which."""
    return frozenset(
        name
        for name, rule in rules.items()
        if (isinstance(rule, GatherRule) and rule.children_are == "units")
        or (Name.UNPACKED in rule.concludes() and getattr(rule, "children", None) is None)
    )


def circle(rules: Rules) -> list[str]:
    """Return rules of which each feeds the next, the last one the first; empty if none do."""
    try:
        in_order(rules)
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def feeders(rules: Rules) -> dict[str, list[str]]:
    """Return the rules that each listens to, in an order that is the same in every process.

    Who listens to what is told of content listens to the rules that say what is inside.
    """
    packers = sorted(packing(rules))
    told_by = tellers(rules)
    found: dict[str, list[str]] = {}
    for name, rule in rules.items():
        means = [each.hears for each in rule.patterns() if each.milestone is not None]
        heard = [each for milestone in means for each in told_by.get(milestone, ())]
        inside = packers if any(rules[each].for_content for each in heard) else []
        found[name] = list(dict.fromkeys([*heard, *inside]))
    return found


def in_order(rules: Rules) -> list[str]:
    """Return the rules, each after those that it listens to.

    Raises:
        CycleError: There is no such order; see `circle`.

    """
    return _sorted(feeders(rules))


def sources_by_rule(rules: Rules, sources_of: OfKind) -> dict[str, frozenset[str]]:
    """Return the sources that each rule listens to, itself or by way of others, in their order."""
    known = dict(sources_of)
    fed_by = feeders(rules)
    found: dict[str, frozenset[str]] = {}
    for name in _sorted(fed_by):
        heard = [known[each.hears] for each in rules[name].patterns()]
        found[name] = frozenset[str]().union(*heard, *(found[each] for each in fed_by[name]))
        _add(known, name, rules[name], found[name])
    return found


def with_milestones(rules: Rules, fields_of: OfKind) -> dict[str, frozenset[str]]:
    """Return the fields that observations can have, and those of milestones that are listened to.

    Of what rests on a kind without an entry nothing is known; it has no entry either.
    """
    known = dict(fields_of)
    unknown: set[str] = set()
    for name in in_order(rules):
        rule = rules[name]
        if all(each.hears in known and each.hears not in unknown for each in rule.patterns()):
            _add(known, name, rule, rule.tells(known))
        else:
            unknown |= {kind_of(each) for each in rule.concludes()}
    return {kind: fields for kind, fields in known.items() if kind not in unknown}


def delays(rules: Rules) -> dict[str, int]:
    """Return how much later than others each rule must judge its deadlines, in milliseconds.

    A rule that waits tells its milestones when others have long been heard of;
    one that listens to it knows what has happened only up to then.
    """
    fed_by = feeders(rules)
    found: dict[str, int] = {}
    for name in _sorted(fed_by):
        waits = (found[each] + takes(rules[each]) for each in fed_by[name])
        found[name] = max(waits, default=0)
    return found


def takes(rule: Rule) -> int:
    """Return how long after they happened the rule may conclude milestones, in milliseconds."""
    return round(rule.takes_seconds() * 1000)


def _sorted(fed_by: Mapping[str, Sequence[str]]) -> list[str]:
    return list(TopologicalSorter(fed_by).static_order())


def _add(known: dict[str, frozenset[str]], name: str, rule: Rule, what: frozenset[str]) -> None:
    for milestone in rule.concludes():
        of_all = kind_of(milestone)
        known[of_all] = known.get(of_all, frozenset()) | what
        known[kind_of(milestone, name)] = what


def as_observation(milestone: Milestone) -> Observation:
    """Return the milestone as rules that listen to it hear of it."""
    about, _, value = milestone.key.partition(":")
    *earlier, last = milestone.evidence
    return Observation(
        signal=last,
        source=milestone.rule,
        kind=kind_of(milestone.name),
        occurred_at=milestone.occurred_at,
        fields={about: value, **_plain(milestone.attributes)},
        lag=milestone.lag,
        earlier=tuple(earlier),
    )


def _plain(attributes: Mapping[str, Any]) -> dict[str, Value]:
    """Return what can be a field: not the seconds of states by their names."""
    return {name: value for name, value in attributes.items() if not isinstance(value, Mapping)}
