"""What is counted, and what ends the count: shared by both ways to gather."""

from collections.abc import Iterable, Mapping, Sequence, Sized
from typing import Any, NamedTuple

from edge.milestones.evidence import Evidence, lag_of
from edge.milestones.fields import (
    Barred,
    Number,
    number,
    optional_number,
    present,
    rank,
    total,
)
from edge.milestones.model import Observation, Value
from edge.milestones.rules import GatherRule
from edge.milestones.step import State

MOST_KEPT = 10_000
"""Members of one key that are kept at once.

A pallet of thousands of pieces is legitimate; but all are read and written for each that comes.
"""


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


class Seen(NamedTuple):
    """A member as it was seen once, with its value of `distinct`; kept in a track as a list."""

    distinct: str
    member: Member

    @property
    def at(self) -> int:
        """When it happened."""
        return self.member.at

    def row(self) -> list[Any]:
        """Return it as a track keeps it."""
        return [self.distinct, *self.member]


class Count(NamedTuple):
    """An open count; a track's state while nothing is concluded."""

    key: str
    by: list[str]
    members: Sequence[Seen]
    closing: Closing | None
    given_up: int | None
    """The time up to which members have been given up."""

    def evidence(self) -> list[Evidence]:
        """Return what is counted, and the closing."""
        closing = [] if self.closing is None else [self.closing.evidence]
        return [*(each.member.evidence for each in self.members), *closing]

    @property
    def lag(self) -> int:
        """How late the latest of it was told."""
        return lag_of(self.evidence())

    def names(self, rule: GatherRule) -> dict[str, Value]:
        """Return the fields that say which count it is, as its key has them.

        Of these all members agree, though one may tell as a number what another tells as a text.
        """
        about = self.key.removeprefix(f"{rule.about}:")
        return {rule.about: about, **dict(zip(rule.by, self.by, strict=True))}

    def in_time(
        self, within: int, wait: int, horizon: int | None
    ) -> tuple[Members, Closing | None, int]:
        """Return what belongs to the count, and when it ends if nothing more comes.

        A member that happened after the closing may be one that is missing, by a clock that
        is ahead. That shows when the wait is over: until then what happened before may come.
        """
        closing = self.closing
        over = min((each.at + within for each in self.members), default=None)
        if over is None:
            assert closing is not None
            return {}, closing, closing.at
        if closing is None or closing.at > over:
            return up_to(over, self.members), None, over
        counted, waited_until = up_to(closing.at, self.members), closing.at + wait
        is_over = horizon is not None and waited_until + self.lag <= horizon
        if is_over and not closing.is_met(count(counted.values())):
            counted = up_to(min(over, waited_until), self.members)
        return counted, closing, closing.at


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


def comes_before(one: Member | Closing, other: Member | Closing) -> bool:
    """Tell which of two counts that are told of the same: in whatever order, the same one."""
    if one.at != other.at:
        return one.at < other.at
    return rank(one.fields) < rank(other.fields)


def with_member(
    members: Sequence[Seen], new: Seen, settled: int, closings: Sequence[Closing] = ()
) -> Sequence[Seen]:
    """Return the members with one more, or as they are if it adds nothing.

    A member may be seen every second: of a count the earliest is enough. Up to `settled` it is
    known where counts end, at these closings; what is seen later may yet be in another count.
    """

    def is_needless(one: Seen, before: Seen) -> bool:
        return one.at == before.at or (
            one.at <= settled and not any(before.at <= each.at < one.at for each in closings)
        )

    same = [each for each in members if each.distinct == new.distinct]
    if any(each.at == new.at and not comes_before(new.member, each.member) for each in same):
        return members
    kept: list[Seen] = []
    # What is needless beside any that was seen before is so beside the last of them.
    for one in sorted((new, *same), key=lambda each: each.at):
        if not kept or not is_needless(one, kept[-1]):
            kept.append(one)
    if not any(each is new for each in kept):
        return members
    return [*(each for each in members if each.distinct != new.distinct), *kept]


def up_to(at: int, members: Iterable[Seen]) -> Members:
    """Return the members that happened by then, each as it was first seen."""
    counted: dict[str, Member] = {}
    for distinct, member in members:
        there = counted.get(distinct)
        if member.at <= at and (there is None or comes_before(member, there)):
            counted[distinct] = member
    return counted


def count(members: Iterable[Member]) -> Number:
    """Return how much the members are together."""
    return total([member.quantity for member in members])


def open_count(key: str, by: list[str], state: State) -> Count:
    """Return the count as the track has it; an empty one without a track."""
    closing = state.get("closing")
    return Count(
        key,
        by,
        seen_of(state.get("members", ())),
        closing and Closing(*closing),
        state.get("given_up"),
    )


def seen_of(rows: Iterable[Sequence[Any]]) -> list[Seen]:
    """Return members as a track keeps them."""
    return [Seen(distinct, Member(*row)) for distinct, *row in rows]


def check_room(key: str, kept: Sized) -> None:
    """See that no more is kept of one key than may be.

    Raises:
        Barred: It is more.

    """
    if len(kept) > MOST_KEPT:
        raise Barred(
            f"{key}: {MOST_KEPT} of its members are kept, and no more; "
            "retry it when they are judged, or divide them with `by`"
        )
