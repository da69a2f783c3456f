"""Readings of one key are told once for each stretch of time, and corrected once if need be."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from edge.milestones.evidence import MAX_LAG, Evidence, lag_of, last_signal
from edge.milestones.fields import Unjudgeable, key_of, measurement, present, required
from edge.milestones.model import Mark, Milestone, Observation, TrackId
from edge.milestones.operators.operator import (
    NOTHING,
    Judge,
    Operator,
    milliseconds,
)
from edge.milestones.operators.samples import Sample, durations, joined_up, plain, statistics
from edge.milestones.operators.windows import (
    SLICE_LIMIT,
    SLICES,
    Head,
    Windows,
    head_of,
    is_head,
)
from edge.milestones.rules import Pattern, SummariseRule
from edge.milestones.step import State, Step

MOST_OPEN = 10_000
"""Windows of a key that may have samples and not be final."""

Told = tuple[Head, Sequence[Milestone]]
"""Where the key stands then, and what is concluded."""


class _Due(NamedTuple):
    """What is to be done next, and when; of two at a time, that with the earlier window."""

    at: int
    window: int
    is_final: bool


class Summarise(Operator[SummariseRule]):
    """Concludes for each window of event time, once its wait is over.

    Windows of a key are told in their order. A window is told once more, by
    retracting what was told and telling it anew, when its time for
    corrections is over and late samples have changed what it comes to. Both
    moments follow from the window alone, so nothing depends on the order in
    which samples come, as long as they come on the same side of them.
    """

    def __init__(self, site: str, name: str, rule: SummariseRule) -> None:
        super().__init__(site, name, rule)
        self._every = milliseconds(rule.every_seconds)
        self._wait = milliseconds(rule.wait_seconds)
        self._correct = milliseconds(rule.correct_seconds)
        self._holds = milliseconds(rule.holds_seconds)
        # With windows of another length, what is known of the old ones means nothing.
        self.shape = f"summarise {self._every}"

    def listens(self) -> Sequence[tuple[Pattern, Judge]]:
        """Return what the rule listens to, and who judges it."""
        return [(self.rule.of, self.judge)]

    def judge(self, observation: Observation, step: Step) -> Sequence[Milestone]:
        """Keep a sample until its window is final.

        It is not mentioned: a milestone's evidence leads to it, and ten
        mentions a second would double what is written.
        """
        key = key_of(observation, self.rule.about)
        windows = self._windows(step, key)
        head = windows.head()
        sample = self._read(observation)
        window = sample.at - sample.at % self._every
        is_new = window not in head.sampled
        self._check(key, sample, head, is_new=is_new)
        if not self._add(windows, window, sample, observation, step):
            return NOTHING
        is_late = head.told_until is not None and window < head.told_until
        # Else the head stays as it is, and is not written.
        lag = lag_of([sample.evidence])
        if is_new or is_late or lag > head.lag:
            sampled = sorted({*head.sampled, window})
            self._keep(windows, head._replace(sampled=sampled, lag=max(lag, head.lag)))
        return NOTHING

    def expire(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:
        """Tell the windows whose wait is over, and make final those whose time is; forget a key."""
        if not is_head(state):
            step.forget(track)  # its head is gone, or it would have gone with it
            return NOTHING
        windows, head = self._windows(step, track.key), head_of(state)
        concluded: list[Milestone] = []
        while (due := self._due(windows, head)) is not None and due.at + head.lag <= horizon:
            act = self._make_final if due.is_final else self._tell
            head, milestones = act(windows, head, due.window)
            concluded += milestones
        if due is None and self._forgotten_at(head) <= horizon:
            step.forget(track)
        else:
            self._keep(windows, head)
        return concluded

    def open_evidence(self, state: State) -> Sequence[Evidence]:  # noqa: ARG002 - whatever it is
        """Return nothing: a sample may have a part in several summaries."""
        return ()

    def _read(self, observation: Observation) -> Sample:
        return Sample(
            observation.occurred_at,
            observation.evidence,
            measurement(observation, self.rule.value) if self.rule.value else None,
            required(observation, self.rule.state) if self.rule.state else None,
        )

    def _check(self, key: str, sample: Sample, head: Head, *, is_new: bool) -> None:
        if head.final_until is not None and sample.at < head.final_until:
            raise Unjudgeable(
                f"{key}: came after the {self.rule.correct_seconds:g} s in which "
                "what was told of its window could be corrected"
            )
        if is_new and len(head.sampled) >= MOST_OPEN:
            raise Unjudgeable(
                f"{key}: {MOST_OPEN} windows of {self.rule.every_seconds:g} s have samples and "
                "are not final; retry it when they are, or set longer windows"
            )

    def _add(
        self, windows: Windows, window: int, sample: Sample, observation: Observation, step: Step
    ) -> bool:
        own = (self.rule.about, self.rule.value, self.rule.state)
        fields = {name: told for name, told in present(observation).items() if name not in own}
        is_changed, beyond = windows.add(window, sample, fields, self._kept_until(window))
        if beyond is not None:
            reason = (
                f"{windows.key}: more than {SLICE_LIMIT} samples in one {SLICES}th of a window of "
                f"{self.rule.every_seconds:g} s; this one is not counted"
            )
            self.object(step, last_signal(beyond.evidence), reason)
        return is_changed

    def _due(self, windows: Windows, head: Head) -> _Due | None:
        """Return what is to be done next; None if nothing is, until something more is heard."""
        dues = []
        window = self._next_untold(windows, head)
        if window is not None:
            dues.append(_Due(window + self._every + self._wait, window, is_final=False))
        first = min([*head.sampled[:1], *head.told[:1]], default=None)
        if first is not None and head.told_until is not None and first < head.told_until:
            dues.append(_Due(self._final_at(first), first, is_final=True))
        return min(dues, default=None)

    def _next_untold(self, windows: Windows, head: Head) -> int | None:
        """Return the next window that there is something to tell of."""
        until = head.told_until
        if until is None:
            return head.sampled[0]
        held = windows.held(head, until)
        if held is not None and held.at + self._holds > until:
            return until
        return next((window for window in head.sampled if window >= until), None)

    def _tell(self, windows: Windows, head: Head, window: int) -> Told:
        attributes, evidence = self._summary(windows, head, window)
        windows.keep_told(window, attributes, self._kept_until(window))
        head = head._replace(told=[*head.told, window], told_until=window + self._every)
        return head, [self._measured(windows.key, window, attributes, evidence)]

    def _make_final(self, windows: Windows, head: Head, window: int) -> Told:
        """Correct a window if what it comes to is not what was told, and forget it."""
        attributes, evidence = self._summary(windows, head, window)
        told = windows.told(window)
        late = partial(self._measured, windows.key, window, mark=Mark.LATE)
        concluded: list[Milestone] = []
        if told is None:  # all of its samples are late
            concluded = [late(attributes, evidence)]
        elif told != attributes:
            corrected = late(attributes, evidence, corrects=True)
            concluded = [late(told, evidence, corrected_by=[corrected.id]), corrected]
        end = window + self._every
        held = windows.held(head, end)
        windows.forget(window)
        head = head._replace(
            sampled=[each for each in head.sampled if each != window],
            told=[each for each in head.told if each != window],
            final_until=end,
            held=held,
        )
        return head, concluded

    def _summary(
        self, windows: Windows, head: Head, window: int
    ) -> tuple[dict[str, Any], list[Evidence]]:
        """Return what a window comes to, as far as is known, and the signals that it rests on."""
        samples = joined_up(windows.slices(window))
        fields, readings = samples.fields, samples.readings
        evidence: list[Evidence] = [each.evidence for each in readings]
        attributes: dict[str, Any] = {"since": window, "count": len(readings)}
        values = [each.value for each in readings if each.value is not None]
        if values:
            attributes |= {"measures": self.rule.measures, "uom": self.rule.uom}
            attributes |= statistics(values)
        if self.rule.state is not None:
            told = [(each.at, each.state) for each in readings if each.state is not None]
            held = windows.held(head, window)
            if held is not None and held.at + self._holds > window:
                told.insert(0, (held.at, held.state))
                evidence.append(held.evidence)
                fields = fields if readings else held.fields
            lasted = durations(told, window, window + self._every, self._holds)
            unknown = self._every - sum(lasted.values())
            attributes["seconds"] = {name: plain(ms / 1000) for name, ms in lasted.items()}
            attributes["unknown_seconds"] = plain(unknown / 1000)
        about = windows.key.removeprefix(f"{self.rule.about}:")
        return {**fields, self.rule.about: about, **attributes}, evidence

    def _measured(
        self,
        key: str,
        window: int,
        attributes: Mapping[str, Any],
        evidence: Sequence[Evidence],
        *,
        mark: Mark = Mark.IN_ORDER,
        corrects: bool = False,
        corrected_by: Sequence[str] = (),
    ) -> Milestone:
        return self.milestone(
            key,
            window + self._every,
            attributes,
            evidence,
            occurrence=[str(window), "corrected"] if corrects else [str(window)],
            mark=mark,
            retraction=bool(corrected_by),
            corrected_by=corrected_by,
        )

    def _final_at(self, window: int) -> int:
        return window + self._every + self._wait + self._correct

    def _kept_until(self, window: int) -> int:
        """Return when nothing can need what is known of a window: it is forgotten when final."""
        return self._final_at(window) + MAX_LAG + self.remember

    def _forgotten_at(self, head: Head) -> int:
        return (head.final_until or 0) + self.remember

    def _windows(self, step: Step, key: str) -> Windows:
        return Windows(step, self.name, self.shape, key, self._every)

    def _keep(self, windows: Windows, head: Head) -> None:
        due = self._due(windows, head)
        windows.keep_head(head, self._forgotten_at(head) if due is None else due.at + head.lag)
