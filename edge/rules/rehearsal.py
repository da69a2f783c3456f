"""Collapsing signals in memory: nothing is stored, nothing is sent."""

import heapq
from collections.abc import Iterable

from drivers.contract import Signal
from edge.config import Configuration
from edge.milestones.decode import Decoder, Malformed, sources_of
from edge.milestones.engine import RulesEngine
from edge.milestones.epcis import Unencodable, encode
from edge.milestones.model import Decision, Milestone, Track, TrackId
from edge.milestones.site import Site


class _Tracks:
    """Tracks in memory, with their deadlines in order."""

    def __init__(self) -> None:
        self._tracks: dict[TrackId, Track] = {}
        self._deadlines: list[tuple[int, TrackId]] = []

    def get(self, track: TrackId) -> Track | None:
        """Return the track, or None."""
        return self._tracks.get(track)

    def change(self, decision: Decision) -> None:
        """Take over what a step decided."""
        for track, new in decision.tracks.items():
            if new is None:
                self._tracks.pop(track, None)
                continue
            self._tracks[track] = new
            if new.due_at is not None:
                heapq.heappush(self._deadlines, (new.due_at, track))

    def next_due(self, until: float) -> tuple[int, set[TrackId]] | None:
        """Take the next deadline up to a time, and the tracks that have it, or have had it."""
        if not self._deadlines or self._deadlines[0][0] > until:
            return None
        at = self._deadlines[0][0]
        due = set()
        while self._deadlines and self._deadlines[0][0] == at:
            due.add(heapq.heappop(self._deadlines)[1])
        return at, due


class Rehearsal:
    """The configuration's decoding, rules and lifecycles at work, over signals as they came.

    Time is what it is told: all sources count as heard until then.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._decoder = Decoder(configuration.observations)
        self._engine = RulesEngine(
            configuration.site.uri,
            configuration.rules,
            configuration.lifecycles,
            sources_of(configuration.observations),
        )
        self._site = Site(configuration.site.uri, configuration.site.zone_offset)
        self._tracks = _Tracks()
        self._known: set[str] = set()
        self.milestones: list[Milestone] = []
        """Each once, in the order in which they were concluded."""
        self.quarantined: list[tuple[int, str]] = []
        """Signals that could not be decoded, judged or told, by number, and why."""
        self.ignored: set[int] = set()
        """Signals that no observation is about, by number."""

    def take(self, signals: Iterable[tuple[int, str, Signal]]) -> None:
        """Judge signals, each with a number that grows and the source that said it."""
        observations = []
        for number, source, signal in signals:
            try:
                decoded = self._decoder.decode(number, source, signal)
            except Malformed as error:
                self.quarantined.append((number, str(error)))
                continue
            observations += decoded
            if not decoded:
                self.ignored.add(number)
        self._conclude(self._engine.collapse(observations, self._tracks))

    def pass_time(self, until: float) -> None:
        """Judge the deadlines up to a time, one after the other (ms; `inf`: all there are)."""
        while (next_due := self._tracks.next_due(until)) is not None:
            at, due = next_due
            self._conclude(self._engine.expire(due, self._tracks, at))

    def _conclude(self, decision: Decision) -> None:
        self._tracks.change(decision)
        self.quarantined += [(each.signal, each.reason) for each in decision.objections]
        for milestone in decision.milestones:
            if milestone.id in self._known:
                continue
            try:
                encode(milestone, self._site)
            except Unencodable as error:
                reason = f"{milestone.name} of {milestone.key} cannot be told: {error}"
                self.quarantined += [(signal, reason) for signal in milestone.evidence[-1:]]
                continue
            self._known.add(milestone.id)
            self.milestones.append(milestone)
