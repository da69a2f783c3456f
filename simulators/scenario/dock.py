"""Trailers at the dock's doors, and units that come back."""

from collections.abc import Sequence
from random import Random

from simulators.scenario.identifiers import sscc
from simulators.scenario.model import Draft, Fact
from simulators.scenario.outbound import Carton

DOORS = 6
CARTONS_PER_TRAILER = 8
NEW_RETURNS = 4
RETURNS_OF_DEPARTED = 2

Departed = tuple[float, str]
"""When a carton left, and which."""


def load_trailers(draft: Draft, rng: Random, cartons: Sequence[Carton]) -> list[Departed]:
    """Let cartons be loaded in the order in which they were packed; return when each left."""
    ready = sorted(cartons, key=lambda carton: carton.packed_at)
    free = dict.fromkeys(range(1, DOORS + 1), 0.0)
    departed: list[Departed] = []
    for number, first in enumerate(range(0, len(ready), CARTONS_PER_TRAILER), start=1):
        load = ready[first : first + CARTONS_PER_TRAILER]
        door = min(free, key=free.__getitem__)
        begin = max(load[-1].packed_at + rng.uniform(2.2, 2.6), free[door])
        left = _load(draft, rng, door, trailer=f"TR-{number:04d}", begin=begin, cartons=load)
        free[door] = left + 0.5
        departed += [(left, carton.unit) for carton in load]
    return departed


def _load(
    draft: Draft, rng: Random, door: int, *, trailer: str, begin: float, cartons: Sequence[Carton]
) -> float:
    place: dict[str, str | int] = {"read_point": f"dock-door-{door}", "trailer": trailer}
    scanned = begin
    loaded = []
    for carton in cartons:
        scanned += rng.uniform(0.15, 0.3)
        at = scanned + rng.uniform(1.0, 2.0)
        draft.record(
            scanned, f"plc-door-{door}-scanner", type="door-scan", **place, unit=carton.unit
        )
        draft.record(at, f"plc-door-{door}-eye", type="load", **place, unit=carton.unit)
        draft.fact(at, Fact.of("loaded", f"unit:{carton.unit}", order=carton.order))
        loaded.append(at)
    left = max(loaded) + rng.uniform(1.0, 1.4)
    draft.record(left, f"plc-door-{door}-panel", type="release", **place, count=len(cartons))
    for carton in cartons:
        draft.fact(left, Fact.of("departed", f"unit:{carton.unit}", order=carton.order))
    return left


def come_back(draft: Draft, rng: Random, seconds: float, departed: Sequence[Departed]) -> None:
    """Let some units come back: new ones, one of them twice, and cartons of the first trailers."""
    units = [sscc(900_000 + number) for number in range(NEW_RETURNS)]
    visits = [(rng.uniform(1.0, seconds - 6.0), unit) for unit in units]
    visits.append((visits[0][0] + rng.uniform(4.0, 5.0), units[0]))
    first = sorted(departed)[: 2 * RETURNS_OF_DEPARTED]
    visits += [
        (max(left + 3.0, seconds - rng.uniform(0.5, 2.0)), unit)
        for left, unit in rng.sample(first, RETURNS_OF_DEPARTED)
    ]
    for number, (at, unit) in enumerate(sorted(visits), start=1):
        rma = f"RMA-{number:05d}"
        draft.report(at, "scanner-returns-1", "dc/scanner/returns-1/scan", barcode=unit, rma=rma)
        draft.fact(at, Fact.of("returned", f"unit:{unit}", rma=rma))
