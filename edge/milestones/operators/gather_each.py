"""Members are gathered until a closing; then each of them has a milestone of its own."""

from collections.abc import Sequence
from typing import NamedTuple

from edge.milestones.fields import Unjudgeable, joined, key_of, required, text
from edge.milestones.model import Evidence, Mark, Milestone, Observation, TrackId
from edge.milestones.operators.counting import (
    Closing,
    Member,
    Members,
    count,
    read_closing,
    read_member,
)
from edge.milestones.operators.operator import (
    NOTHING,
    Judge,
    Operator,
    last_signal,
    milliseconds,
)
from edge.milestones.rules import GatherRule, Pattern
from edge.milestones.step import State, Step


class _Round(NamedTuple):
    """The last round that was concluded."""

    since: int | None
    """When the round before it was closed."""
    closing: Closing
    told: list[str]
    """Members that have had their milestone."""


class _Seen(NamedTuple):
    """A member, and its value of `distinct`."""

    distinct: str
    member: Member

    @property
    def at(self) -> int:
        """When it happened."""
        return self.member.at


class _Known(NamedTuple):
    """A track's state."""

    key: str
    by: list[str]
    members: Sequence[_Seen]
    """Not yet told; each once between two closings."""
    closings: list[Closing]
    """Not yet concluded, earliest first."""
    last: _Round | None


class GatherEach(Operator[GatherRule]):
    """Concludes a milestone for each member at each closing.

    A key comes back: a trailer is loaded and released again. A member belongs
    to the first closing that happened at or after it, in whatever order they
    are told.
    """

    shape = "gather_each"

    def __init__(self, site: str, name: str, rule: GatherRule) -> None:
        super().__init__(site, name, rule)
        assert rule.each is not None
        assert rule.closed_by is not None
        self._each = rule.each
        self._closed_by = rule.closed_by
        self._within = milliseconds(rule.within_seconds)
        self._wait = milliseconds(rule.wait_seconds)

    def listens(self) -> Sequence[tuple[Pattern, Judge]]:
        """Return what the rule listens to, and who judges it."""
        return [(self.rule.of, self.member), (self._closed_by, self.close)]

    def member(self, observation: Observation, step: Step) -> Sequence[Milestone]:
        """Count a member; one of a round that is concluded has its milestone now, marked late."""
        step.mention(observation)
        known = self._recall(observation, step)
        distinct = required(observation, self.rule.distinct)
        required(observation, self._each)
        member = read_member(self.rule, observation)
        last = known.last
        if last is not None and member.at <= last.closing.at:
            if distinct in last.told:
                return NOTHING
            if last.since is not None and member.at <= last.since:
                raise Unjudgeable(
                    f"{known.key}: {self.rule.distinct} {distinct!r} came "
                    "after the closing that followed the one it belongs to"
                )
            told = last._replace(told=sorted([*last.told, distinct]))
            late = self._conclude(known, member, last.closing, Mark.LATE)
            return [late, *self._judge(known._replace(last=told), None, step)]
        seen = _Seen(distinct, member)
        twin = _twin(known, seen)
        if twin is not None and twin.at <= seen.at:
            return NOTHING
        others = [each for each in known.members if each is not twin]
        return self._judge(known._replace(members=[*others, seen]), None, step)

    def close(self, observation: Observation, step: Step) -> Sequence[Milestone]:
        """Close the members up to now."""
        step.mention(observation)
        known = self._recall(observation, step)
        closing = read_closing(self.rule, observation)
        taken = [*known.closings, *([known.last.closing] if known.last else [])]
        if any(each.at == closing.at for each in taken):
            return NOTHING
        if known.last is not None and closing.at < known.last.closing.at:
            raise Unjudgeable(f"{known.key}: a later closing is already concluded")
        closings = sorted([*known.closings, closing], key=lambda each: each.at)
        return self._judge(known._replace(closings=closings), None, step)

    def expire(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:
        """Conclude with the members there are, or give up; forget a key after its time."""
        known = _known(state)
        if not known.members and not known.closings:
            step.forget(track)
            return NOTHING
        return self._judge(known, horizon, step)

    def open_evidence(self, state: State) -> Sequence[Evidence]:
        """Return the members and closings of rounds that have not ended."""
        known = _known(state)
        members = [each.member.evidence for each in known.members]
        return members + [each.evidence for each in known.closings]

    def _judge(self, known: _Known, horizon: int | None, step: Step) -> Sequence[Milestone]:
        """Conclude rounds, earliest first, up to one that must wait."""
        concluded: list[Milestone] = []
        while known.members or known.closings:
            closing, until, ends_at = self._next_round(known)
            counted = {each.distinct: each.member for each in known.members if each.at <= until}
            is_met = closing is not None and closing.is_met(count(counted.values()))
            if not is_met and (horizon is None or horizon < ends_at):
                self._keep(step, known, ends_at)
                return concluded
            left = [each for each in known.members if each.at > until]
            if closing is None:
                self._give_up(step, known.key, counted)
                known = known._replace(members=left)
            else:
                mark = Mark.IN_ORDER if is_met or closing.total is None else Mark.LATE
                concluded += self._conclude_all(step, known, closing, counted, mark)
                since = known.last.closing.at if known.last else None
                last = _Round(since, closing, sorted(counted))
                known = known._replace(members=left, closings=known.closings[1:], last=last)
        if known.last is None:
            self.forget(step, joined(known.key, known.by))
        else:
            self._keep(step, known, known.last.closing.at + self.remember)
        return concluded

    def _next_round(self, known: _Known) -> tuple[Closing | None, int, int]:
        """Return the earliest closing, the time of its last members, and until when to wait.

        There is no closing if the members that come first have not been
        closed within `within_seconds`.
        """
        over = min((each.at + self._within for each in known.members), default=None)
        if known.closings and (over is None or known.closings[0].at <= over):
            closing = known.closings[0]
            return closing, closing.at, closing.at + self._wait
        assert over is not None
        return None, over, over + self._wait

    def _conclude_all(
        self, step: Step, known: _Known, closing: Closing, counted: Members, mark: Mark
    ) -> list[Milestone]:
        if not counted and closing.total:
            reason = f"{known.key}: closed with {closing.total}, of which none was seen"
            self.object(step, last_signal(closing.evidence), reason)
        return [self._conclude(known, counted[name], closing, mark) for name in sorted(counted)]

    def _conclude(self, known: _Known, member: Member, closing: Closing, mark: Mark) -> Milestone:
        attributes = {**member.fields, **closing.fields}
        attributes.pop(self.rule.total or "", None)
        return self.milestone(
            f"{self._each}:{text(member.fields[self._each])}",
            closing.at,
            attributes,
            [member.evidence, closing.evidence],
            occurrence=[known.key, *known.by],
            mark=mark,
        )

    def _give_up(self, step: Step, key: str, counted: Members) -> None:
        reason = f"{key}: nothing closed it within {self.rule.within_seconds:g} s"
        for member in counted.values():
            self.object(step, last_signal(member.evidence), reason)

    def _recall(self, observation: Observation, step: Step) -> _Known:
        key = key_of(observation, self.rule.about)
        by = [required(observation, field) for field in self.rule.by]
        state = self.recall(step, joined(key, by))
        return _Known(key, by, [], [], None) if state is None else _known(state)

    def _keep(self, step: Step, known: _Known, due_at: int) -> None:
        last = known.last
        state = {
            "key": known.key,
            "by": known.by,
            "members": [[each.distinct, *each.member] for each in known.members],
            "closings": [list(each) for each in known.closings],
            "last": last and [last.since, list(last.closing), last.told],
        }
        self.keep(step, joined(known.key, known.by), state, due_at)


def _twin(known: _Known, new: _Seen) -> _Seen | None:
    """Return the same member of the same round, or None: it may be loaded once a round."""

    def is_between(closing: Closing, other: _Seen) -> bool:
        return min(new.at, other.at) <= closing.at < max(new.at, other.at)

    for each in known.members:
        if each.distinct == new.distinct and not any(
            is_between(closing, each) for closing in known.closings
        ):
            return each
    return None


def _known(state: State) -> _Known:
    last = state["last"]
    return _Known(
        state["key"],
        state["by"],
        [_Seen(distinct, Member(*row)) for distinct, *row in state["members"]],
        [Closing(*row) for row in state["closings"]],
        last and _Round(last[0], Closing(*last[1]), last[2]),
    )
