"""Collapsing signals in memory: nothing is stored, nothing is sent."""

import heapq
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter

from buffer.journal import SignalRow
from drivers.contract import Signal
from edge.config import Configuration
from edge.milestones.decode import Decoder, Malformed, sources_of
from edge.milestones.engine import RulesEngine
from edge.milestones.epcis import Unencodable, encode
from edge.milestones.model import Decision, Milestone, Observation, Track, TrackId
from edge.milestones.site import Site

_FOREVER = 1 << 62
_REMEMBERED = 1_000_000
"""Milestones that are known to have been concluded: what follows a journal may do so for ever."""


class _Tracks:
    """Tracks in memory, with their deadlines in order."""

    def __init__(self) -> None:
        self._tracks: dict[TrackId, Track] = {}
        self._deadlines: list[tuple[int, TrackId]] = []
        self._keys: dict[str, list[str]] = {}
        """In order; of those owners whose tracks have been asked for by range."""

    def get(self, track: TrackId) -> Track | None:
        """Return the track, or None."""
        return self._tracks.get(track)

    def between(self, owner: str, after: str, until: str, limit: int) -> list[tuple[str, Track]]:
        """Return an owner's tracks, by key: the first after `after` and before `until`."""
        if owner not in self._keys:
            self._keys[owner] = sorted(each.key for each in self._tracks if each.owner == owner)
        keys = self._keys[owner]
        first, end = bisect_right(keys, after), bisect_left(keys, until)
        return [
            (key, self._tracks[TrackId(owner, key)])
            for key in keys[first : min(end, first + limit)]
        ]

    def change(self, decision: Decision) -> None:
        """Take over what a step decided."""
        for track, new in decision.tracks.items():
            keys = self._keys.get(track.owner)
            if keys is not None and (new is None) == (track in self._tracks):
                at = bisect_left(keys, track.key)
                keys[at : at + (new is None)] = [] if new is None else [track.key]
            if new is None:
                self._tracks.pop(track, None)
                continue
            self._tracks[track] = new
            if new.due_at is not None:
                self.look_again(new.due_at, track)

    def items(self) -> Iterable[tuple[TrackId, Track]]:
        """Return all tracks."""
        return self._tracks.items()

    def look_again(self, at: int, track: TrackId) -> None:
        """Have the track among those that are due at a time."""
        heapq.heappush(self._deadlines, (at, track))

    def next_due(self, until: int) -> tuple[int, set[TrackId]] | None:
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
        self.engine = RulesEngine(
            configuration.site.uri,
            configuration.rules,
            configuration.lifecycles,
            sources_of(configuration.observations),
            configuration.reorder,
        )
        self._site = Site(configuration.site.uri, configuration.site.zone_offset)
        self._tracks = _Tracks()
        self._known: dict[str, None] = {}
        self.now = 0
        """When the latest of the signals that were replayed was received."""
        self.milestones: list[Milestone] = []
        """Each once, in the order in which they were concluded."""
        self.quarantined: list[tuple[int, str]] = []
        """Signals that could not be decoded, judged or told, by number, and why."""
        self.ignored: set[int] = set()
        """Signals that no observation is about, by number."""

    def tracks(self) -> Iterable[tuple[TrackId, Track]]:
        """Return what is known so far."""
        return self._tracks.items()

    def take(self, signals: Iterable[tuple[int, str, Signal]]) -> None:
        """Judge signals, each with a number that grows and the source that said it."""
        observations: list[Observation] = []
        for number, source, signal in signals:
            try:
                decoded = self._decoder.decode(number, source, signal)
            except Malformed as error:
                self.quarantined.append((number, str(error)))
                observations += error.observations
                continue
            observations += decoded
            if not decoded:
                self.ignored.add(number)
        self._conclude(self.engine.collapse(observations, self._tracks))

    def replay(self, rows: Iterable[SignalRow], until: float = math.inf) -> None:
        """Judge signals of a journal, each after the deadlines before it, but none after `until`.

        Which of them are ignored is not remembered.
        """
        for row in rows:
            self.now = max(self.now, row.received_at)
            self.pass_time(min(self.now - 1, until))
            signal = Signal(
                row.subject, row.payload, row.received_at, row.source_at, bool(row.good)
            )
            self.take([(row.seq, row.source, signal)])
        self.ignored.clear()

    def take_away(self) -> tuple[list[Milestone], int]:
        """Return what has been concluded, and how many faults were found; both are forgotten."""
        taken, faults = self.milestones, len(self.quarantined)
        self.milestones, self.quarantined = [], []
        return taken, faults

    def pass_time(self, until: float) -> None:
        """Judge the deadlines up to a time, one after the other (ms; `inf`: all there are)."""
        now = int(min(until, _FOREVER))
        waiting: list[tuple[int, TrackId]] = []
        while (next_due := self._tracks.next_due(now)) is not None:
            at, tracks = next_due
            waiting = self._expire([*waiting, *((at, track) for track in tracks)], at)
        for at, track in self._expire(waiting, now):
            self._tracks.look_again(at, track)

    def _expire(self, due: list[tuple[int, TrackId]], now: int) -> list[tuple[int, TrackId]]:
        """Judge what may be judged by then; return what waits for what is held of its sources."""
        waiting: list[tuple[int, TrackId]] = []
        for at, same in groupby(sorted(due), key=itemgetter(0)):
            tracks = set()
            for _, track in same:
                if self.engine.horizon(track.owner, now, self._tracks) < at:
                    waiting.append((at, track))
                else:
                    tracks.add(track)
            if tracks:
                self._conclude(self.engine.expire(tracks, self._tracks, at))
        return waiting

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
            self._known[milestone.id] = None
            if len(self._known) > _REMEMBERED:
                del self._known[next(iter(self._known))]
            self.milestones.append(milestone)
