"""Whether observations, rules and lifecycles fit together: what is found before any of it runs.

Each by itself is right by then: its settings have seen to that.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from edge.milestones.feeding import circle, concluding, with_milestones
from edge.milestones.model import Name
from edge.milestones.rules import GatherRule, Lifecycle, Pattern, Place, Rule

_CONCLUDED = frozenset({"quantity", "requested", "children", "since"})
"""What operators tell beside the fields of observations; a lifecycle may carry it."""


class Misfit(NamedTuple):
    """What does not fit: where it stands in the configuration, and why, in an operator's words."""

    place: Place
    words: str

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.place))}: {self.words}"


def misfits(
    rules: Mapping[str, Rule],
    lifecycles: Mapping[str, Lifecycle],
    sources_of: Mapping[str, frozenset[str]],
) -> Iterator[Misfit]:
    """Yield what the engine cannot run with; nothing if all fits together.

    `sources_of` maps each kind of observation to the sources that it comes from.
    """
    for name, rule in rules.items():
        for pattern in rule.patterns():
            if (words := _never_told(pattern, rules, sources_of)) is not None:
                yield Misfit(("rules", name), words)
    if found := circle(rules):
        words = f"listens to what follows from itself: {' → '.join(found)}"
        yield Misfit(("rules", found[0]), f"{words}; say with `rule` whose milestones it means")
    yield from _half_nested(rules)
    concluded = {name for rule in rules.values() for name in rule.concludes()}
    home: dict[Name, str] = {}
    for name, lifecycle in lifecycles.items():
        place = ("lifecycles", name)
        if name in rules:
            # They would share their tracks.
            yield Misfit(place, f"has the name of rules.{name}; rename one")
        for stage in (*lifecycle.stages, *lifecycle.ends):
            if stage not in concluded:
                yield Misfit(place, f"names {stage.value!r}, which no rule concludes")
            if (other := home.setdefault(stage, name)) != name:
                words = f"names {stage.value!r}, as lifecycles.{other} does"
                yield Misfit(place, f"{words}; a milestone belongs to one lifecycle")


def _never_told(
    pattern: Pattern, rules: Mapping[str, Rule], sources_of: Mapping[str, frozenset[str]]
) -> str | None:
    """Say that nothing gives what the pattern means; None if something does."""
    if pattern.milestone is None:
        if sources_of.get(pattern.hears):
            return None
        words = f"listens to {pattern.hears!r}, which no observation gives"
        return f"{words}; {offered('kinds', pattern.hears, sources_of)}"
    if concluding(rules, pattern):
        return None
    words = f"listens to the milestone {pattern.milestone.value!r}"
    able = [name for name, rule in rules.items() if pattern.milestone in rule.concludes()]
    if pattern.rule is not None and able:
        words = f"{words} of rule {pattern.rule!r}, which does not conclude it"
        return f"{words}; {offered('rules', pattern.rule, able)}"
    concluded = {name for rule in rules.values() for name in rule.concludes()}
    known = offered("milestones", pattern.milestone, concluded)
    return f"{words}, which no rule concludes; {known}"


def _half_nested(rules: Mapping[str, Rule]) -> Iterator[Misfit]:
    """Yield settings on units in units that lack their other half."""
    packers = [
        name
        for name, rule in rules.items()
        if isinstance(rule, GatherRule) and rule.children_are == "units"
    ]
    tellers = [name for name, rule in rules.items() if rule.for_content]
    if packers and not tellers:
        words = "nothing is told of the units: no rule has `for_content`"
        yield Misfit(("rules", packers[0], "children_are"), words)
    if tellers and not packers:
        words = 'nothing tells which units are inside: no rule has `children_are = "units"`'
        yield Misfit(("rules", tellers[0], "for_content"), words)


def unknown_fields(
    rules: Mapping[str, Rule],
    lifecycles: Mapping[str, Lifecycle],
    fields_of: Mapping[str, frozenset[str]],
) -> Iterator[Misfit]:
    """Yield the fields that no observation can have: what is read of them would never be there.

    `fields_of` maps each kind of observation to the fields that it can have.
    Of a kind that is not in it nothing is said: that is a misfit of its own.
    """
    if circle(rules):
        return
    fields_of = with_milestones(rules, fields_of)
    for name, rule in rules.items():
        for use in dict.fromkeys(rule.reads()):
            if (words := _unknown(use.field, use.kinds, fields_of)) is not None:
                yield Misfit(("rules", name, *use.place), words)
        if rule.blocks is not None and rule.blocks not in _carried(rule, lifecycles):
            kinds = [pattern.hears for pattern in rule.patterns()]
            if (words := _unknown(rule.blocks, kinds, fields_of)) is not None:
                yield Misfit(("rules", name, "blocks"), words)
    for name, lifecycle in lifecycles.items():
        stages = {*lifecycle.stages, *lifecycle.ends}
        feeding = [rule for rule in rules.values() if stages & set(rule.concludes())]
        kinds = [pattern.hears for rule in feeding for pattern in rule.patterns()]
        for field in lifecycle.carry:
            words = _unknown(field, kinds, fields_of)
            if words is not None and field not in _CONCLUDED:
                yield Misfit(("lifecycles", name, "carry"), words)


def _carried(rule: Rule, lifecycles: Mapping[str, Lifecycle]) -> set[str]:
    """Return the fields that what the rule concludes may have from earlier stages."""
    concluded = set(rule.concludes())
    return {
        field
        for each in lifecycles.values()
        if concluded & {*each.stages, *each.ends}
        for field in each.carry
    }


def _unknown(
    field: str, kinds: Sequence[str], fields_of: Mapping[str, frozenset[str]]
) -> str | None:
    """Say that observations of none of the kinds can have the field; None if one can."""
    if not kinds or any(kind not in fields_of for kind in kinds):
        return None
    known = frozenset[str]().union(*(fields_of[kind] for kind in kinds))
    if field in known:
        return None
    said = " or ".join(repr(kind) for kind in dict.fromkeys(kinds))
    return f"no observation {said} has a field {field!r}; {offered('fields', field, known)}"


def offered(what: str, wrong: str, known: Iterable[str]) -> str:
    """Return e.g. "fields are lane, unit. Did you mean 'unit'?", for what is not among them."""
    names = sorted(known)
    close = get_close_matches(wrong, names, n=1)
    meant = f". Did you mean {close[0]!r}?" if close else ""
    return f"{what} are {', '.join(names) or 'none'}{meant}"
