"""A source's observations in the order in which they happened, in whatever order they come.

A source that has `reorder_seconds` has a watermark: the latest time that it was
heard to tell of, less those seconds. What happened at or after the watermark is
held; what the watermark passes is judged, in the order of event time. What comes
when the watermark has passed it already is late.

Promise 2: what is held is in tracks, one for each observation, committed with the
signals. Their keys begin with the time: a range of keys is a range of time.
"""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import blake2b
from heapq import heappop, heappush
from json import JSONEncoder

from edge.milestones.evidence import MAX_LAG
from edge.milestones.model import Observation, TimeFrom, Track, TrackId, Tracks
from edge.milestones.step import Step

RELEASE_LIMIT = 1_000
"""Observations released by one step beyond as many as it holds: a transaction stays short."""

_PAGE = 200
SOURCE = "source:"
"""How the owners begin of what is held; no rule's does, for no label has a colon."""

_WATERMARK = "watermark"  # sorts after the key of everything held
_MIDDLE = 1 << 63
_DIGITS = len(str(2 * _MIDDLE))
_encode = JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def owner_of(source: str) -> str:
    """Return whose tracks those of a source are."""
    return f"{SOURCE}{source}"


def judged_until(source: str, bound: int, heard: int, tracks: Tracks) -> int:
    """Return the time up to which all that a source said has been judged.

    `heard` is the time, by our clock, up to which everything that it said has been
    taken. It may say for `bound` milliseconds more what happened before; and what is
    held has not been judged.
    """
    earliest = tracks.between(owner_of(source), "", _WATERMARK, 1)
    if not earliest:
        return heard - bound
    return min(heard - bound, _time_of(earliest[0][0]) - 1)


class Hold:
    """What one source has told, as one step sees it: some of it is held."""

    def __init__(self, source: str, bound: int, step: Step) -> None:
        """`bound` is by how many milliseconds it may tell things out of order."""
        self._owner = owner_of(source)
        self._source = source
        self._bound = bound
        self._step = step
        known = step.track(TrackId(self._owner, _WATERMARK))
        self._known = self._watermark = None if known is None else int(known.state["at"])
        self._told: dict[str, Observation] = {}
        self._keys: list[str] = []  # a heap of those of `_told`
        self._stored: list[tuple[str, Track]] = []  # a page of what is held already, the last first
        self._read_until = ""
        self._left = RELEASE_LIMIT

    def is_late(self, observation: Observation) -> bool:
        """Tell whether the watermark has passed it."""
        return self._watermark is not None and self.position(observation) < self._watermark

    def take(self, observation: Observation) -> None:
        """Hold what is not late, and move the watermark if it is the latest."""
        position = self.position(observation)
        digest = blake2b(_encode(_told(observation)).encode(), digest_size=8).hexdigest()
        # The signal comes last: what is told twice lies side by side, whichever comes first.
        key = f"{_prefix(position)} {digest} {observation.signal:019}"
        if key not in self._told:
            heappush(self._keys, key)
            self._told[key] = observation
            self._left += 1
        # One clock that is fast must not make what all others tell late.
        believable = min(observation.occurred_at, observation.received_at)
        self._advance(believable - self._bound)

    def give_up(self, track: TrackId, horizon: int) -> None:
        """Wait no longer for what happened before what the track holds, if its time is over."""
        known = self._step.committed.get(track)
        if known is not None and known.due_at is not None and known.due_at <= horizon:
            self._advance(_time_of(track.key) + 1)

    def release(self) -> Iterator[Observation]:
        """Give back in order what the watermark has passed, as much as a step may judge."""
        while self._left > 0 and self._watermark is not None:
            until = _prefix(self._watermark)
            self._read(until)
            told = self._keys[0] if self._keys else until
            if self._stored and self._stored[-1][0] < told:
                key, track = self._stored.pop()
                self._step.forget(TrackId(self._owner, key))
                observation = _observation(self._source, track)
            elif told < until:
                observation = self._told.pop(heappop(self._keys))
            else:
                return
            self._left -= 1
            yield observation

    def keep(self) -> None:
        """Remember what is held, and the watermark."""
        for key, observation in self._told.items():
            # Not as long as our clock was wrong when it came: that may have been set since.
            lag = min(max(observation.received_at - _time_of(key), 0), MAX_LAG)
            state = {
                "signal": observation.signal,
                "lag": observation.lag,
                "time_from": observation.time_from,
            }
            track = Track({**state, **_told(observation)}, _time_of(key) + lag + self._bound)
            self._step.put(TrackId(self._owner, key), track)
        if self._watermark is not None and self._watermark != self._known:
            track = Track({"at": self._watermark})
            self._step.put(TrackId(self._owner, _WATERMARK), track)

    def allowed(self, observation: Observation) -> Observation:
        """Return it with the lag that it has beyond the bound: the horizon allows for the rest."""
        return replace(observation, lag=observation.lag - self._bound)

    def position(self, observation: Observation) -> int:
        """Return the time by which it is put in order: a fast clock's counts up to the bound."""
        return min(observation.occurred_at, observation.received_at + self._bound)

    def _advance(self, to: int) -> None:
        self._watermark = to if self._watermark is None else max(self._watermark, to)

    def _read(self, until: str) -> None:
        if self._stored or self._read_until >= until:
            return
        page = self._step.committed.between(self._owner, self._read_until, until, _PAGE)
        self._read_until = until if len(page) < _PAGE else page[-1][0]
        self._stored = list(reversed(page))


def _prefix(time: int) -> str:
    """Return a text that sorts as the time does."""
    return f"{time + _MIDDLE:0{_DIGITS}}"


def _time_of(key: str) -> int:
    return int(key[:_DIGITS]) - _MIDDLE


def _told(observation: Observation) -> dict[str, object]:
    """Return what was told, without who told it to us and when."""
    return {
        "kind": observation.kind,
        "at": observation.occurred_at,
        "fields": dict(observation.fields),
    }


def _observation(source: str, held: Track) -> Observation:
    state = held.state
    return Observation(
        state["signal"],
        source,
        state["kind"],
        state["at"],
        state["fields"],
        state["lag"],
        time_from=TimeFrom(told) if (told := state.get("time_from")) else None,
    )
