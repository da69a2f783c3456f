"""What is counted, and what ends the count: shared by both ways to gather."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from edge.milestones.fields import Number, number, optional_number, present, total
from edge.milestones.model import Evidence, Mark, Name, Observation, Value
from edge.milestones.rules import GatherRule
from edge.milestones.step import State


class Member(NamedTuple):
    """One thing that counts, kept in a track as a list."""

    at: int
    evidence: Evidence
    quantity: Number
    requested: Number | None
    fields: dict[str, Value]


class Closing(NamedTuple):
    """What ends the count, kept in a track as a list."""

    at: int
    evidence: Evidence
    total: Number | None
    """How much it says there is; None if the rule does not ask."""
    requested: Number | None
    fields: dict[str, Value]

    def is_met(self, counted: Number) -> bool:
        """Tell whether all that it speaks of has been counted; if it does not say, never."""
        return self.total is not None and counted >= self.total


Members = Mapping[str, Member]
"""By the value of `distinct`."""


class Count(NamedTuple):
    """An open count; a track's state while nothing is concluded."""

    key: str
    by: list[str]
    members: Members
    closing: Closing | None


class End(NamedTuple):
    """How a count ends: in a milestone, or in nothing for a reason."""

    name: Name | None
    at: int
    requested: Number | None
    closing: Closing | None = None
    """Where it was the closing that ended the count."""
    mark: Mark = Mark.IN_ORDER
    reason: str = ""


def read_member(rule: GatherRule, observation: Observation) -> Member:
    """Return the observation as a member.

    Raises:
        Unjudgeable: A number is missing or is none.

    """
    return Member(
        observation.occurred_at,
        observation.evidence,
        number(observation, rule.quantity) if rule.quantity else 1,
        optional_number(observation, rule.until) if rule.until else None,
        present(observation),
    )


def read_closing(rule: GatherRule, observation: Observation) -> Closing:
    """Return the observation as a closing.

    Raises:
        Unjudgeable: A number is missing or is none.

    """
    return Closing(
        observation.occurred_at,
        observation.evidence,
        number(observation, rule.total) if rule.total else None,
        optional_number(observation, rule.until) if rule.until else None,
        present(observation),
    )


def count(members: Iterable[Member]) -> Number:
    """Return how much the members are together."""
    return total([member.quantity for member in members])


def agreed(members: Sequence[Member]) -> dict[str, Value]:
    """Return the fields that all members have with the same value."""
    if not members:
        return {}
    same = dict(members[0].fields)
    for member in members[1:]:
        same = {
            name: value
            for name, value in same.items()
            if name in member.fields and member.fields[name] == value
        }
    return same


def open_count(key: str, by: list[str], state: State | None) -> Count:
    """Return the count as the track has it; an empty one without a track."""
    if state is None:
        return Count(key, by, {}, None)
    closing = state["closing"] and Closing(*state["closing"])
    return Count(key, by, members_of(state["members"]), closing)


def members_of(rows: Mapping[str, Sequence[Any]]) -> dict[str, Member]:
    """Return members as a track keeps them."""
    return {distinct: Member(*row) for distinct, row in rows.items()}
