"""Members are counted until they are as many as requested, or until something closes the count."""

from collections.abc import Sequence

from edge.milestones.evidence import Evidence, last_signal
from edge.milestones.fields import Barred, joined, key_of, required
from edge.milestones.model import Milestone, Observation, TrackId
from edge.milestones.operators.counting import (
    Closing,
    Count,
    Members,
    Seen,
    check_room,
    comes_before,
    count,
    open_count,
    read_closing,
    read_member,
    seen_of,
    with_member,
)
from edge.milestones.operators.ending import End, attributes_of, end_of
from edge.milestones.operators.operator import (
    NOTHING,
    Judge,
    Operator,
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
    the engine comes to look. A count that nothing ends is given up: the next
    member begins another, and what happened before belongs to neither.
    """

    def __init__(self, site: str, name: str, rule: GatherRule) -> None:
        super().__init__(site, name, rule)
        # What is counted by other fields goes on with the rule that has counted it by them.
        self.shape = joined("gather", [rule.about, *rule.by])
        self._within = milliseconds(rule.within_seconds)
        self._wait = milliseconds(rule.wait_seconds)
        # What happened a wait before the first member may yet be told, and then be the first.
        self._settled = self._within - self._wait

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
        new = Seen(distinct, read_member(self.rule, observation))
        state = self._recall(observation, key, by, step)
        if "concluded" in state:
            self._further(step, Count(key, by, [new], None, None), state)
            return NOTHING
        known = open_count(key, by, state)
        first = min(each.at for each in (*known.members, new))
        settled = first + self._settled - step.delay(self.owner)
        members = with_member(known.members, new, settled)
        if members is known.members:
            return NOTHING
        check_room(key, members)
        return self._judge(known._replace(members=members), None, step)

    def close(self, observation: Observation, step: Step) -> Sequence[Milestone]:
        """Take note that the count is closed; of several closings the earliest counts."""
        step.mention(observation)
        key, by = self._identity(observation)
        closing = read_closing(self.rule, observation)
        state = self._recall(observation, key, by, step)
        if "concluded" in state:
            self._contradict(step, key, state, closing)
            return NOTHING
        known = open_count(key, by, state)
        if known.closing is not None and not comes_before(closing, known.closing):
            return NOTHING
        return self._judge(known._replace(closing=closing), None, step)

    def expire(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:
        """Conclude with what there is, or give up; forget what has ended after its time."""
        if "concluded" in state:
            return self._leave(track, state, horizon, step)
        known = open_count(state["key"], state["by"], state)
        if not known.members and known.closing is None:
            step.forget(track)
            return NOTHING
        return self._judge(known, horizon, step)

    def open_evidence(self, state: State) -> Sequence[Evidence]:
        """Return what is counted, and the closing, of an open count; or what comes after it."""
        if "concluded" in state:
            return [each.member.evidence for each in seen_of(state.get("further", ()))]
        return open_count(state["key"], state["by"], state).evidence()

    def _leave(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:  # noqa: ARG002 - whatever the horizon
        """Forget a concluded count after its time."""
        # Only with `over` members wait then: it has been taken out of the rule meanwhile.
        waiting = seen_of(state.get("further", ()))
        if waiting:
            self._further(step, Count(state["key"], state["by"], waiting, None, None), state)
        step.forget(track)
        return NOTHING

    def _judge(self, known: Count, horizon: int | None, step: Step) -> Sequence[Milestone]:
        """Conclude or wait on; with a horizon, also end what has waited long enough."""
        while known.members or known.closing:
            counted, due_at, end = self._ending(known, horizon)
            if end is None:
                self._keep_open(step, known, due_at)
                return NOTHING
            if end.name is not None or end.closing is not None:
                return self._conclude(step, counted, known, end)
            self._object(step, known.key, counted, end)
            left = [each for each in known.members if each.at > end.at]
            known = known._replace(members=left, given_up=end.at)
        assert known.given_up is not None
        self._keep_open(step, known, known.given_up + self.remember)
        return NOTHING

    def _ending(self, known: Count, horizon: int | None) -> tuple[Members, int, End | None]:
        """Return what counts, when to look again, and how the count ends; None if it does not."""
        counted, closing, ends_at = known.in_time(self._within, self._wait, horizon)
        due_at = ends_at + self._wait + known.lag
        is_over = horizon is not None and due_at <= horizon
        return counted, due_at, end_of(self.rule, counted, closing, ends_at, is_over=is_over)

    def _conclude(
        self, step: Step, counted: Members, known: Count, end: End
    ) -> Sequence[Milestone]:
        """Tell how the count ended, and remember it; judge what waited beside it."""
        quantity = count(counted.values())
        state: State = {
            "concluded": end.name and end.name.value,
            "quantity": quantity,
            "members": sorted(counted),
            "closed_at": end.closing and end.closing.at,
            "at": end.at,
            "requested": end.requested,
            "given_up": known.given_up,
        }
        alone = state
        state = self._further(step, known, alone)
        if state is alone:
            self.keep(step, joined(known.key, known.by), state, end.at + self.remember)
        if end.closing is None and known.closing is not None:
            self._contradict(step, known.key, state, known.closing)
        if end.name is None:
            self._object(step, known.key, counted, end)
            return NOTHING
        return [
            self.milestone(
                known.key,
                end.at,
                attributes_of(self.rule, known, counted, end),
                end.evidence(counted),
                name=end.name,
                occurrence=known.by,
                mark=end.mark,
            )
        ]

    def _object(self, step: Step, key: str, counted: Members, end: End) -> None:
        """Say of all that was counted why nothing is concluded from it."""
        for signal in sorted(map(last_signal, end.evidence(counted))):
            self.object(step, signal, f"{key}: {end.reason}")

    def _further(self, step: Step, more: Count, state: State) -> State:
        """Object to members that came after the conclusion, unless they were counted then.

        Returns another state if it has kept one.
        """
        counted = frozenset(state["members"])
        for distinct, member in more.members:
            if distinct not in counted:
                reason = f"{self.rule.distinct} {distinct!r} came after it was {_ended(state)}"
                self.object(step, last_signal(member.evidence), f"{more.key}: {reason}")
        return state

    def _contradict(self, step: Step, key: str, state: State, closing: Closing) -> None:
        """Object to a closing that speaks of more than was counted, unless it is a repeat."""
        is_repeat = closing.at == state["closed_at"]
        if not is_repeat and closing.total is not None and closing.total > state["quantity"]:
            reason = f"{key}: was {_ended(state)}, the closing says {closing.total}"
            self.object(step, last_signal(closing.evidence), reason)

    def _recall(self, observation: Observation, key: str, by: list[str], step: Step) -> State:
        """Return what is known of a count; nothing if it has not begun.

        Raises:
            Barred: What is told belongs to a count that was given up.

        """
        state = self.recall(step, joined(key, by)) or {}
        given_up = state.get("given_up")
        if given_up is not None and observation.occurred_at <= given_up:
            raise Barred(
                f"{key}: it belongs to a count that was given up: "
                f"nothing ended it within {self.rule.within_seconds:g} s"
            )
        return state

    def _identity(self, observation: Observation) -> tuple[str, list[str]]:
        key = key_of(observation, self.rule.about)
        return key, [required(observation, field) for field in self.rule.by]

    def _keep_open(self, step: Step, known: Count, due_at: int) -> None:
        state = {
            "key": known.key,
            "by": known.by,
            "members": [each.row() for each in known.members],
            "closing": known.closing and list(known.closing),
            "given_up": known.given_up,
        }
        self.keep(step, joined(known.key, known.by), state, due_at)


def _ended(state: State) -> str:
    return f"{state['concluded'] or 'closed'} with {state['quantity']}"
