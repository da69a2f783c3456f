"""Units in units: what is said of a parent is told of its content, when the rule says so."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from edge.milestones.content import DEEPEST, MOST_CHILDREN, Move, Place, Units
from edge.milestones.feeding import packing
from edge.milestones.identity import milestone_id
from edge.milestones.model import Mark, Milestone, Name
from edge.milestones.operators.operator import DAY
from edge.milestones.rules import Rule
from edge.milestones.step import Step

_OF_THE_PARENT = ("quantity", "requested", "children")
"""Attributes that count what the parent holds: they are not true of what is in it."""


class Nesting:
    """Knows which unit is in which, from milestones, and tells facts of what is inside.

    What it has told follows from all packings, unpackings and facts by when they
    happened, in whatever order they are told: a packing that is told late brings
    the facts that came after it, marked late; and where a later word shows that a
    unit was not inside, what was told of it is retracted.
    """

    def __init__(self, site: str, rules: Mapping[str, Rule]) -> None:
        self._site = site
        self._packing = packing(rules)
        self._for_content = {name for name, rule in rules.items() if rule.for_content}
        self._remember = round(max(rules[name].remember_days for name in self._packing) * DAY)

    def admit(self, milestone: Milestone, step: Step) -> Sequence[Milestone]:
        """Return what a milestone that its rule has concluded makes true of units inside others."""
        if milestone.told_through is not None:
            return ()
        # What is `over` at a packing lists nothing, and takes nothing out.
        says_what = milestone.name is Name.UNPACKED or "children" in milestone.attributes
        moves = milestone.rule in self._packing and milestone.retracts is None and says_what
        if not moves and milestone.rule not in self._for_content:
            return ()
        units = Units(step, self._remember)
        told: list[Milestone] = []
        if moves:
            told += self._move(milestone, units, step)
        if milestone.rule in self._for_content:
            told += self._tell(milestone, units)
        units.keep()
        # Who listens hears of it no sooner than of the milestone that makes it true.
        return [replace(each, lag=max(each.lag, milestone.lag)) for each in told]

    def _move(self, milestone: Milestone, units: Units, step: Step) -> Iterator[Milestone]:
        """Put the children of a packing into its parent, or take those of an unpacking out."""
        parent, at, signal = milestone.key, milestone.occurred_at, milestone.evidence[-1]
        listed = milestone.attributes.get("children")
        if listed is None:
            inside = [child for child, _ in units.inside(parent, at)]
            change = partial(units.empty, parent, at)
            yield from self._changed(inside, at, units, change, (signal,))
            return
        for child in (f"unit:{each}" for each in listed):
            if milestone.name is Name.UNPACKED:
                move = Move(at, "", parent, signal)
            elif (reason := _refusal(child, parent, at, units)) is None:
                move = Move(at, parent, "", signal)
            else:
                step.object(signal, f"rule {milestone.rule}: {reason}")
                continue
            change = partial(units.move, child, move)
            yield from self._changed([child], at, units, change, (signal,))

    def _tell(self, milestone: Milestone, units: Units) -> Sequence[Milestone]:
        if milestone.retracts is not None:
            fact = units.withdraw(milestone.key, milestone.retracts)
            if fact is None:
                return []
            contrary = milestone.evidence[-1:]
            return [self._retraction(each, contrary) for each in self._below(fact, 0, units)]
        if any(each.id == milestone.id for each in units.content(milestone.key).facts):
            return []
        fact = replace(milestone, evidence=milestone.evidence[-1:])
        units.tell(fact)
        return list(self._below(fact, 0, units))

    def _changed(
        self,
        children: Sequence[str],
        since: int,
        units: Units,
        change: Callable[[], None],
        evidence: tuple[int, ...],
    ) -> list[Milestone]:
        """Change where units are; return what is no longer true of them and what has become so."""
        before = {child: self._told_of(child, since, units) for child in children}
        change()
        # By id: one of the children may have been inside another, and gone with it.
        found: dict[str, Milestone] = {}
        for child in children:
            after = self._told_of(child, since, units)
            for identity in before[child].keys() - after.keys():
                gone = self._and_below(*before[child][identity], units)
                found |= {each.id: self._retraction(each, evidence) for each in gone}
            for identity in after.keys() - before[child].keys():
                come = self._and_below(*after[identity], units)
                found |= {each.id: replace(each, mark=Mark.LATE) for each in come}
        # What is false first: to a lifecycle, a unit cannot be loaded with two pallets.
        return sorted(
            found.values(), key=lambda each: (each.retracts is None, each.occurred_at, each.id)
        )

    def _told_of(self, child: str, since: int, units: Units) -> dict[str, tuple[Milestone, int]]:
        """Return what facts about the units around it say of a child, by id, and how far below."""
        found: dict[str, tuple[Milestone, int]] = {}
        facts = [
            fact
            for parent in units.ever_above(child)
            for fact in units.content(parent).facts
            if fact.occurred_at >= since
        ]
        for fact in sorted(facts, key=lambda each: (each.occurred_at, each.id)):
            above = units.above(child, fact.occurred_at)
            depths = [n for n, (_, place) in enumerate(above, 1) if place.parent == fact.key]
            for depth in depths:
                told = fact
                for unit, place in reversed(above[:depth]):
                    told = self._of_child(told, unit, place)
                found[told.id] = (told, depth)
        return found

    def _and_below(self, told: Milestone, depth: int, units: Units) -> Iterator[Milestone]:
        yield told
        yield from self._below(told, depth, units)

    def _below(self, fact: Milestone, depth: int, units: Units) -> Iterator[Milestone]:
        """Yield what a fact says of all that was in its unit when it happened."""
        if depth < DEEPEST:
            for child, place in units.inside(fact.key, fact.occurred_at):
                yield from self._and_below(self._of_child(fact, child, place), depth + 1, units)

    def _of_child(self, fact: Milestone, child: str, place: Place) -> Milestone:
        """Return what a fact about a unit says of one in it."""
        attributes = {k: v for k, v in fact.attributes.items() if k not in _OF_THE_PARENT}
        attributes |= {"unit": child.removeprefix("unit:"), "parent": _value(place.parent)}
        return replace(
            fact,
            id=self._identity(fact, child, [fact.id, str(place.since)]),
            key=child,
            attributes=attributes,
            evidence=tuple(sorted({*fact.evidence, place.signal})),
            told_through=fact.id,
        )

    def _retraction(self, told: Milestone, evidence: tuple[int, ...]) -> Milestone:
        return replace(
            told,
            id=self._identity(told, told.key, [told.id], retraction=True),
            evidence=tuple(sorted({*told.evidence, *evidence})),
            mark=Mark.LATE,
            retracts=told.id,
        )

    def _identity(
        self, fact: Milestone, key: str, occurrence: Sequence[str], *, retraction: bool = False
    ) -> str:
        return milestone_id(
            fact.occurred_at,
            self._site,
            fact.rule,
            fact.name,
            key,
            occurrence=occurrence,
            retraction=retraction,
        )


def _refusal(child: str, parent: str, at: int, units: Units) -> str | None:
    """Say why a child cannot be put into a parent; None if it can."""
    if units.leads_to(parent, child, at):
        return f"{child} cannot be packed into {parent}, which is in it"
    children = units.content(parent).children
    if child not in children and len(children) >= MOST_CHILDREN:
        return f"{child} cannot be packed into {parent}, which holds {MOST_CHILDREN} units already"
    return None


def _value(key: str) -> str:
    return key.partition(":")[2]
