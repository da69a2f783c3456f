"""The ways to conclude a milestone; which is meant, a rule says with `operator`."""

from typing import assert_never

from edge.milestones.operators.absence import Absence
from edge.milestones.operators.gather import Gather
from edge.milestones.operators.gather_each import GatherEach
from edge.milestones.operators.gather_over import GatherOver
from edge.milestones.operators.join import Join
from edge.milestones.operators.one import One
from edge.milestones.operators.operator import Judge, Operator
from edge.milestones.operators.summarise import Summarise
from edge.milestones.operators.transition import Transition
from edge.milestones.operators.transition_spells import TransitionSpells
from edge.milestones.rules import (
    AbsenceRule,
    GatherRule,
    JoinRule,
    OneRule,
    Rule,
    SummariseRule,
    TransitionRule,
)

__all__ = ["Judge", "Operator", "operator_of"]


def operator_of(site: str, name: str, rule: Rule) -> Operator[Rule]:
    """Return the rule at work."""
    found: Operator[Rule]
    match rule:
        case OneRule():
            found = One(site, name, rule)
        case TransitionRule():
            found = (TransitionSpells if rule.is_of_spells else Transition)(site, name, rule)
        case JoinRule():
            found = Join(site, name, rule)
        case GatherRule(each=None, over=None):
            found = Gather(site, name, rule)
        case GatherRule(each=None):
            found = GatherOver(site, name, rule)
        case GatherRule():
            found = GatherEach(site, name, rule)
        case AbsenceRule():
            found = Absence(site, name, rule)
        case SummariseRule():
            found = Summarise(site, name, rule)
        case _:
            assert_never(rule)
    return found
