"""Members are counted until they are as many as requested, or until something closes the count."""

from collections.abc import Sequence
from typing import Any

from edge.milestones.fields import Number, joined, key_of, required, text
from edge.milestones.model import Evidence, Mark, Milestone, Observation, TrackId
from edge.milestones.operators.counting import (
    Closing,
    Count,
    End,
    Members,
    agreed,
    count,
    members_of,
    open_count,
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


class Gather(Operator[GatherRule]):
    """Concludes once for each key and `by`.

    A count ends as soon as what is requested is reached; or when the closing
    has come and so have all that it speaks of, or the wait for them is over;
    or when `within_seconds` have passed since the first member. Only what
    happened within that time belongs to the count, so it does not matter when
    the engine comes to look.
    """

    shape = "gather"

    def __init__(self, site: str, name: str, rule: GatherRule) -> None:
        super().__init__(site, name, rule)
        self._within = milliseconds(rule.within_seconds)
        self._wait = milliseconds(rule.wait_seconds)

    def listens(self) -> Sequence[tuple[Pattern, Judge]]:
        """Return what the rule listens to, and who judges it."""
        members: tuple[Pattern, Judge] = (self.rule.of, self.member)
        if self.rule.closed_by is None:
            return [members]
        return [members, (self.rule.closed_by, self.close)]

    def member(self, observation: Observation, step: Step) -> Sequence[Milestone]:
        """Count a member, unless it is counted."""
        step.mention(observation)
        key, by = self._identity(observation)
        distinct = required(observation, self.rule.distinct)
        member = read_member(self.rule, observation)
        state = self.recall(step, joined(key, by))
        if state is not None and "concluded" in state:
            self._further(step, Count(key, by, {distinct: member}, None), state)
            return NOTHING
        known = open_count(key, by, state)
        if distinct in known.members and known.members[distinct].at <= member.at:
            return NOTHING
        return self._judge(known._replace(members={**known.members, distinct: member}), None, step)

    def close(self, observation: Observation, step: Step) -> Sequence[Milestone]:
        """Take note that the count is closed; of several closings the earliest counts."""
        step.mention(observation)
        key, by = self._identity(observation)
        closing = read_closing(self.rule, observation)
        state = self.recall(step, joined(key, by))
        if state is not None and "concluded" in state:
            self._contradict(step, key, state, closing)
            return NOTHING
        known = open_count(key, by, state)
        if known.closing is not None and known.closing.at <= closing.at:
            return NOTHING
        return self._judge(known._replace(closing=closing), None, step)

    def expire(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:
        """Conclude with what there is, or give up; forget a concluded count after its time."""
        if "concluded" in state:
            return self._leave(track, state, horizon, step)
        return self._judge(open_count(state["key"], state["by"], state), horizon, step)

    def open_evidence(self, state: State) -> Sequence[Evidence]:
        """Return what is counted, and the closing, of an open count; or what comes after it."""
        if "concluded" in state:
            return [each.evidence for each in members_of(state.get("further", {})).values()]
        known = open_count(state["key"], state["by"], state)
        closing = [] if known.closing is None else [known.closing.evidence]
        return [*(each.evidence for each in known.members.values()), *closing]

    def _leave(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:  # noqa: ARG002 - whatever the horizon
        """Forget a concluded count after its time."""
        # Only with `over` members wait then: it has been taken out of the rule meanwhile.
        waiting = members_of(state.get("further", {}))
        self._further(step, Count(track.key, [], waiting, None), state)
        step.forget(track)
        return NOTHING

    def _judge(self, known: Count, horizon: int | None, step: Step) -> Sequence[Milestone]:
        """Conclude or wait on; with a horizon, also end what has waited long enough."""
        while known.members or known.closing:
            counted, due_at, end = self._ending(known, horizon)
            if end is None:
                self._keep_open(step, known, due_at)
                return NOTHING
            left = {name: each for name, each in known.members.items() if name not in counted}
            known = known._replace(members=left, closing=None if end.closing else known.closing)
            if end.name is not None:
                return self._conclude(step, counted, known, end)
            self._give_up(step, known.key, counted, end)
        self.forget(step, joined(known.key, known.by))
        return NOTHING

    def _ending(self, known: Count, horizon: int | None) -> tuple[Members, int, End | None]:
        """Return what counts, when to look again, and how the count ends; None if it does not."""
        counted, closing, ends_at = self._in_time(known)
        due_at = ends_at + self._wait
        is_over = horizon is not None and due_at <= horizon
        return counted, due_at, self._end(counted, closing, ends_at, is_over=is_over)

    def _in_time(self, known: Count) -> tuple[Members, Closing | None, int]:
        """Return what belongs to the count, and when it ends if nothing more comes."""
        closing = known.closing
        over = min((each.at + self._within for each in known.members.values()), default=None)
        if over is None:
            assert closing is not None
            return {}, closing, closing.at
        counted = {name: each for name, each in known.members.items() if each.at <= over}
        if closing is None or closing.at > over:
            return counted, None, over
        return counted, closing, closing.at

    def _end(
        self, counted: Members, closing: Closing | None, ends_at: int, *, is_over: bool
    ) -> End | None:
        """Return how the count ends, or None while it may still change."""
        quantity = count(counted.values())
        last = max((each.at for each in counted.values()), default=ends_at)
        told = [each.requested for each in counted.values() if each.requested is not None]
        requested = max(told, default=None)
        if requested is not None and quantity >= requested:
            return End(self.rule.milestone, last, requested)
        is_met = closing is not None and closing.is_met(quantity)
        if not is_met and not is_over:
            return None
        if closing is None:
            reason = f"nothing ended the count within {self.rule.within_seconds:g} s"
            return End(self.rule.partial, ends_at, requested, reason=reason)
        mark = Mark.IN_ORDER if is_met or closing.total is None else Mark.LATE
        requested = closing.requested if requested is None else requested
        if requested is None:
            return End(self.rule.milestone, ends_at, None, closing, mark)
        if quantity >= requested:
            return End(self.rule.milestone, last, requested, mark=mark)
        reason = f"the count was closed at {quantity} of {requested}"
        return End(self.rule.partial, ends_at, requested, closing, mark, reason)

    def _conclude(self, step: Step, counted: Members, rest: Count, end: End) -> Sequence[Milestone]:
        quantity = count(counted.values())
        state: State = {
            "concluded": end.name and end.name.value,
            "quantity": quantity,
            "members": sorted(counted),
            "closed_at": end.closing and end.closing.at,
            "at": end.at,
            "requested": end.requested,
        }
        self.keep(step, joined(rest.key, rest.by), state, end.at + self.remember)
        state = self._further(step, rest, state)
        if rest.closing is not None:
            self._contradict(step, rest.key, state, rest.closing)
        evidence = [each.evidence for each in counted.values()]
        if end.closing is not None:
            evidence.append(end.closing.evidence)
        attributes = self._attributes(counted, quantity, end)
        return [
            self.milestone(
                rest.key,
                end.at,
                attributes,
                evidence,
                name=end.name,
                occurrence=rest.by,
                mark=end.mark,
            )
        ]

    def _attributes(self, counted: Members, quantity: Number, end: End) -> dict[str, Any]:
        """Return what the members agree on, what the closing says, and the sums."""
        rule = self.rule
        members = list(counted.values())
        attributes: dict[str, Any] = agreed(members)
        for field in (rule.distinct, rule.quantity, rule.until):
            attributes.pop(field or "", None)
        if end.closing is not None:
            attributes |= end.closing.fields
            attributes.pop(rule.until or "", None)
            if end.closing.total == quantity:
                attributes.pop(rule.total or "", None)
        attributes["quantity"] = quantity
        if end.requested is not None:
            attributes["requested"] = end.requested
        if rule.children is not None:
            values = [each.fields.get(rule.children) for each in members]
            attributes["children"] = sorted({text(each) for each in values if each is not None})
        return attributes

    def _give_up(self, step: Step, key: str, counted: Members, end: End) -> None:
        signals = [last_signal(each.evidence) for each in counted.values()]
        if end.closing is not None:
            signals.append(last_signal(end.closing.evidence))
        for signal in sorted(signals):
            self.object(step, signal, f"{key}: {end.reason}")

    def _further(self, step: Step, more: Count, state: State) -> State:
        """Object to members that came after the conclusion, unless they were counted then."""
        for distinct, member in more.members.items():
            if distinct not in state["members"]:
                counted = f"{state['concluded']} with {state['quantity']}"
                reason = f"{self.rule.distinct} {distinct!r} came after it was {counted}"
                self.object(step, last_signal(member.evidence), f"{more.key}: {reason}")
        return state

    def _contradict(self, step: Step, key: str, state: State, closing: Closing) -> None:
        """Object to a closing that speaks of more than was counted, unless it is a repeat."""
        is_repeat = closing.at == state["closed_at"]
        if not is_repeat and closing.total is not None and closing.total > state["quantity"]:
            counted = f"{state['concluded']} with {state['quantity']}"
            reason = f"{key}: was {counted}, the closing says {closing.total}"
            self.object(step, last_signal(closing.evidence), reason)

    def _identity(self, observation: Observation) -> tuple[str, list[str]]:
        key = key_of(observation, self.rule.about)
        return key, [required(observation, field) for field in self.rule.by]

    def _keep_open(self, step: Step, known: Count, due_at: int) -> None:
        state = {
            "key": known.key,
            "by": known.by,
            "members": {name: list(each) for name, each in known.members.items()},
            "closing": known.closing and list(known.closing),
        }
        self.keep(step, joined(known.key, known.by), state, due_at)
