"""What is known of one key that is summarised: a head, its windows, and the slices of each.

Each is a track of its own. A batch rewrites the slice that it falls into, and
neither what a minute at ten samples a second holds nor the hour before it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from edge.milestones.evidence import Evidence
from edge.milestones.fields import joined
from edge.milestones.model import TrackId, Value
from edge.milestones.operators.samples import Sample, Samples, added
from edge.milestones.step import State, Step

SLICES = 20
"""Parts of a window."""
SLICE_LIMIT = 500
"""Samples of a slice; so a window holds 10,000 at most."""


class Held(NamedTuple):
    """The state that was told last before some time, kept in a track as a list."""

    state: str
    at: int
    evidence: Evidence
    fields: Mapping[str, Value]


class Head(NamedTuple):
    """Where a key stands. Windows go by their start."""

    sampled: Sequence[int] = ()
    """Windows with samples that are not final, earliest first."""
    told: Sequence[int] = ()
    """Windows that have been told and are not final, earliest first."""
    told_until: int | None = None
    """All that there was to tell of the time before it has been told; what still comes is late."""
    final_until: int | None = None
    """Nothing is taken any more that happened before it."""
    held: Held | None = None
    """The state that was told last before `final_until`."""
    lag: int = 0
    """How late the latest of its samples was told: so much longer is each window waited for."""


class Windows:
    """The tracks of one key under one rule, as a step sees them."""

    def __init__(self, step: Step, owner: str, shape: str, key: str, every: int) -> None:
        self.key = key
        self._step = step
        self._owner = owner
        self._shape = shape
        self._every = every

    def head(self) -> Head:
        """Return where the key stands."""
        state = self._recall()
        return Head() if state is None else head_of(state)

    def keep_head(self, head: Head, due_at: int) -> None:
        """Remember where the key stands, and look again at `due_at`."""
        state = {
            "sampled": list(head.sampled),
            "told": list(head.told),
            "told_until": head.told_until,
            "final_until": head.final_until,
            "held": head.held and list(head.held),
            "lag": head.lag,
        }
        self._keep([], state, due_at)

    def add(
        self, window: int, sample: Sample, fields: Mapping[str, Value], kept_until: int
    ) -> tuple[bool, Sample | None]:
        """Add a sample to its slice.

        Return whether that changes anything, and what had to leave a full
        slice: its latest sample, so that it is the same in whatever order
        they come.
        """
        part = [str(window), str((sample.at - window) * SLICES // self._every)]
        state = self._recall(*part)
        known = None if state is None else _samples(state)
        samples = added(known, sample, fields)
        if samples is known:
            return False, None
        readings, beyond = samples.readings[:SLICE_LIMIT], samples.readings[SLICE_LIMIT:]
        rows = [list(each) for each in readings]
        self._keep(part, {"readings": rows, "fields": samples.fields}, kept_until)
        return True, beyond[0] if beyond else None

    def slices(self, window: int, *, backwards: bool = False) -> Iterator[Samples]:
        """Yield what was sampled in a window, by slices, in the order of time or against it."""
        for number in reversed(range(SLICES)) if backwards else range(SLICES):
            state = self._recall(str(window), str(number))
            if state is not None:
                yield _samples(state)

    def held(self, head: Head, time: int) -> Held | None:
        """Return the state that was told last before a time that is between windows."""
        for window in reversed(head.sampled):
            if window >= time:
                continue
            for samples in self.slices(window, backwards=True):
                for each in reversed(samples.readings):
                    if each.state is not None:
                        return Held(each.state, each.at, each.evidence, samples.fields)
        return head.held

    def told(self, window: int) -> Mapping[str, Any] | None:
        """Return what was told of a window, or None if nothing was."""
        state = self._recall(str(window))
        return None if state is None else state["told"]

    def keep_told(self, window: int, attributes: Mapping[str, Any], kept_until: int) -> None:
        """Remember what was told of a window."""
        self._keep([str(window)], {"told": attributes}, kept_until)

    def forget(self, window: int) -> None:
        """Know nothing of a window any more."""
        parts = [[str(window)], *([str(window), str(number)] for number in range(SLICES))]
        for part in parts:
            if self._recall(*part) is not None:
                self._step.forget(self._track(part))

    def _recall(self, *part: str) -> State | None:
        return self._step.recall(self._track(part), self._shape)

    def _keep(self, part: Sequence[str], state: State, due_at: int) -> None:
        self._step.keep(self._track(part), self._shape, state, due_at)

    def _track(self, part: Sequence[str]) -> TrackId:
        return TrackId(self._owner, joined(self.key, part))


def is_head(state: State) -> bool:
    """Tell a head's track from those of its windows and slices."""
    return "sampled" in state


def head_of(state: State) -> Head:
    """Return the head that a track has kept."""
    return Head(
        state["sampled"],
        state["told"],
        state["told_until"],
        state["final_until"],
        state["held"] and Held(*state["held"]),
        state["lag"],
    )


def _samples(state: State) -> Samples:
    return Samples([Sample(*row) for row in state["readings"]], state["fields"])
