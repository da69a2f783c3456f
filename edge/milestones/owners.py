"""Whose tracks there are, from which sources each comes, and when its deadlines may be judged."""

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError

from edge.milestones.content import CONTENT, PLACE
from edge.milestones.feeding import (
    Lifecycles,
    OfKind,
    Rules,
    delays,
    packing,
    sources_by_rule,
)
from edge.milestones.operators import Operator
from edge.milestones.reordering import owner_of
from edge.milestones.rules import Lifecycle, Rule


class Owners:
    """In the order in which deadlines are judged.

    What is held of sources comes first, for it may be the very thing that a deadline waits
    for; then rules, each after those that it listens to, and former versions before the
    rule itself; then lifecycles, and what is in what.
    """

    def __init__(
        self,
        rules: Rules,
        lifecycles: Lifecycles,
        sources_of: OfKind,
        held: Iterable[str],
        finishing: Sequence[Operator[Rule]],
    ) -> None:
        """`held` are further sources of which something may be held."""
        sources = sorted({*held, *frozenset[str]().union(*sources_of.values())})
        self.holding: Mapping[str, str] = {owner_of(source): source for source in sources}
        """The sources, by whose what is held of them is."""
        self.sources = {owner: frozenset({source}) for owner, source in self.holding.items()}
        """The sources of each."""
        self.delays = _delays(rules, lifecycles)
        """How much later than others some must judge their deadlines, in milliseconds."""
        for owner, heard in _sources(rules, lifecycles, sources_of).items():
            for each in finishing:
                if each.name == owner:
                    own, delay = _of_former(rules, owner, each.rule, sources_of)
                    self.sources[each.owner] = heard | own
                    self.delays[each.owner] = max(delay, self.delays[owner])
            self.sources[owner] = heard
        self._ranks = {owner: rank for rank, owner in enumerate(self.sources)}

    def rank(self, owner: str) -> int:
        """Return a number that is less the earlier its deadlines are judged."""
        return self._ranks.get(owner, -1)


def _sources(rules: Rules, lifecycles: Lifecycles, sources_of: OfKind) -> dict[str, frozenset[str]]:
    """Return the sources of each rule; then, of lifecycles and content, those of their rules."""
    found = sources_by_rule(rules, sources_of)
    tellers = {name for name, rule in rules.items() if rule.for_content}
    inside = frozenset[str]().union(*(found[each] for each in packing(rules) if tellers))
    for name, lifecycle in lifecycles.items():
        feeding = _guarded(rules, lifecycle)
        found[name] = frozenset[str]().union(*(found[each] for each in feeding))
        found[name] |= inside if tellers & set(feeding) else frozenset()
    return found | dict.fromkeys([CONTENT, PLACE] if tellers else [], inside)


def _delays(rules: Rules, lifecycles: Lifecycles) -> dict[str, int]:
    """Return the delays of rules, and of each lifecycle the longest of what feeds it."""
    found = delays(rules)
    return found | {
        name: max(found[each] for each in _guarded(rules, lifecycle))
        for name, lifecycle in lifecycles.items()
    }


def _of_former(
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


def _guarded(rules: Rules, lifecycle: Lifecycle) -> list[str]:
    stages = {*lifecycle.stages, *lifecycle.ends}
    return [name for name, rule in rules.items() if stages & set(rule.concludes())]
