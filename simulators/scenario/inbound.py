"""Units that arrive: the dock's scanner, the conveyor, a vehicle, storage."""

import math
from collections.abc import Sequence
from random import Random

from simulators.scenario.identifiers import sscc
from simulators.scenario.model import Act, Draft, Fact, Transport

UNITS = 150
LOST = 6
LANES = 4
DOCKS = ("dock-in-1", "dock-in-2")

END_MARGIN = 11.0
"""Seconds from the last arrival to the end: conveyor, vehicle and hold take that long."""
SHORTEST_HOLD = 6.0
"""Seconds; by then whoever missed a state, because it died and came back, has had it again."""

Diverted = tuple[float, str]
"""When a unit came to its lane, and which."""


def arrive(draft: Draft, rng: Random, seconds: float) -> None:
    """Let all inbound units arrive, and be stored or lost."""
    units = [sscc(100_000 + number) for number in range(UNITS)]
    lost = set(rng.sample(units, LOST))
    last = min(0.75 * seconds, seconds - END_MARGIN)
    diverted: list[Diverted] = []
    for at, unit in zip(sorted(rng.uniform(0.2, last) for _ in units), units, strict=True):
        dock = rng.choice(DOCKS)
        draft.report(at, f"scanner-{dock}", f"dc/scanner/{dock}/scan", barcode=unit)
        draft.fact(at, Fact.of("received", f"unit:{unit}"))

        infeed = at + rng.uniform(1.0, 2.5)
        draft.record(infeed, "plc-infeed", type="scan", read_point="infeed-1", unit=unit)
        if unit in lost:
            draft.fact(infeed, Fact.of("lost", f"unit:{unit}"))
            continue
        divert = infeed + rng.uniform(1.0, 3.0)
        lane = rng.randint(1, LANES)
        draft.record(
            divert, "plc-sorter", type="divert", read_point="sorter-1", unit=unit, lane=lane
        )
        diverted.append((divert, unit))
    store(draft, rng, seconds, sorted(diverted))


def store(draft: Draft, rng: Random, seconds: float, diverted: Sequence[Diverted]) -> None:
    """Let as many vehicles as it takes carry the units from their lanes to storage."""
    hold = min(10.0, max(SHORTEST_HOLD, seconds / 10))
    batches: list[Sequence[Diverted]] = []
    taken = 0
    while taken < len(diverted):
        size = rng.randint(2, 5)
        batches.append(diverted[taken : taken + size])
        taken += size

    work = sum(_transport(0, batch, hold).seconds + hold for batch in batches)
    window = seconds - batches[0][-1][0]
    free = dict.fromkeys((f"amr-{n:02d}" for n in range(1, math.ceil(work / window) + 2)), 0.0)
    for number, batch in enumerate(batches, start=1):
        transport = _transport(number, batch, hold)
        vehicle = min(free, key=free.__getitem__)
        start = max(batch[-1][0] + rng.uniform(0.3, 0.5), free[vehicle])
        stored = start + transport.seconds
        free[vehicle] = stored + hold
        draft.happenings.append(Act(start, vehicle, transport))
        for unit in transport.units:
            draft.fact(stored, Fact.of("stored", f"unit:{unit}"))


def _transport(number: int, batch: Sequence[Diverted], hold: float) -> Transport:
    return Transport(f"T-{number:06d}", tuple(unit for _, unit in batch), hold)
