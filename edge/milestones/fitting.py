"""Whether observations, rules and lifecycles fit together: what is found before any of it runs.

Each by itself is right by then: its settings have seen to that.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise
from typing import NamedTuple

from edge.milestones.feeding import circle, tellers, with_milestones
from edge.milestones.model import Name
from edge.milestones.rules import GatherRule, Lifecycle, Pattern, Place, Rule

_CONCLUDED = frozenset({"quantity", "requested", "children", "since"})
"""What operators tell beside the fields of observations; a lifecycle may carry it."""


_MOST_OFFERED = 20
"""A site with hundreds of kinds would bury what is wrong under what is right."""


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
    *,
    are_all: bool = True,
) -> Iterator[Misfit]:
    """Yield what the engine cannot run with; nothing if all fits together.

    `sources_of` maps each kind of observation to the sources that it comes from. If these
    are not all rules and lifecycles, nothing is said of what none of them does.
    """
    told_by = tellers(rules)
    for name, rule in rules.items():
        for pattern in rule.patterns():
            if pattern.milestone is None:
                is_told = bool(sources_of.get(pattern.hears))
            else:
                is_told = not are_all or pattern.hears in told_by
            if not is_told:
                yield Misfit(("rules", name), _never_told(pattern, rules, sources_of))
    if found := circle(rules):
        words = f"listens to what follows from itself: {' → '.join(found)}"
        yield Misfit(("rules", found[0]), f"{words}; say with `rule` whose milestones it means")
    if are_all:
        yield from _half_nested(rules)
    yield from _misplaced(rules, lifecycles, are_all=are_all)


def _misplaced(
    rules: Mapping[str, Rule], lifecycles: Mapping[str, Lifecycle], *, are_all: bool
) -> Iterator[Misfit]:
    """Yield stages that are nobody's, or another's."""
    concluded = {name for rule in rules.values() for name in rule.concludes()}
    home: dict[Name, str] = {}
    for name, lifecycle in lifecycles.items():
        place = ("lifecycles", name)
        if name in rules:
            # They would share their tracks.
            yield Misfit(place, f"has the name of rules.{name}; rename one")
        for stage in (*lifecycle.stages, *lifecycle.ends):
            if are_all and stage not in concluded:
                yield Misfit(place, f"names {stage.value!r}, which no rule concludes")
            if (other := home.setdefault(stage, name)) != name:
                words = f"names {stage.value!r}, as lifecycles.{other} does"
                yield Misfit(place, f"{words}; a milestone belongs to one lifecycle")


def apart(rules: Mapping[str, Rule], lifecycles: Mapping[str, Lifecycle]) -> Iterator[Misfit]:
    """Yield lifecycles with a stage or end that no key reaches after what stands before it.

    It would wait in vain, and then be told as out of order. Of a stage that no
    rule concludes nothing is said: that is a misfit of its own.
    """
    about: dict[Name, frozenset[str]] = {}
    for rule in rules.values():
        for milestone in rule.concludes():
            about[milestone] = about.get(milestone, frozenset()) | rule.about_what()
    for name, lifecycle in lifecycles.items():
        stages = [stage for stage in lifecycle.stages if stage in about]
        ends = [end for end in lifecycle.ends if end in about]
        reached = frozenset[str]().union(*(about[stage] for stage in stages))
        if any(not about[one] & about[next_] for one, next_ in pairwise(stages)) or any(
            stages and not about[end] & reached for end in ends
        ):
            told: dict[str, list[str]] = {}
            for milestone in (*stages, *ends):
                told.setdefault(" or ".join(sorted(about[milestone])), []).append(milestone)
            words = "; ".join(f"{', '.join(told[each])} of {each}" for each in told)
            yield Misfit(
                ("lifecycles", name),
                f"no key reaches all of it in order ({words}); "
                "give each kind of key a lifecycle of its own, or none",
            )


def _never_told(
    pattern: Pattern, rules: Mapping[str, Rule], sources_of: Mapping[str, frozenset[str]]
) -> str:
    """Say that nothing gives what the pattern means."""
    if pattern.milestone is None:
        words = f"listens to {pattern.hears!r}, which no observation gives"
        return f"{words}; {offered('kinds', pattern.hears, sources_of)}"
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
    *,
    are_all: bool = True,
) -> Iterator[Misfit]:
    """Yield the fields that no observation can have: what is read of them would never be there.

    `fields_of` maps each kind of observation to the fields that it can have.
    Of a kind that is not in it nothing is said: that is a misfit of its own. Nor is
    of what others tell, if these are not all rules and lifecycles.
    """
    if circle(rules):
        return
    fields_of = with_milestones(rules, fields_of) if are_all else fields_of
    for name, rule in rules.items():
        for use in dict.fromkeys(rule.reads()):
            if (words := _unknown(use.field, use.kinds, fields_of)) is not None:
                yield Misfit(("rules", name, *use.place), words)
        if are_all and rule.blocks is not None and rule.blocks not in carried(rule, lifecycles):
            kinds = [pattern.hears for pattern in rule.patterns()]
            if (words := _unknown(rule.blocks, kinds, fields_of)) is not None:
                yield Misfit(("rules", name, "blocks"), words)
    for name, lifecycle in lifecycles.items() if are_all else ():
        stages = {*lifecycle.stages, *lifecycle.ends}
        feeding = [rule for rule in rules.values() if stages & set(rule.concludes())]
        kinds = [pattern.hears for rule in feeding for pattern in rule.patterns()]
        for field in lifecycle.carry:
            words = _unknown(field, kinds, fields_of)
            if words is not None and field not in _CONCLUDED:
                yield Misfit(("lifecycles", name, "carry"), words)


def carried(rule: Rule, lifecycles: Mapping[str, Lifecycle]) -> set[str]:
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
    names = sorted(map(str, known))
    more = len(names) - _MOST_OFFERED
    offer = f"{', '.join(names[:_MOST_OFFERED])} and {more} more" if more > 0 else ", ".join(names)
    return f"{what} are {offer or 'none'}{meant(wrong, names)}"


def meant(wrong: str, names: Sequence[str]) -> str:
    """Return e.g. ". Did you mean 'unit'?", if one of the names is close to what was written."""
    close = get_close_matches(wrong, names, n=1)
    return f". Did you mean {close[0]!r}?" if close else ""
