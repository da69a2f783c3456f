"""The nouns of the engine: observations, tracks, milestones and what a step decided.

Times are milliseconds since the Unix epoch, UTC. A key names what a fact is
about: "unit:340000000000000017", "order:SO-1001".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from edge.milestones.evidence import Evidence, evidence

Value = str | int | float | bool | list[str] | None
"""What a field holds. A list only what a gather has listed: no source tells one."""

MILESTONE_KIND = "milestone/"
"""How the kinds begin under which rules hear of milestones; no observation of a source has one."""

KEY_FIELDS = ("order", "unit", "trailer")
"""Fields that name what a story can be told of; `trace` finds signals and milestones by them."""


class Name(StrEnum):
    """The milestones, in the words of the business. Those from `SHORT` on are exceptions."""

    RECEIVED = "received"
    STORED = "stored"
    PICKED = "picked"
    PACKED = "packed"
    LOADED = "loaded"
    DEPARTED = "departed"
    RETURNED = "returned"
    UNPACKED = "unpacked"
    """Units were taken out of another, or all that was in it."""
    SHORT = "short"
    OVER_PICKED = "over_picked"
    UNREAD = "unread"
    """A read point saw something, and read no identifier."""
    MISREAD = "misread"
    """It read one that cannot be: its check digit is wrong."""
    LOST = "lost"
    MEASURED = "measured"
    JAMMED = "jammed"
    MISROUTED = "misrouted"
    """It went another way than planned."""
    ILLEGAL = "illegal"
    """It reached a stage that it cannot have reached, by its lifecycle."""
    UNKNOWN = "unknown"
    """It was seen, and nobody had told of it."""
    DAMAGED = "damaged"
    WEIGHT_MISMATCH = "weight_mismatch"


class Severity(StrEnum):
    """How bad an exception is."""

    INFO = "info"
    """Good to know."""
    WARNING = "warning"
    """Somebody must see to it."""
    CRITICAL = "critical"
    """Until somebody does, a line stands or goods go astray."""


SEVERITY: Mapping[Name, Severity] = {
    Name.SHORT: Severity.WARNING,
    Name.OVER_PICKED: Severity.WARNING,
    Name.UNREAD: Severity.WARNING,
    Name.MISREAD: Severity.WARNING,
    Name.LOST: Severity.CRITICAL,
    Name.JAMMED: Severity.CRITICAL,
    Name.MISROUTED: Severity.CRITICAL,
    Name.ILLEGAL: Severity.WARNING,
    Name.UNKNOWN: Severity.WARNING,
    Name.DAMAGED: Severity.WARNING,
    Name.WEIGHT_MISMATCH: Severity.WARNING,
}
"""The exceptions, and how bad each is unless its rule says otherwise."""


def kind_of(milestone: Name, rule: str | None = None) -> str:
    """Return the kind under which rules hear of a milestone, of whatever rule or of one."""
    return f"{MILESTONE_KIND}{milestone.value}" + (f"/{rule}" if rule else "")


class TimeFrom(StrEnum):
    """Whose clock tells when something happened, if the device's own was never set."""

    PROTOCOL = "protocol"
    """The protocol's time stamp, e.g. that of an OPC UA server."""
    ARRIVAL = "arrival"
    """Ours, at reception: all that is known."""


LATE_NOTE = "late"
"""What is noted of a signal that came when its source's watermark had passed it."""

Notes = Mapping[int, Sequence[str]]
"""What is to be noted of signals, by journal sequence: that they came late, whose time counts."""

_NO_NOTES: Notes = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Observation:
    """A signal, decoded into warehouse words; or a milestone, as other rules hear of it."""

    signal: int
    """Sequence of the signal in the journal: the evidence; of several, the last."""
    source: str
    kind: str
    occurred_at: int
    """By the device's clock."""
    fields: Mapping[str, Value]
    lag: int = 0
    """How much later it was received, by our clock; less than 0 if the device's is ahead."""
    earlier: tuple[int, ...] = ()
    """The other signals that it rests on, if it is a milestone."""
    late: bool = False
    """Whether its source's watermark had passed it when it came."""
    time_from: TimeFrom | None = None
    """Whose clock it happened by; None: the device's, or nobody has stated a time."""

    @property
    def evidence(self) -> Evidence:
        """All signals that it rests on, and how late it was told."""
        return evidence(self.lag, (*self.earlier, self.signal))

    @property
    def notes(self) -> Notes:
        """What a milestone that rests on it must tell of it."""
        if not self.late and self.time_from is None:
            return _NO_NOTES
        noted = [*([LATE_NOTE] if self.late else ()), *([self.time_from] if self.time_from else ())]
        return {self.signal: noted}

    @property
    def received_at(self) -> int:
        """When it was received, by our clock."""
        return self.occurred_at + self.lag


class TrackId(NamedTuple):
    """Whose state it is: a rule or lifecycle by name, or a source; and a key."""

    owner: str
    key: str


@dataclass(frozen=True, slots=True)
class Track:
    """What is known so far of one key under one rule, and its open deadline."""

    state: Mapping[str, Any]
    """JSON; its shape belongs to the operator."""
    due_at: int | None = None
    """When the engine must look again although nothing came; survives a restart."""


class Mark(StrEnum):
    """What a reader must know about the order in which a milestone was concluded."""

    IN_ORDER = "in_order"
    LATE = "late"
    """Evidence came after the time within which the rule waits."""
    OUT_OF_ORDER = "out_of_order"
    """An earlier stage was waited for and has not come."""


@dataclass(frozen=True, slots=True)
class Milestone:
    """A business fact concluded from observations.

    `id` follows from site, rule, key and occurrence alone (see `identity`):
    every run over the same signals gives the same id.
    """

    id: str
    name: Name
    rule: str
    key: str
    """At a destination, milestones of one key arrive in order."""
    occurred_at: int
    attributes: Mapping[str, Any]
    """What the event tells: unit, order, line, item, quantity, requested, read_point, children…"""
    evidence: tuple[int, ...]
    """Signals it was concluded from, by journal sequence."""
    mark: Mark = Mark.IN_ORDER
    retracts: str | None = None
    """Id of the milestone that this one declares to be false."""
    told_through: str | None = None
    """Id of the milestone about the unit around it, if it is told of a unit's content."""
    corrected_by: tuple[str, ...] = ()
    """Of a retraction, the ids of what is true instead; with none, it did not happen at all."""
    rule_version: str = ""
    """Which version of the rule concluded it (see `RuleSettings.version`); "" if not noted."""
    severity: Severity | None = None
    """How bad it is; None if it is no exception."""
    blocks: str | None = None
    """The attribute that names what an exception blocks; see `fields.blocked`."""
    lag: int = field(default=0, compare=False)
    """By how many milliseconds what it rests on was told late: who listens waits as much longer."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a signal was decoded but could not be judged: it goes to quarantine."""

    signal: int
    reason: str


@dataclass(slots=True)
class Decision:
    """What a step of the engine decided, to be committed as one."""

    tracks: dict[TrackId, Track | None] = field(default_factory=dict)
    """Changed tracks; None removes the track."""
    milestones: list[Milestone] = field(default_factory=list)
    """In the order in which each key's destinations must see them."""
    objections: list[Objection] = field(default_factory=list)
    mentions: set[tuple[str, int]] = field(default_factory=set)
    """(key, signal): which signals tell of which unit, order or trailer."""


class Tracks(Protocol):
    """Where the engine finds what is known so far."""

    def get(self, track: TrackId) -> Track | None:
        """Return the committed track, or None."""
        ...

    def between(
        self, owner: str, after: str, until: str, limit: int
    ) -> Sequence[tuple[str, Track]]:
        """Return an owner's committed tracks, by key: the first between the two."""
        ...


class Engine(Protocol):
    """The rules engine, as its callers see it."""

    def collapse(self, observations: Iterable[Observation], tracks: Tracks) -> Decision:
        """Judge observations in the order given.

        Pure: reads no clock and changes none of its arguments. The same
        observations over the same tracks give the same decision, split into
        whatever batches.
        """
        ...

    def expire(self, due: Iterable[TrackId], tracks: Tracks, horizon: int) -> Decision:
        """Judge tracks whose deadline has passed.

        `horizon` is the time up to which everything that was said has been
        judged: what has not happened by then has not happened.
        """
        ...

    def tell(self, milestones: Sequence[Milestone], tracks: Tracks) -> Decision:
        """Take milestones that were concluded elsewhere, as if these rules had done so."""
        ...

    def owners(self) -> Mapping[str, frozenset[str]]:
        """Return whose tracks there are, with their sources, also those of rules listened to.

        Deadlines are to be judged in this order, up to a horizon each of which is no
        later than those before it on the same sources: what is held of the sources,
        then rules, each after those that it listens to, then lifecycles.
        """
        ...

    def horizon(self, owner: str, heard: int, tracks: Tracks) -> int:
        """Return up to when an owner's deadlines may be judged.

        `heard` is the time up to which everything that its sources said has been taken.
        """
        ...
