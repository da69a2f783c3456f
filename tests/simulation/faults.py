"""Which faults a simulation meets: each seed draws a few kinds, and how hard they strike.

All kinds at once hide each other: with a quarter of them enabled a world is
quiet enough to get into trouble that a noisy one never reaches.
"""

import random
from dataclasses import dataclass
from enum import Enum, auto

from tests.simulation.destinations import Ways


class Fault(Enum):
    """A kind of trouble."""

    CRASH = auto()
    """The process is killed between two steps; requests under way go on without it."""
    STOP = auto()
    """The process is stopped in order, and started again."""
    SLOW_DISK = auto()
    SLOW_READER = auto()
    """What is read of the store is out of date when it is known."""
    FAILING_DISK = auto()
    FULL_DISK = auto()
    CUT = auto()
    """A source's connection breaks."""
    LOST_ACKNOWLEDGEMENT = auto()
    REPEATS = auto()
    """Devices say a thing twice."""
    LATE = auto()
    """Devices tell what happened later than they noticed it."""
    SLOW_CLOCKS = auto()
    """The devices' clocks are behind."""
    JUMPING_CLOCK = auto()
    ANSWERS = auto()
    """Destinations answer in all the ways they have."""
    POISON = auto()
    DOWN = auto()
    """A destination is away for long."""
    OPERATOR = auto()
    """Somebody retries and discards dead letters."""
    SHUFFLE = auto()
    """What is ready runs in any order."""


@dataclass(frozen=True, slots=True)
class Mix:
    """What is drawn for a seed."""

    faults: frozenset[Fault]
    stories: int
    seconds: float
    """How long things happen, and faults strike."""
    pace: float
    """How coarse time is: seconds between two looks at deadlines, and between retries at most."""
    ways: dict[Ways, float]
    poison: float
    signals_under_way: int
    signals_at_once: int
    """How many a driver hands in together at most."""
    signals_waiting: int
    """How many may wait for a commit, in each lane."""
    max_in_flight: int
    batch_limit: int
    window: int
    behind: float
    """Seconds by which the devices' clocks are."""
    holds: bool
    """Whether a dead letter holds its key, at the destination that can be asked."""


def mix(draw: random.Random) -> Mix:
    """Draw a mix."""
    share = draw.choice([0.15, 0.3, 0.5, 0.8])
    faults = frozenset(fault for fault in Fault if draw.random() < share)
    is_long = draw.random() < 0.1
    ways = {way: draw.choice([0.05, 0.2, 0.5]) for way in Ways if draw.random() < 0.4}
    return Mix(
        faults=faults,
        stories=60 if draw.random() < 0.02 else draw.choice([2, 4, 6, 10]),
        seconds=draw.uniform(600, 7200) if is_long else draw.uniform(5, 40),
        pace=60.0 if is_long else draw.choice([1.5, 5.0]),
        ways=ways if Fault.ANSWERS in faults else {},
        poison=draw.choice([0.05, 0.3]) if Fault.POISON in faults else 0.0,
        signals_under_way=draw.choice([1, 3, 10, 50]),
        signals_at_once=draw.choice([1, 3, 50]),
        signals_waiting=draw.choice([1, 5, 20_000]),
        max_in_flight=draw.choice([1, 2, 4, 8]),
        batch_limit=draw.choice([1, 2, 5, 50]),
        window=draw.choice([2, 4, 10, 1000]),
        behind=draw.uniform(1, 55) if Fault.SLOW_CLOCKS in faults else 0.0,
        holds=draw.random() < 0.7,
    )
