"""Expressions over the fields of an observation, in the Common Expression Language (CEL)."""

from edge.milestones.expressions.expression import Computation, Condition, Expression
from edge.milestones.expressions.program import NoResult

__all__ = ["Computation", "Condition", "Expression", "NoResult"]
