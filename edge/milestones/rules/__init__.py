"""Settings of rules and lifecycles, as they stand in the configuration file.

What each operator does with them is written in docs/rules.md. To add one, add a
module here, one in `edge/milestones/operators`, and name both where the others are.
"""

from typing import Annotated

from pydantic import Field

from edge.milestones.rules.absence import AbsenceRule
from edge.milestones.rules.gather import GatherRule
from edge.milestones.rules.join import JoinRule
from edge.milestones.rules.lifecycle import Lifecycle
from edge.milestones.rules.one import OneRule
from edge.milestones.rules.pattern import FieldUse, Pattern, Place
from edge.milestones.rules.summarise import SummariseRule
from edge.milestones.rules.transition import TransitionRule

__all__ = [
    "AbsenceRule",
    "FieldUse",
    "GatherRule",
    "JoinRule",
    "Lifecycle",
    "OneRule",
    "Pattern",
    "Place",
    "Rule",
    "SummariseRule",
    "TransitionRule",
]

Rule = Annotated[
    OneRule | TransitionRule | JoinRule | GatherRule | AbsenceRule | SummariseRule,
    Field(discriminator="operator"),
]
"""Any rule, told apart by its `operator`."""
