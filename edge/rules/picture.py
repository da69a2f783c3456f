"""What a configuration concludes, as a picture for whoever runs the warehouse: Mermaid. Pure.

Three groups: the devices that are heard, what is concluded from them (facts apart from what goes
wrong), and who is told.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edge.config import Configuration
from edge.milestones.feeding import conclusions
from edge.milestones.fields import text
from edge.milestones.model import SEVERITY, Name, Value
from edge.milestones.rules import (
    AbsenceRule,
    GatherRule,
    Pattern,
    Rule,
    SummariseRule,
    TransitionRule,
)
from edge.wording import in_words

_COLOURS = """\
  classDef device fill:#e8f0fe,stroke:#3c66b0,color:#111
  classDef fact fill:#e6f4ea,stroke:#2e7d32,color:#111
  classDef wrong fill:#fdecea,stroke:#c62828,color:#111
  classDef destination fill:#f3f3f3,stroke:#555,color:#111"""


@dataclass(frozen=True, slots=True)
class _Edge:
    """An arrow from a device, or from a milestone, to a milestone."""

    start: str
    end: Name
    words: str


def mermaid(configuration: Configuration) -> Iterator[str]:
    """Yield the lines of the picture."""
    edges = list(dict.fromkeys(_edges(configuration)))
    heard = dict.fromkeys(edge.start for edge in edges if not isinstance(edge.start, Name))
    concluded = conclusions(configuration.rules, configuration.lifecycles)
    groups = {
        "facts": [name for name in Name if name in concluded - SEVERITY.keys()],
        "exceptions": [name for name in Name if name in concluded & SEVERITY.keys()],
    }
    told = [f'to_{_id(name)}["{name}"]:::destination' for name in configuration.destinations]
    yield "flowchart LR"
    yield from _group("heard", "What is heard", [_device(each, configuration) for each in heard])
    yield from _group("facts", "What has happened", _milestones(groups["facts"], "fact"))
    yield from _group("exceptions", "What went wrong", _milestones(groups["exceptions"], "wrong"))
    yield from _group("told", "Who is told", told)
    for edge in edges:
        start = edge.start if isinstance(edge.start, Name) else f"from_{_id(edge.start)}"
        is_said = edge.words in (edge.start, _plain(edge.start))  # by the name where it begins
        words = "" if is_said else f'-- "{_quoted(edge.words)}" '
        yield f"  {start} {words}--> {edge.end}"
    for name, destination in configuration.destinations.items():
        for group, names in groups.items():
            owed = [each for each in names if each in destination.milestones]
            if owed:
                which = "" if owed == names else f'-- "{_which(names, owed)}" '
                yield f"  {group} {which}--> to_{_id(name)}"
    yield _COLOURS


def _group(name: str, title: str, nodes: Sequence[str]) -> Iterator[str]:
    if nodes:
        yield f'  subgraph {name}["{title}"]'
        yield from (f"    {node}" for node in nodes)
        yield "  end"
        yield f"  style {name} fill:#fff,stroke:#999,color:#111"


def _device(kind: str, configuration: Configuration) -> str:
    """Return the node of an instance of a profile, or of a kind of the site's own."""
    instance = configuration.profiles.get(kind)
    beside = f"<br><i>{instance.use}</i>" if instance else ""
    return f'from_{_id(kind)}["{_quoted(kind)}{beside}"]:::device'


def _milestones(names: Sequence[Name], colour: str) -> list[str]:
    return [f'{name}(["{_plain(name)}"]):::{colour}' for name in names]


def _edges(configuration: Configuration) -> Iterator[_Edge]:
    for rule in configuration.rules.values():
        starts: dict[str, list[Pattern]] = {}
        for pattern in rule.patterns():
            starts.setdefault(_start(pattern, configuration), []).append(pattern)
        for milestone in rule.concludes():
            for start, patterns in starts.items():
                is_whole = len(starts) == 1
                words = _why(rule, milestone) if is_whole else _part(rule, patterns)
                yield _Edge(start, milestone, words)


def _start(pattern: Pattern, configuration: Configuration) -> str:
    """Return what a pattern listens to: a milestone, an instance, or a kind of the site's own."""
    instance, _, _ = pattern.hears.partition(" ")
    return pattern.milestone or (instance if instance in configuration.profiles else pattern.hears)


def _why(rule: Rule, milestone: Name) -> str:
    """Say in a few words what makes the rule conclude the milestone."""
    match rule:
        case AbsenceRule():
            words = f"{_seen(rule.after)} without {_seen(rule.expect)} in {_within(rule)}"
        case TransitionRule():
            words = f"{_seen(rule.of)} {_level(rule)}"
        case SummariseRule():
            words = f"every {in_words(round(rule.every_seconds * 1000))}"
        case GatherRule() if rule.until is not None:
            words = f"{_seen(rule.of)}: {_counted(rule, milestone)}"
        case GatherRule(closed_by=Pattern() as closing) if rule.each is not None:
            words = f"{_seen(rule.of)}, then {_seen(closing)}"
        case GatherRule(closed_by=Pattern() as closing):
            words = f"each {_seen(rule.of)} until {_seen(closing)}"
        case _:
            words = _all(rule.patterns())
    return words


def _counted(rule: GatherRule, milestone: Name) -> str:
    """Say what came of the count, compared with what was requested."""
    words: dict[Name | None, str] = {
        rule.partial: "too few",
        rule.over: "too many",
        rule.milestone: "enough",
    }
    return words[milestone]


def _level(rule: TransitionRule) -> str:
    """Say what the level reaches: "finished", "above -18", "blocked for 10 s"."""
    reached = [_value(rule.level if value is True else value) for value in rule.to]
    if rule.above is not None:
        reached.append(f"above {rule.above:g}")
    if rule.below is not None:
        reached.append(f"below {rule.below:g}")
    holds = f" for {in_words(round(rule.for_seconds * 1000))}" if rule.for_seconds else ""
    return " or ".join(reached) + holds


def _value(value: Value) -> str:
    """Return a state in plain words; a number keeps its sign."""
    return _plain(value).lower() if isinstance(value, str) else text(value).lower()


def _part(rule: Rule, patterns: Sequence[Pattern]) -> str:
    """Say what one of several devices, or milestones, adds to the conclusion."""
    if isinstance(rule, AbsenceRule) and patterns == [rule.expect]:
        return f"missing {_within(rule)} later"
    return _all(patterns)


def _within(rule: AbsenceRule) -> str:
    return in_words(round(rule.within_seconds * 1000))


def _which(names: Sequence[Name], owed: Sequence[Name]) -> str:
    """Say which of the milestones are owed, in as few words as it takes."""
    others = [name for name in names if name not in owed]
    if len(others) < len(owed):
        return f"all but {', '.join(map(_plain, others))}"
    return ", ".join(map(_plain, owed))


def _all(patterns: Sequence[Pattern]) -> str:
    return " and ".join(dict.fromkeys(_seen(each) for each in patterns))


def _seen(pattern: Pattern) -> str:
    """Return what is seen, without who saw it: that is where the arrow begins."""
    word = _plain(pattern.milestone or pattern.hears.rpartition(" ")[2])
    where = {field: text(value) for field, value in pattern.where.items()}
    place = where.pop("read_point", "*")
    at = "" if place == "*" else f" at {place}"
    only = "" if pattern.condition is None else ", on a condition"
    return f"{' '.join([*where.values(), word])}{at}{only}"


def _plain(name: str) -> str:
    return name.replace("_", " ").replace("-", " ")


def _quoted(words: str) -> str:
    """Return words as they may stand in quotes, in Mermaid."""
    return words.replace('"', "#quot;")


def _id(name: str) -> str:
    return re.sub("[^A-Za-z0-9]", "_", name)
