"""What can run and may not be meant: what is told is of no use, or cannot be told on. Pure."""

from collections.abc import Iterator

import drivers
from edge.config.models import Configuration
from edge.milestones.decode import fields_of, overlaps
from edge.milestones.epcis import needed
from edge.milestones.feeding import conclusions, with_milestones
from edge.milestones.fitting import carried


def remarks(configuration: Configuration) -> Iterator[str]:
    """Yield, in an operator's words, what is of no use in a configuration without faults."""
    yield from _unread(configuration)
    yield from _unheard(configuration)
    yield from _untold(configuration)
    yield from _untellable(configuration)


def _unread(configuration: Configuration) -> Iterator[str]:
    """Name what sources listen to and no observation reads."""
    for name, source in configuration.sources.items():
        subjects = drivers.find(source.driver).subjects
        told = list(subjects(source)) if subjects is not None else []
        read = [each.subject for each in configuration.observations if each.source == name]
        if unread := [each for each in told if not any(overlaps(each, other) for other in read)]:
            yield f"sources.{name}: no observation reads {', '.join(unread)}"
    for index, each in enumerate(configuration.observations):
        if "*" in each.subject:
            words = f"observations[{index}].subject: {each.subject!r} means a '*' by itself"
            yield f"{words}; '+' stands for any level of a topic, '#' for all that follow"


def _unheard(configuration: Configuration) -> Iterator[str]:
    """Name kinds of the site's own that no rule listens to; a profile's may be for other rules."""
    heard = {each.hears for rule in configuration.rules.values() for each in rule.patterns()}
    for index, each in enumerate(configuration.observations):
        instance, is_of_profile, _ = each.kind.partition(" ")
        if each.kind not in heard and not (is_of_profile and instance in configuration.profiles):
            yield f"observations[{index}]: no rule listens to {each.kind!r}"


def _untold(configuration: Configuration) -> Iterator[str]:
    """Name milestones that no destination is owed and no rule listens to."""
    owed = {name for each in configuration.destinations.values() for name in each.milestones}
    rules = configuration.rules
    heard = {each.milestone for rule in rules.values() for each in rule.patterns()}
    if untold := sorted(conclusions(rules, configuration.lifecycles) - owed - heard):
        yield f"destinations: none is owed {', '.join(untold)}; `milestones` says what one is owed"


def _untellable(configuration: Configuration) -> Iterator[str]:
    """Name milestones that lack what their event cannot do without."""
    rules = configuration.rules
    known = with_milestones(rules, fields_of(configuration.observations))
    for name, rule in rules.items():
        told = rule.tells(known) | carried(rule, configuration.lifecycles)
        if getattr(rule, "children", None) or any(each.milestone for each in rule.patterns()):
            told |= {"children"}  # no rule can compare it, but it is told
        for milestone in rule.concludes():
            lacking = [sorted(each - told) for each in needed(milestone)]
            if lacking and all(lacking):
                words = " or ".join(" and ".join(each) for each in lacking)
                yield f"rules.{name}: each {milestone.value} goes to quarantine: it lacks {words}"
