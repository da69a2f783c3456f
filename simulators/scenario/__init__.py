"""What truly happens in a site, and everything its devices say about it.

`plan(seed, seconds)` returns a `Scenario`: the acts of the devices in the order
of time, and the facts that a business must learn from them. Nothing here does
input or output or reads a clock: the same arguments give the same scenario.
"""

from simulators.scenario.model import (
    Act,
    Fact,
    Garbage,
    Message,
    Record,
    Report,
    Scenario,
    Transport,
)
from simulators.scenario.plan import plan

__all__ = [
    "Act",
    "Fact",
    "Garbage",
    "Message",
    "Record",
    "Report",
    "Scenario",
    "Transport",
    "plan",
]
