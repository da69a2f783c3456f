"""The nouns of a scenario. Offsets are seconds from the start of play."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

Detail = str | int | tuple[str, ...]

ACTION_SECONDS = {"INITIALIZING": 0.1, "RUNNING": 0.25}
"""How long an action of a vehicle stays in each status before it is FINISHED."""
TRAVEL_SECONDS = 1.2
"""From the sorter to storage."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Something true that the business must learn, once and with exactly this content."""

    name: str
    """The milestone's name: received, stored, picked, …"""
    key: str
    """What it is about: `unit:<sscc>` or `order:<order>`."""
    detail: tuple[tuple[str, Detail], ...] = ()
    """What must be told of it, by name, sorted."""

    @classmethod
    def of(cls, name: str, key: str, **detail: Detail) -> Self:
        """Return the fact with its detail in the canonical order."""
        return cls(name, key, tuple(sorted(detail.items())))


@dataclass(frozen=True, slots=True)
class Report:
    """What a floor device publishes over MQTT, QoS 1. `time` is added when it is played."""

    topic: str
    fields: Mapping[str, str | int]
    occurred: float


@dataclass(frozen=True, slots=True)
class Record:
    """What a PLC writes into its record buffer. `n` and `time` are added when it is played."""

    fields: Mapping[str, str | int]
    occurred: float


@dataclass(frozen=True, slots=True)
class Transport:
    """An order to a vehicle: pick up these units at the sorter and drop each in storage."""

    order: str
    units: tuple[str, ...]
    hold: float
    """Seconds that its finished actions stay in the vehicle's state before the next order."""

    @property
    def seconds(self) -> float:
        """How long the vehicle needs, without the hold."""
        return 2 * len(self.units) * sum(ACTION_SECONDS.values()) + TRAVEL_SECONDS


@dataclass(frozen=True, slots=True)
class Garbage:
    """What a broken scanner sends. It means nothing."""

    topic: str
    payload: bytes


Message = Report | Record | Transport | Garbage


@dataclass(frozen=True, slots=True)
class Act:
    """A device says something at an offset, which may be later than when it occurred."""

    offset: float
    device: str
    message: Message


@dataclass(frozen=True, slots=True)
class Scenario:
    """One play of the site."""

    seed: int
    seconds: float
    acts: tuple[Act, ...]
    """In the order of their offsets."""
    truth: tuple[Fact, ...]
    """In the order in which they occur; no fact twice."""

    def order_of(self, key: str) -> tuple[Fact, ...]:
        """Return the facts of one key in the order in which they occur."""
        return tuple(fact for fact in self.truth if fact.key == key)

    @property
    def vehicles(self) -> tuple[str, ...]:
        """Serial numbers of the vehicles that it needs."""
        return tuple(
            sorted({act.device for act in self.acts if isinstance(act.message, Transport)})
        )


@dataclass(slots=True)
class Draft:
    """A scenario in the making: what happens, before devices delay and repeat it."""

    happenings: list[Act] = field(default_factory=list)
    """Acts whose offset is when they occur."""
    facts: list[tuple[float, Fact]] = field(default_factory=list)

    def report(self, at: float, device: str, topic: str, **fields: str | int) -> None:
        """Let a floor device see something."""
        self.happenings.append(Act(at, device, Report(topic, fields, at)))

    def record(self, at: float, device: str, **fields: str | int) -> None:
        """Let the PLC see something."""
        self.happenings.append(Act(at, device, Record(fields, at)))

    def fact(self, at: float, fact: Fact) -> None:
        """Make something true."""
        self.facts.append((at, fact))
