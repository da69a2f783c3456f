"""A site for the engine's tests: observations in, everything decided kept."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Any, Self

import orjson
import pytest
from pydantic import TypeAdapter

from edge.milestones.engine import RulesEngine
from edge.milestones.model import (
    Decision,
    Milestone,
    Objection,
    Observation,
    TimeFrom,
    Value,
)
from edge.milestones.rules import Lifecycle, Rule
from tests.known_tracks import KnownTracks

RULES = TypeAdapter(dict[str, Rule])
LIFECYCLES = TypeAdapter(dict[str, Lifecycle])


def _engine(rules: bytes, lifecycles: bytes, reorder: int) -> RulesEngine:
    """Return an engine for rules and lifecycles as JSON has them."""
    parsed = RULES.validate_json(rules)
    patterns = [pattern for rule in parsed.values() for pattern in rule.patterns()]
    return RulesEngine(
        "dc-north",
        parsed,
        LIFECYCLES.validate_json(lifecycles),
        {each.kind: frozenset({"floor"}) for each in patterns if each.kind},
        {"floor": reorder},
    )


class Site:
    """An engine with its tracks, which are JSON between any two steps, as in the store."""

    def __init__(
        self,
        rules: Mapping[str, Any],
        lifecycles: Mapping[str, Any] | None = None,
        *,
        reorder: int = 0,
    ) -> None:
        self.engine = _engine(orjson.dumps(rules), orjson.dumps(lifecycles or {}), reorder)
        self._begin()

    def _begin(self) -> None:
        self.tracks = KnownTracks()
        self.milestones: list[Milestone] = []
        self.objections: list[Objection] = []
        self.mentions: set[tuple[str, int]] = set()
        self.signals = 0

    def anew(self) -> Self:
        """Return a site with the same engine that has heard nothing yet."""
        other = copy(self)
        other._begin()
        return other

    def see(
        self,
        kind: str,
        at: int,
        *,
        lag: int = 0,
        time_from: TimeFrom | None = None,
        **fields: Value,
    ) -> Decision:
        """Judge one observation and commit; it was told so much later than it happened."""
        self.signals += 1
        observation = Observation(self.signals, "floor", kind, at, fields, lag, time_from=time_from)
        return self.judge([observation])

    def judge(self, observations: Sequence[Observation]) -> Decision:
        """Judge observations as one batch and commit."""
        return self._commit(self.engine.collapse(observations, self.tracks))

    def listen_until(self, heard: int) -> None:
        """Judge what may be judged when all that was said until then has been taken."""
        for owner in self.engine.owners():
            horizon = self.engine.horizon(owner, heard, self.tracks)
            due = self.tracks.due(owner, horizon)
            self._commit(self.engine.expire(due, self.tracks, horizon))

    def hear_until(self, horizon: int) -> Decision:
        """Judge all deadlines up to the horizon and commit."""
        due = [
            track
            for track, known in self.tracks.items()
            if known.due_at is not None and known.due_at <= horizon
        ]
        return self._commit(self.engine.expire(due, self.tracks, horizon))

    @property
    def told(self) -> list[tuple[str, str, int]]:
        """Name, key and time of each milestone, in order; a retraction's name has a minus."""
        return [
            (f"-{each.name}" if each.retracts else each.name.value, each.key, each.occurred_at)
            for each in self.milestones
        ]

    @property
    def reasons(self) -> list[str]:
        """The reasons of all objections."""
        return [objection.reason for objection in self.objections]

    def _commit(self, decision: Decision) -> Decision:
        self.tracks.commit(decision)
        self.milestones += decision.milestones
        self.objections += decision.objections
        self.mentions |= decision.mentions
        return decision


@pytest.fixture
def site() -> Callable[..., Site]:
    """Return what makes a site from rules and lifecycles, as they stand in the configuration."""
    return Site
