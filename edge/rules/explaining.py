"""What a configuration concludes, in sentences. Pure."""

from collections.abc import Iterable, Iterator

from edge.config import Configuration
from edge.deliver.settings import DestinationSettings
from edge.milestones.feeding import conclusions, delays
from edge.milestones.fields import text
from edge.milestones.model import Name
from edge.milestones.rules import (
    AbsenceRule,
    GatherRule,
    JoinRule,
    Lifecycle,
    OneRule,
    Pattern,
    Rule,
    SummariseRule,
    TransitionRule,
)
from edge.wording import in_words


def sentences(configuration: Configuration) -> Iterator[str]:
    """Yield a line for each rule, lifecycle and destination, under headings."""
    yield "What is concluded:"
    behind = delays(configuration.rules)
    for name, rule in configuration.rules.items():
        yield f"  {name}: {_rule(rule)}{_beside(rule, behind[name])}"
    if configuration.lifecycles:
        yield "In which order:"
        for name, lifecycle in configuration.lifecycles.items():
            yield f"  {name}: {_lifecycle(lifecycle)}"
    yield "Who is told:"
    for name, destination in configuration.destinations.items():
        owed = _owed(destination, configuration)
        is_all = owed == _concluded(configuration)
        yield f"  {name}: {'everything' if is_all else _list(owed) or 'nothing'}."


def _owed(destination: DestinationSettings, configuration: Configuration) -> list[Name]:
    return [name for name in _concluded(configuration) if name in destination.milestones]


def _rule(rule: Rule) -> str:
    subject = _a(rule.about)
    match rule:
        case OneRule(occurrence=()):
            words = f"when {_pattern(rule.of)} is told; once for each {rule.about}"
        case OneRule():
            each = _list([rule.about, *rule.occurrence])
            words = f"when {_pattern(rule.of)} is told; once for each {each}"
        case TransitionRule():
            words = _transition(rule)
        case JoinRule():
            both = _list([_pattern(each) for each in rule.of])
            words = f"when {both} of it happen within {_seconds(rule.within_seconds)}"
            if rule.condition is not None:
                words += f", and {rule.condition}"
            if rule.optional:
                words += f", with {_list([_pattern(each) for each in rule.optional])} if told"
        case AbsenceRule():
            words = (
                f"when {_pattern(rule.after)} of it is not followed by {_pattern(rule.expect)} "
                f"within {_seconds(rule.within_seconds)}"
            )
        case GatherRule():
            return _gather(rule)
        case SummariseRule():
            return _summarise(rule)
    return f"{subject} {_is(rule.milestone)} {words}.{_exception(rule, rule.about)}"


def _transition(rule: TransitionRule) -> str:
    level = f"{rule.level!r} of {_pattern(rule.of)}"
    if rule.above is not None:
        reaches, ends = f"goes above {rule.above:g}", ("falls below", rule.until_below)
    elif rule.below is not None:
        reaches, ends = f"falls below {rule.below:g}", ("goes above", rule.until_above)
    else:
        to = _list([text(value) for value in rule.to], "or")
        reaches, ends = f"becomes {to}", ("", None)
    words = f"when {level} {reaches}"
    if rule.for_seconds:
        words += f" and stays so for {_seconds(rule.for_seconds)}"
    if ends[1] is not None:
        words += f", which ends when it {ends[0]} {ends[1]:g}"
    of = _list(rule.level_of)
    return f"{words}; {'each time,' if rule.recurs else 'once'} for each {of}"


def _gather(rule: GatherRule) -> str:
    counted = f"{_pattern(rule.of)} (each {rule.distinct} once)"
    if rule.each is not None and rule.closed_by is not None:
        return (
            f"{_a(rule.each)} {_is(rule.milestone)} when {_pattern(rule.closed_by)} "
            f"of its {rule.about} follows {counted}.{_exception(rule, rule.each)}"
        )
    ends = []
    if rule.until is not None:
        what = f"the {rule.quantity} of " if rule.quantity else ""
        ends.append(f"{what}{counted} reaches {rule.until!r}")
    if rule.closed_by is not None:
        closing = f"{_pattern(rule.closed_by)} ends the count"
        ends.append(closing if rule.until else f"{closing} of {counted}")
    whose = f", for each {_list(rule.by)} by itself" if rule.by else ""
    sentence = f"{_a(rule.about)} {_is(rule.milestone)} when {_list(ends, 'or')}{whose}."
    late = f"After {_seconds(rule.within_seconds)} without an end"
    if rule.partial is not None:
        sentence += f" With less than that it {_is(rule.partial)}; so it is {late.lower()}."
    else:
        sentence += f" {late} its signals go to quarantine."
    if rule.over is not None:
        sentence += f" Once for each {rule.distinct} beyond that it {_is(rule.over)}, too."
    return sentence + _exception(rule, rule.about)


def _beside(rule: Rule, behind: int) -> str:
    """Tell how the rule goes together with other rules, if it does."""
    words = ""
    if isinstance(rule, GatherRule) and rule.children_are == "units":
        words += f" What each {rule.children} names is a unit in it."
    if rule.for_content:
        words += " So is each unit in it."
    if behind:
        words += f" It waits {in_words(behind)} longer for its milestones."
    return words


def _exception(rule: Rule, about: str) -> str:
    """Tell how bad what is concluded is, and what it blocks, if it is an exception."""
    severities = dict.fromkeys(rule.severity_of(name) for name in rule.concludes())
    told = [severity for severity in severities if severity is not None]
    if not told:
        return ""
    return f" {_list(told).capitalize()}: blocks the {_words(rule.blocks or about)}."


def _is(name: Name) -> str:
    return "has a weight mismatch" if name is Name.WEIGHT_MISMATCH else f"is {_words(name)}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _summarise(rule: SummariseRule) -> str:
    what = []
    if rule.value is not None:
        what.append(f"count, sum, least, most and mean of {rule.value!r} ({rule.uom})")
    if rule.state is not None:
        what.append(f"the seconds in each {rule.state!r}")
    every = _seconds(rule.every_seconds)
    sentence = f"{_a(rule.about)} is {rule.milestone} every {every}: {_list(what)} of "
    sentence += f"{_pattern(rule.of)}."
    if rule.state is not None:
        sentence += f" A state counts for {_seconds(rule.holds_seconds)} unless it is told again."
    if rule.correct_seconds:
        sentence += f" Late ones correct it once, {_seconds(rule.correct_seconds)} later."
    return sentence


def _lifecycle(lifecycle: Lifecycle) -> str:
    sentence = ", then ".join(lifecycle.stages)
    if lifecycle.ends:
        sentence += f"; at any time {_list(lifecycle.ends, 'or')}"
    sentence += f". A milestone waits {_seconds(lifecycle.wait_seconds)} for the one before it"
    if lifecycle.carry:
        sentence += f"; {_list(lifecycle.carry)} learned at one is told with the later ones"
    sentence += "."
    if Name.ILLEGAL in lifecycle.exceptions:
        sentence += " What has been told, and is told again of another time, is illegal."
    if Name.UNKNOWN in lifecycle.exceptions:
        sentence += f" What was never {_words(lifecycle.stages[0])} is unknown."
    return sentence


def _concluded(configuration: Configuration) -> list[Name]:
    found = conclusions(configuration.rules, configuration.lifecycles)
    return [name for name in Name if name in found]


def _pattern(pattern: Pattern) -> str:
    where = _list([f"{field} {text(value)}" for field, value in pattern.where.items()])
    what = pattern.hears if pattern.milestone is None else f"milestone {pattern.milestone}"
    if pattern.rule is not None:
        what += f" of rule {pattern.rule}"
    meant = f"{_a(what)} with {where}" if where else _a(what)
    return f"{meant} (if {pattern.condition})" if pattern.condition else meant


def _list(words: Iterable[str], last: str = "and") -> str:
    *others, final = [*words] or [""]
    return f"{', '.join(others)} {last} {final}" if others else final


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def _seconds(seconds: float) -> str:
    return in_words(round(seconds * 1000)) if seconds == int(seconds) else f"{seconds:g} s"
