"""How a count ends: at once when nothing is missing, or after its time with what there is."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from edge.milestones.evidence import Evidence
from edge.milestones.fields import Number, text
from edge.milestones.model import Mark, Name, Value
from edge.milestones.operators.counting import Closing, Count, Member, Members, count
from edge.milestones.rules import GatherRule


class End(NamedTuple):
    """How a count ends: in a milestone, or in nothing for a reason."""

    name: Name | None
    at: int
    requested: Number | None
    closing: Closing | None = None
    """Where it was the closing that ended the count."""
    mark: Mark = Mark.IN_ORDER
    reason: str = ""

    def evidence(self, counted: Members) -> list[Evidence]:
        """Return what it rests on: what was counted, and the closing if that ended it."""
        closing = [] if self.closing is None else [self.closing.evidence]
        return [*(each.evidence for each in counted.values()), *closing]


def end_of(
    rule: GatherRule, counted: Members, closing: Closing | None, ends_at: int, *, is_over: bool
) -> End | None:
    """Return how the count ends, or None while something is missing and may still come."""
    quantity = count(counted.values())
    last = max((each.at for each in counted.values()), default=ends_at)
    told = [each.requested for each in counted.values() if each.requested is not None]
    requested = max(told, default=None)
    if requested is not None and quantity >= requested:
        return End(rule.milestone, last, requested)
    is_met = closing is not None and closing.is_met(quantity)
    if not is_met and not is_over:
        return None
    if closing is None:
        reason = f"nothing ended the count within {rule.within_seconds:g} s"
        return End(rule.partial, ends_at, requested, reason=reason)
    mark = Mark.IN_ORDER if is_met or closing.total is None else Mark.LATE
    if requested is None:
        requested = closing.requested
    if requested is None:
        return End(rule.milestone, ends_at, None, closing, mark)
    if quantity >= requested:
        return End(rule.milestone, last, requested, mark=mark)
    reason = f"the count was closed at {quantity} of {requested}"
    return End(rule.partial, ends_at, requested, closing, mark, reason)


def attributes_of(rule: GatherRule, known: Count, counted: Members, end: End) -> dict[str, Any]:
    """Return what the members agree on, what the closing says, and the sums."""
    members = list(counted.values())
    quantity = count(members)
    own = (rule.distinct, rule.quantity, rule.until)
    told = {name: value for name, value in agreed(members).items() if name not in own}
    attributes: dict[str, Any] = {**known.names(rule), **told}
    if end.closing is not None:
        said = {rule.until, rule.total if end.closing.total == quantity else None}
        closing = end.closing.fields
        attributes |= {name: value for name, value in closing.items() if name not in said}
    attributes["quantity"] = quantity
    if end.requested is not None:
        attributes["requested"] = end.requested
    if rule.children is not None:
        values = [each.fields.get(rule.children) for each in members]
        attributes["children"] = sorted({text(each) for each in values if each is not None})
    return attributes


def agreed(members: Sequence[Member]) -> dict[str, Value]:
    """Return the fields that all members have with the same value; 3 and 3.0 are 3."""
    if not members:
        return {}
    same = dict(members[0].fields)
    for member in members[1:]:
        same = {
            name: min(value, member.fields[name], key=_written)
            for name, value in same.items()
            if name in member.fields and _is_same(value, member.fields[name])
        }
    return same


def _is_same(one: Value, other: Value) -> bool:
    # In Python, True equals 1.
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _written(value: Value) -> tuple[bool, str]:
    return isinstance(value, float), repr(value)
