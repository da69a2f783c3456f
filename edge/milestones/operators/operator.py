"""What all operators have in common."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, Self, TypeVar

from edge.milestones.evidence import Evidence, lag_of, signals_of
from edge.milestones.identity import milestone_id
from edge.milestones.model import (
    SEVERITY,
    Mark,
    Milestone,
    Name,
    Observation,
    TrackId,
)
from edge.milestones.rules import Pattern, Rule
from edge.milestones.step import State, Step

R_co = TypeVar("R_co", bound=Rule, covariant=True)

Judge = Callable[[Observation, Step], Sequence[Milestone]]
"""Takes an observation that its pattern matches; returns what is concluded from it.

Raises `Unjudgeable` if a field is missing; what it has kept by then stays kept.
"""

NOTHING: Sequence[Milestone] = ()

DAY = 86_400_000

FORMER = "former:"
"""How the owners begin of tracks that rules finish which were replaced."""


def milliseconds(seconds: float) -> int:
    """Return a duration from the configuration in the engine's unit."""
    return round(seconds * 1000)


class NotBegun(Exception):
    """What is told is for another version of the rule."""


def former_owner(name: str, rule: Rule) -> str:
    """Return whose tracks those of a finishing rule are: labels have no colon."""
    return f"{FORMER}{name}:{rule.version}"


class Operator(ABC, Generic[R_co]):
    """One configured rule at work. It has no state of its own: that is in its tracks."""

    shape: str
    """Names the form of the operator's tracks."""

    def __init__(self, site: str, name: str, rule: R_co) -> None:
        self.site = site
        self.name = name
        self.rule = rule
        self.remember = round(rule.remember_days * DAY)
        self.owner = name
        """Whose its tracks are."""

    @property
    def is_finishing(self) -> bool:
        """Whether it goes on with what it has begun, and begins nothing."""
        return self.owner != self.name

    def finishing(self) -> Self:
        """Have it finish what is under way: another version of its rule has taken its place.

        What it has told is remembered by the other version, as far as that can read it.
        """
        self.owner = former_owner(self.name, self.rule)
        return self

    @abstractmethod
    def listens(self) -> Sequence[tuple[Pattern, Judge]]:
        """Return what the rule listens to, and who judges it."""

    @abstractmethod
    def expire(self, track: TrackId, state: State, horizon: int, step: Step) -> Sequence[Milestone]:
        """Judge a track whose deadline is over.

        At the horizon, all that happened before has been told, but by devices that tell late:
        what is waited for, is waited for as much longer as its evidence was late (`lag_of`).
        """

    @abstractmethod
    def open_evidence(self, state: State) -> Sequence[Evidence]:
        """Return what something may yet be concluded from; nothing if the track only remembers."""

    def recall(self, step: Step, key: str) -> State | None:
        """Return what the rule knows of a key.

        If all is judged in order, a deadline that was over when that happened which is
        judged now counts as if the engine had looked at it then.

        Raises:
            NotBegun: It goes on with what it has begun, and this is none of it.

        """
        track = TrackId(self.owner, key)
        known = step.recall(track, self.shape)
        if known is None and self.is_finishing:
            raise NotBegun
        if known is not None and step.is_overdue(track):
            step.overdue += self.expire(track, known, step.before - 1, step)
            known = step.recall(track, self.shape)
        return known

    def keep(self, step: Step, key: str, state: State, due_at: int) -> None:
        """Remember of a key `state`, and look again at `due_at`."""
        track = TrackId(self.owner, key)
        if self.is_finishing and not self.open_evidence(state):
            step.forget(track)
            track = TrackId(self.name, key)
            if step.track(track) is not None:
                return
        step.keep(track, self.shape, state, due_at)

    def object(self, step: Step, signal: int, reason: str) -> None:
        """Say why a signal could not be judged by this rule."""
        step.object(signal, f"rule {self.name}: {reason}")

    def milestone(
        self,
        key: str,
        occurred_at: int,
        attributes: Mapping[str, Any],
        evidence: Iterable[Evidence],
        *,
        name: Name | None = None,
        occurrence: Sequence[str | None] = (),
        mark: Mark = Mark.IN_ORDER,
        retraction: bool = False,
        corrected_by: Sequence[str] = (),
    ) -> Milestone:
        """Return the milestone, with its id; a retraction refers to what it retracts."""
        name = name or self.rule.milestone
        pieces = list(evidence)
        identity = partial(
            milestone_id, occurred_at, self.site, self.name, name, key, occurrence=occurrence
        )
        return Milestone(
            id=identity(retraction=retraction),
            name=name,
            rule=self.name,
            key=key,
            occurred_at=occurred_at,
            attributes=attributes,
            evidence=signals_of(pieces),
            mark=mark,
            retracts=identity() if retraction else None,
            corrected_by=tuple(corrected_by),
            rule_version=self.rule.version,
            severity=self.rule.severity_of(name),
            blocks=self.rule.blocks if name in SEVERITY else None,
            lag=lag_of(pieces),
        )
