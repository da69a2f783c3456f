"""Which rules listen to the milestones of which others, and what follows from that."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from edge.milestones.content import CONTENT, PLACE
from edge.milestones.model import Milestone, Name, Observation, Value, kind_of
from edge.milestones.rules import GatherRule, Lifecycle, Pattern, Rule

Rules = Mapping[str, Rule]
Lifecycles = Mapping[str, Lifecycle]
OfKind = Mapping[str, frozenset[str]]
"""For each kind of observation, the sources that it comes from, or the fields that it can have."""


def conclusions(rules: Rules, lifecycles: Lifecycles) -> set[Name]:
    """Return the names of all milestones that can be concluded."""
    of_rules = {name for rule in rules.values() for name in rule.concludes()}
    return of_rules.union(*(each.exceptions for each in lifecycles.values()))


def concluding(rules: Rules, pattern: Pattern) -> list[str]:
    """Return the rules whose milestones the pattern means; none if it means a kind."""
    return [
        name
        for name, rule in rules.items()
        if pattern.milestone in rule.concludes() and pattern.rule in (None, name)
    ]


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


def in_order(rules: Rules) -> list[str]:
    """Return the rules, each after those that it listens to.

    Raises:
        CycleError: There is no such order; see `circle`.

    """
    return list(TopologicalSorter(_feeders(rules)).static_order())


def sources_by_rule(rules: Rules, sources_of: OfKind) -> dict[str, frozenset[str]]:
    """Return the sources that each rule listens to, itself or by way of others, in their order."""
    known = dict(sources_of)
    feeders = _feeders(rules)
    found: dict[str, frozenset[str]] = {}
    for name in in_order(rules):
        heard = [known[each.hears] for each in rules[name].patterns()]
        found[name] = frozenset[str]().union(*heard, *(found[each] for each in feeders[name]))
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
        if all(each.hears in known for each in rule.patterns()):
            _add(known, name, rule, rule.tells(known))
        else:
            unknown |= {kind_of(each, of) for each in rule.concludes() for of in (None, name)}
    return {kind: fields for kind, fields in known.items() if kind not in unknown}


def delays(rules: Rules) -> dict[str, int]:
    """Return how much later than others each rule must judge its deadlines, in milliseconds.

    A rule that waits tells its milestones when others have long been heard of;
    one that listens to it knows what has happened only up to then.
    """
    feeders = _feeders(rules)
    found: dict[str, int] = {}
    for name in in_order(rules):
        waits = (found[each] + takes(rules[each]) for each in feeders[name])
        found[name] = max(waits, default=0)
    return found


def sources_by_owner(
    rules: Rules, lifecycles: Lifecycles, sources_of: OfKind
) -> dict[str, frozenset[str]]:
    """Return the sources of each rule; then, of lifecycles and content, those of their rules."""
    found = sources_by_rule(rules, sources_of)
    tellers = {name for name, rule in rules.items() if rule.for_content}
    inside = frozenset[str]().union(*(found[each] for each in packing(rules) if tellers))
    for name, lifecycle in lifecycles.items():
        feeding = _guarded(rules, lifecycle)
        found[name] = frozenset[str]().union(*(found[each] for each in feeding))
        found[name] |= inside if tellers & set(feeding) else frozenset()
    return found | dict.fromkeys([CONTENT, PLACE] if tellers else [], inside)


def delays_by_owner(rules: Rules, lifecycles: Lifecycles) -> dict[str, int]:
    """Return the delays of rules, and of each lifecycle the longest of what feeds it."""
    found = delays(rules)
    return found | {
        name: max(found[each] for each in _guarded(rules, lifecycle))
        for name, lifecycle in lifecycles.items()
    }


def of_former(
    rules: Rules, name: str, former: Rule, sources_of: OfKind
) -> tuple[frozenset[str], int]:
    """Return the sources of what a rule was before, and how much later it judges its deadlines.

    Among the rules that there are: a kind that nothing gives any more has no source.
    """
    then = {**rules, name: former}
    gone = {each.hears: frozenset[str]() for each in former.patterns()}
    try:
        return sources_by_rule(then, {**gone, **sources_of})[name], delays(then)[name]
    except CycleError:  # what feeds it is other, too
        return frozenset(), 0


def takes(rule: Rule) -> int:
    """Return how long after they happened the rule may conclude milestones, in milliseconds."""
    return round(rule.takes_seconds() * 1000)


def _guarded(rules: Rules, lifecycle: Lifecycle) -> list[str]:
    stages = {*lifecycle.stages, *lifecycle.ends}
    return [name for name, rule in rules.items() if stages & set(rule.concludes())]


def _feeders(rules: Rules) -> dict[str, list[str]]:
    """Return the rules that each listens to, in an order that is the same in every process.

    Who listens to what is told of content listens to the rules that say what is inside.
    """
    packers = sorted(packing(rules))
    found: dict[str, list[str]] = {}
    for name, rule in rules.items():
        heard = [each for pattern in rule.patterns() for each in concluding(rules, pattern)]
        inside = packers if any(rules[each].for_content for each in heard) else []
        found[name] = list(dict.fromkeys([*heard, *inside]))
    return found


def _add(known: dict[str, frozenset[str]], name: str, rule: Rule, what: frozenset[str]) -> None:
    for milestone in rule.concludes():
        of_all = kind_of(milestone)
        known[of_all] = known.get(of_all, frozenset()) | what
        known[kind_of(milestone, name)] = what


def as_observation(milestone: Milestone, lag: int) -> Observation:
    """Return the milestone as rules that listen to it hear of it."""
    about, _, value = milestone.key.partition(":")
    *earlier, last = milestone.evidence
    return Observation(
        signal=last,
        source=milestone.rule,
        kind=kind_of(milestone.name),
        occurred_at=milestone.occurred_at,
        fields={about: value, **_plain(milestone.attributes)},
        lag=lag,
        earlier=tuple(earlier),
    )


def _plain(attributes: Mapping[str, Any]) -> dict[str, Value]:
    """Return what can be a field: not the seconds of states by their names."""
    return {name: value for name, value in attributes.items() if not isinstance(value, Mapping)}
