"""Members are gathered until a closing; then each of them has a milestone of its own."""

from collections.abc import Sequence

from edge.milestones.evidence import Evidence, lag_of, last_signal
from edge.milestones.fields import Barred, joined, key_of, required, text
from edge.milestones.model import Mark, Milestone, Observation, TrackId
from edge.milestones.operators.counting import (
    Closing,
    Member,
    Members,
    Seen,
    check_room,
    comes_before,
    count,
    read_closing,
    read_member,
    up_to,
    with_member,
)
from edge.milestones.operators.ending import agreed
from edge.milestones.operators.operator import (
    NOTHING,
    Judge,
    Operator,
    milliseconds,
)
from edge.milestones.operators.rounds import Round, Rounds
from edge.milestones.rules import GatherRule, Pattern
from edge.milestones.step import State, Step


class GatherEach(Operator[GatherRule]):
    """Concludes a milestone for each member at each closing.

    A key comes back: a trailer is loaded and released again. A member belongs
    to the first closing that happened at or after it, in whatever order they
    are told.
    """

    def __init__(self, site: str, name: str, rule: GatherRule) -> None:
        super().__init__(site, name, rule)
        assert rule.each is not None
        assert rule.closed_by is not None
        self._each = rule.each
        # What is gathered by other fields goes on with the rule that has gathered it by them.
        self.shape = joined("gather_each", [rule.about, *rule.by, rule.each])
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
        new = Seen(required(observation, self.rule.distinct), read_member(self.rule, observation))
        about = required(observation, self._each)
        if known.last is not None and new.at <= known.last.closing.at:
            return self._late(known, known.last, new, about, step)
        self._check(known, new.at)
        members = with_member(known.members, new, self._settled(known, new, step), known.closings)
        if members is known.members:
            return NOTHING
        check_room(known.key, [*members, *known.closings])
        return self._judge(known._replace(members=members), None, step)

    def close(self, observation: Observation, step: Step) -> Sequence[Milestone]:
        """Close the members up to now."""
        step.mention(observation)
        known = self._recall(observation, step)
        closing = read_closing(self.rule, observation)
        if known.last is not None and closing.at == known.last.closing.at:
            return NOTHING
        same = next((each for each in known.closings if each.at == closing.at), None)
        if same is not None and not comes_before(closing, same):
            return NOTHING
        if known.last is not None and closing.at < known.last.closing.at:
            raise Barred(f"{known.key}: a later closing is already concluded")
        self._check(known, closing.at)
        others = [each for each in known.closings if each is not same]
        closings = sorted([*others, closing], key=lambda each: each.at)
        check_room(known.key, [*known.members, *closings])
        return self._judge(known._replace(closings=closings), None, step)

    def expire(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:
        """Conclude with the members there are, or give up; forget a key after its time."""
        known = Rounds.of(state)
        if not known.members and not known.closings:
            step.forget(track)
            return NOTHING
        return self._judge(known, horizon, step)

    def open_evidence(self, state: State) -> Sequence[Evidence]:
        """Return the members and closings of rounds that have not ended."""
        known = Rounds.of(state)
        members = [each.member.evidence for each in known.members]
        return members + [each.evidence for each in known.closings]

    def _judge(self, known: Rounds, horizon: int | None, step: Step) -> Sequence[Milestone]:
        """Conclude rounds, earliest first, up to one that must wait."""
        concluded: list[Milestone] = []
        while known.members or known.closings:
            closing, until, ends_at = self._next_round(known)
            counted = up_to(until, known.members)
            pieces = [] if closing is None else [closing.evidence]
            ends_at += lag_of([*pieces, *(each.evidence for each in counted.values())])
            is_met = closing is not None and closing.is_met(count(counted.values()))
            if not is_met and (horizon is None or horizon < ends_at):
                self._keep(step, known, ends_at)
                return concluded
            left = [each for each in known.members if each.at > until]
            if closing is None:
                self._give_up(step, known.key, counted)
                known = known._replace(members=left, given_up=until)
            else:
                mark = Mark.IN_ORDER if is_met or closing.total is None else Mark.LATE
                concluded += self._conclude_all(step, known, closing, counted, mark)
                told = {name: self._about(each) for name, each in counted.items()}
                last = Round(known.ended, closing, told)
                known = known._replace(members=left, closings=known.closings[1:], last=last)
        assert known.ended is not None
        self._keep(step, known, known.ended + self.remember)
        return concluded

    def _settled(self, known: Rounds, new: Seen, step: Step) -> int:
        """Return up to when all closings are told, and nothing is given up before the first is."""
        latest = max(each.at for each in (*known.members, new) if each.distinct == new.distinct)
        first = min(each.at for each in (*known.members, new))
        return min(latest, first + self._within) - self._wait - step.delay(self.owner)

    def _late(
        self, known: Rounds, last: Round, new: Seen, about: str, step: Step
    ) -> Sequence[Milestone]:
        """Tell a member of the last round that was concluded, unless that is told already."""
        if new.distinct in last.told:
            return NOTHING
        if last.since is not None and new.at <= last.since:
            raise Barred(
                f"{known.key}: {self.rule.distinct} {new.distinct!r} came "
                "after the closing that followed the one it belongs to"
            )
        told = {**last.told, new.distinct: about}
        check_room(known.key, told)
        late = []
        if about not in last.told.values():
            late.append(self._conclude(known, about, [new.member], last.closing, Mark.LATE))
        return [*late, *self._judge(known._replace(last=last._replace(told=told)), None, step)]

    def _check(self, known: Rounds, at: int) -> None:
        if known.given_up is not None and at <= known.given_up:
            raise Barred(
                f"{known.key}: it belongs to what was given up: "
                f"nothing closed it within {self.rule.within_seconds:g} s"
            )

    def _next_round(self, known: Rounds) -> tuple[Closing | None, int, int]:
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
        self, step: Step, known: Rounds, closing: Closing, counted: Members, mark: Mark
    ) -> list[Milestone]:
        if not counted and closing.total:
            reason = f"{known.key}: closed with {closing.total}, of which none was seen"
            self.object(step, last_signal(closing.evidence), reason)
        of: dict[str, list[Member]] = {}
        for name in sorted(counted):
            of.setdefault(self._about(counted[name]), []).append(counted[name])
        return [self._conclude(known, about, of[about], closing, mark) for about in sorted(of)]

    def _conclude(
        self, known: Rounds, about: str, members: Sequence[Member], closing: Closing, mark: Mark
    ) -> Milestone:
        told = {self._each: about, **agreed(members), **closing.fields} | {self._each: about}
        attributes = {name: value for name, value in told.items() if name != self.rule.total}
        return self.milestone(
            f"{self._each}:{about}",
            closing.at,
            attributes,
            [*(each.evidence for each in members), closing.evidence],
            occurrence=[known.key, *known.by],
            mark=mark,
        )

    def _about(self, member: Member) -> str:
        return text(member.fields[self._each])

    def _give_up(self, step: Step, key: str, counted: Members) -> None:
        reason = f"{key}: nothing closed it within {self.rule.within_seconds:g} s"
        for member in counted.values():
            self.object(step, last_signal(member.evidence), reason)

    def _recall(self, observation: Observation, step: Step) -> Rounds:
        key = key_of(observation, self.rule.about)
        by = [required(observation, field) for field in self.rule.by]
        state = self.recall(step, joined(key, by))
        return Rounds(key, by, [], [], None, None) if state is None else Rounds.of(state)

    def _keep(self, step: Step, known: Rounds, due_at: int) -> None:
        self.keep(step, joined(known.key, known.by), known.state(), due_at)
