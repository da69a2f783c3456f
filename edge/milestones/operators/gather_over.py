"""A count that also tells what was counted beyond what is requested."""

from collections.abc import Mapping, Sequence
from typing import Any

from edge.milestones.fields import Number, joined, total
from edge.milestones.model import Mark, Milestone, TrackId
from edge.milestones.operators.counting import (
    Closing,
    Count,
    End,
    Member,
    Members,
    members_of,
)
from edge.milestones.operators.gather import Gather
from edge.milestones.operators.operator import NOTHING
from edge.milestones.step import State, Step


class GatherOver(Gather):
    """Concludes as `Gather`, and once for each member that takes the count beyond `until`.

    Which member completes a count, and which are too many, is known when all
    that happened before has been told. So each is judged `wait_seconds` after
    it happened, in the order in which they happened. A concluded count keeps
    in `further` the members that wait for that.
    """

    def _ending(self, known: Count, horizon: int | None) -> tuple[Members, int, End | None]:
        """Return what counts: no more than completes the count."""
        counted, closing, _ = self._in_time(known)
        needed = closing.requested if closing is not None else None
        reached = _reached(counted, needed)
        if reached is None:
            return super()._ending(known, horizon)
        counted, requested = reached
        at = max(member.at for member in counted.values())
        due_at = at + self._wait
        if closing is not None and all(each.requested is None for each in counted.values()):
            due_at = max(due_at, closing.at + self._wait)
        if horizon is None or due_at > horizon:
            return counted, due_at, None
        return counted, due_at, End(self.rule.milestone, at, requested)

    def _conclude(self, step: Step, counted: Members, rest: Count, end: End) -> Sequence[Milestone]:
        told = list(super()._conclude(step, counted, rest, end))
        sums = told[0].attributes
        if end.requested is not None and sums["quantity"] > end.requested:
            last = max(counted, key=lambda distinct: _when(distinct, counted))
            told.append(self._over(rest, last, counted[last], sums))
        return told

    def _further(self, step: Step, more: Count, state: State) -> State:
        """Keep members that came after the count was complete, to tell them in their order."""
        if state["concluded"] != self.rule.milestone or state["requested"] is None:
            return super()._further(step, more, state)
        waiting = members_of(state.get("further", {}))
        kept = dict(waiting)
        for distinct, member in more.members.items():
            is_counted = distinct in state["members"]
            if not is_counted and (distinct not in kept or member.at < kept[distinct].at):
                kept[distinct] = member
        return state if kept == waiting else self._keep_further(step, more, state, kept)

    def _leave(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:
        """Tell the further members that have waited long enough."""
        waiting = members_of(state.get("further", {}))
        if not waiting:
            return super()._leave(track, state, horizon, step)
        known = Count(state["key"], state["by"], {}, None)
        told: list[Milestone] = []
        for distinct in sorted(waiting, key=lambda distinct: _when(distinct, waiting)):
            member = waiting[distinct]
            if member.at + self._wait > horizon:
                continue
            del waiting[distinct]
            is_late = member.at < state["at"]
            state = {
                **state,
                "quantity": total([state["quantity"], member.quantity]),
                "members": sorted([*state["members"], distinct]),
                "at": max(state["at"], member.at),
            }
            mark = Mark.LATE if is_late else Mark.IN_ORDER
            told.append(self._over(known, distinct, member, state, mark))
        self._keep_further(step, known, state, waiting)
        return told or NOTHING

    def _contradict(self, step: Step, key: str, state: State, closing: Closing) -> None:
        """Object to a closing that speaks of more than was counted or waits to be."""
        waiting = members_of(state.get("further", {})).values()
        counted = total([state["quantity"], *(each.quantity for each in waiting)])
        super()._contradict(step, key, {**state, "quantity": counted}, closing)

    def _over(
        self,
        known: Count,
        distinct: str,
        member: Member,
        sums: Mapping[str, Any],
        mark: Mark = Mark.IN_ORDER,
    ) -> Milestone:
        attributes: dict[str, Any] = dict(member.fields)
        for field in (self.rule.quantity, self.rule.until):
            attributes.pop(field or "", None)
        attributes |= {"quantity": sums["quantity"], "requested": sums["requested"]}
        return self.milestone(
            known.key,
            member.at,
            attributes,
            [member.evidence],
            name=self.rule.over,
            occurrence=[*known.by, distinct],
            mark=mark,
        )

    def _keep_further(self, step: Step, known: Count, state: State, further: Members) -> State:
        kept = ("concluded", "quantity", "members", "closed_at", "at", "requested")
        rows = {distinct: list(member) for distinct, member in further.items()}
        state = {name: state[name] for name in kept} | {
            "key": known.key,
            "by": known.by,
            "further": rows,
        }
        due_at = min((each.at + self._wait for each in further.values()), default=None)
        if due_at is None:
            due_at = state["at"] + self.remember
        self.keep(step, joined(known.key, known.by), state, due_at)
        return state


def _when(distinct: str, members: Mapping[str, Member]) -> tuple[int, str]:
    return members[distinct].at, distinct


def _reached(members: Members, needed: Number | None) -> tuple[Members, Number] | None:
    """Return the first members that make what is requested, and that; None if they do not.

    Requested is the most that they say, or `needed` as long as none says it.
    """
    ordered = sorted(members, key=lambda distinct: _when(distinct, members))
    said: Number | None = None
    quantity: Number = 0
    for place, distinct in enumerate(ordered, 1):
        member = members[distinct]
        quantity = total([quantity, member.quantity])
        if member.requested is not None:
            said = member.requested if said is None else max(said, member.requested)
        requested = needed if said is None else said
        if requested is not None and quantity >= requested:
            return {each: members[each] for each in ordered[:place]}, requested
    return None
