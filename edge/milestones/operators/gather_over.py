"""A count that also tells what was counted beyond what is requested."""

from collections.abc import Mapping, Sequence
from typing import Any

from edge.milestones.evidence import lag_of
from edge.milestones.fields import Number, joined, total
from edge.milestones.model import Mark, Milestone, TrackId
from edge.milestones.operators.counting import (
    Closing,
    Count,
    Member,
    Members,
    Seen,
    check_room,
    comes_before,
    seen_of,
)
from edge.milestones.operators.ending import End
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
        counted, closing, _ = known.in_time(self._within, self._wait, horizon)
        needed = closing.requested if closing is not None else None
        reached = _reached(counted, needed)
        if reached is None:
            return super()._ending(known, horizon)
        counted, requested = reached
        at = max(member.at for member in counted.values())
        due_at = at + self._wait + known.lag
        if closing is not None and all(each.requested is None for each in counted.values()):
            due_at = max(due_at, closing.at + self._wait + known.lag)
        if horizon is None or due_at > horizon:
            return counted, due_at, None
        return counted, due_at, End(self.rule.milestone, at, requested)

    def _conclude(
        self, step: Step, counted: Members, known: Count, end: End
    ) -> Sequence[Milestone]:
        told = list(super()._conclude(step, counted, known, end))
        if told and end.requested is not None:
            sums = told[0].attributes
            if sums["quantity"] > end.requested:
                last = max(counted, key=lambda distinct: _when(distinct, counted))
                told.append(self._over(known, last, counted[last], sums))
        return told

    def _further(self, step: Step, more: Count, state: State) -> State:
        """Keep members that came after the count was complete, to tell them in their order."""
        if state["concluded"] != self.rule.milestone or state["requested"] is None:
            return super()._further(step, more, state)
        waiting = _further_of(state)
        kept = dict(waiting)
        counted = frozenset(state["members"])
        for distinct, member in more.members:
            is_known = distinct in counted
            if not is_known and (distinct not in kept or comes_before(member, kept[distinct])):
                kept[distinct] = member
        check_room(more.key, [*counted, *kept])
        return state if kept == waiting else self._keep_further(step, more, state, kept)

    def _leave(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:
        """Tell the further members that have waited long enough."""
        waiting = _further_of(state)
        if not waiting:
            return super()._leave(track, state, horizon, step)
        known = Count(state["key"], state["by"], [], None, None)
        told: list[Milestone] = []
        for distinct in sorted(waiting, key=lambda distinct: _when(distinct, waiting)):
            member = waiting[distinct]
            if self._due_at(member) > horizon:
                break  # what happened later is counted with it
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
        waiting = _further_of(state).values()
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
        own = (self.rule.quantity, self.rule.until)
        attributes = {name: value for name, value in member.fields.items() if name not in own}
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

    def _due_at(self, further: Member) -> int:
        return further.at + self._wait + lag_of([further.evidence])

    def _keep_further(self, step: Step, known: Count, state: State, further: Members) -> State:
        kept = ("concluded", "quantity", "members", "closed_at", "at", "requested", "given_up")
        rows = [Seen(*each).row() for each in further.items()]
        state = {name: state[name] for name in kept} | {
            "key": known.key,
            "by": known.by,
            "further": rows,
        }
        due_at = state["at"] + self.remember
        if further:
            first = min(further, key=lambda distinct: _when(distinct, further))
            due_at = self._due_at(further[first])
        self.keep(step, joined(known.key, known.by), state, due_at)
        return state


def _further_of(state: State) -> dict[str, Member]:
    """Return the members that wait to be told."""
    return dict(seen_of(state.get("further", ())))


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
