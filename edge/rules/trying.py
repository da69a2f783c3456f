"""Running tests of rules, and telling what came out differently."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

import orjson

from edge.config import Configuration
from edge.milestones.decode import overlaps
from edge.milestones.fields import blocked
from edge.milestones.model import Mark, Milestone
from edge.rules.cases import ExpectedMilestone, GivenSignal, RuleTest, seconds_after_start
from edge.rules.rehearsal import Rehearsal


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test ended."""

    test: RuleTest
    difference: tuple[str, ...] = ()
    """Lines of a diff: "-" was expected, "+" was concluded; none if all was as expected."""
    hints: tuple[str, ...] = ()
    """What may be the cause."""


def run(configuration: Configuration, test: RuleTest) -> Outcome:
    """Rehearse the signals in the order in which they reach the gateway, then time alone."""
    rehearsal = Rehearsal(configuration)
    numbered = [(number, each, each.as_signal()) for number, each in enumerate(test.signals, 1)]
    for number, given, signal in sorted(numbered, key=lambda each: each[2].received_at):
        rehearsal.pass_time(signal.received_at - 1)
        rehearsal.take([(number, given.source, signal)])
    rehearsal.pass_time(test.end)
    expected, concluded = _milestones(test.milestones, rehearsal.milestones)
    reasons = [reason for _, reason in rehearsal.quarantined]
    expected += sorted(f"quarantine: {part}" for part in test.quarantine)
    concluded += sorted(f"quarantine: {each}" for each in _told(test.quarantine, reasons))
    if expected == concluded:
        return Outcome(test)
    _, _, *lines = unified_diff(expected, concluded, n=1, lineterm="")
    difference = [f"{line[0]} {line[1:]}" for line in lines if not line.startswith("@@")]
    hints = [
        f"signal {number}: {_unheard(configuration, given)}"
        for number, given, _ in numbered
        if number in rehearsal.ignored
    ]
    return Outcome(test, tuple(difference), tuple(hints))


def _unheard(configuration: Configuration, given: GivenSignal) -> str:
    """Say why a signal gives no observation."""
    where = f"{given.subject!r} of {given.source!r}"
    about = [
        each
        for each in configuration.observations
        if each.source == given.source and overlaps(each.subject, given.subject)
    ]
    if about:
        return f"no observation of {where} has a `when` that fits its payload"
    return f"no observation is about {where}"


def _milestones(
    expected: Sequence[ExpectedMilestone], concluded: Sequence[Milestone]
) -> tuple[list[str], list[str]]:
    """Return a line for each of both, in the order in which they happened.

    Of what was concluded only those attributes are told that are expected of
    it; all, if it was not expected.
    """
    wanted: dict[object, list[ExpectedMilestone]] = defaultdict(list)
    for want in sorted(expected, key=lambda each: each.at):
        wanted[want.name, want.key, want.retraction].append(want)
    found: list[tuple[float, str]] = []
    for each in sorted(concluded, key=lambda each: each.occurred_at):
        at = seconds_after_start(each.occurred_at)
        alike = wanted[each.name, each.key, each.retracts is not None]
        attributes = _attributes(each)
        names = _taken(alike, at, attributes) if alike else attributes
        told = {name: attributes[name] for name in names if name in attributes}
        words = _words(each.name, each.key, told, each.mark, is_false=each.retracts is not None)
        found.append((at, words))
    wants = [
        (each.at, _words(each.name, each.key, each.attributes, each.mark, is_false=each.retraction))
        for each in expected
    ]
    return _lines(wants), _lines(found)


def _attributes(milestone: Milestone) -> Mapping[str, Any]:
    """Return what it tells; no field has the names of what an exception tells of itself."""
    if milestone.severity is None:
        return milestone.attributes
    told = {"severity": milestone.severity.value, "blocks": blocked(milestone)}
    return {**milestone.attributes, **told}


def _taken(
    alike: list[ExpectedMilestone], at: float, attributes: Mapping[str, Any]
) -> Iterable[str]:
    """Take the expectation that fits best, if any fits, else the first; return what it names."""
    best = next((each for each in alike if each.at == at and _fits(each, attributes)), alike[0])
    alike.remove(best)
    return best.attributes


def _fits(expected: ExpectedMilestone, attributes: Mapping[str, Any]) -> bool:
    return all(attributes.get(name) == value for name, value in expected.attributes.items())


def _lines(timed: Sequence[tuple[float, str]]) -> list[str]:
    return [f"{at:+.3f} s  {words}" for at, words in sorted(timed)]


def _words(
    name: str, key: str, attributes: Mapping[str, Any], mark: Mark, *, is_false: bool
) -> str:
    return "  ".join(_parts(name, key, attributes, mark, is_false=is_false))


def _parts(
    name: str, key: str, attributes: Mapping[str, Any], mark: Mark, *, is_false: bool
) -> Iterator[str]:
    yield f"not {name}" if is_false else name
    yield key
    for attribute in sorted(attributes):
        told = orjson.dumps(attributes[attribute], option=orjson.OPT_SORT_KEYS)
        yield f"{attribute}={told.decode()}"
    if mark is not Mark.IN_ORDER:
        yield mark.replace("_", " ")


def _told(expected: Sequence[str], reasons: Sequence[str]) -> Iterator[str]:
    """Yield each reason, as it was expected if a part of it was."""
    left = sorted(expected, key=len, reverse=True)  # a loose part must not take an exact one's
    for reason in reasons:
        part = next((each for each in left if each in reason), None)
        if part is None:
            yield reason
        else:
            left.remove(part)
            yield part
