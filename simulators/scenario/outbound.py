"""Customers' orders: picked line by line, then packed into one or two cartons."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from simulators.scenario.identifiers import gtin, sgtin, sscc
from simulators.scenario.model import Draft, Fact

ORDERS = 44
SHORT_SHARE = 0.08
ITEMS = 60
PICK_STATIONS = 4
PACK_STATIONS = 3

FLOW_SECONDS = 18.0
"""The longest way of an order from its first pick to the departure of its trailer."""
LINE_GAP = 2.5
"""Lines of one order are completed at least this far apart, so that their order is plain."""


@dataclass(slots=True)
class Line:
    """A line of an order, and how much of it is found in the shelf."""

    order: str
    number: str
    item: str
    requested: int
    picked: int


@dataclass(frozen=True, slots=True)
class Carton:
    """A packed carton, ready for its trailer."""

    packed_at: float
    unit: str
    order: str


def ship_orders(draft: Draft, rng: Random, seconds: float) -> list[Carton]:
    """Let every order be picked and packed; return its cartons."""
    orders = {f"SO-{1001 + n}": rng.randint(1, 3) for n in range(ORDERS)}
    lines = [
        Line(order, str(number), gtin(rng.randrange(ITEMS)), quantity, quantity)
        for order, count in orders.items()
        for number in range(1, count + 1)
        for quantity in (rng.randint(1, 4),)
    ]
    for line in rng.sample(lines, round(SHORT_SHARE * len(lines))):
        line.requested = max(2, line.requested)
        line.picked = rng.randint(1, line.requested - 1)

    picks = iter(range(1, 1_000_000))
    cartons: list[Carton] = []
    for number, order in enumerate(orders):
        completed = rng.uniform(0.2, max(1.0, seconds - FLOW_SECONDS)) + rng.uniform(0.8, 1.2)
        for line in (line for line in lines if line.order == order):
            if line.number != "1":
                completed += rng.uniform(LINE_GAP, LINE_GAP + 0.3)
            _pick(draft, rng, line, completed, [next(picks) for _ in range(line.picked)])
        contents = _pieces(rng, [line for line in lines if line.order == order])
        count = 2 if number % 2 and len(contents) > 1 else 1
        begin = completed + rng.uniform(0.8, 1.0)
        cut = rng.randrange(1, len(contents)) if count > 1 else len(contents)
        for part, children in enumerate((contents[:cut], contents[cut:])[:count]):
            unit = sscc(500_000 + 2 * number + part)
            begin = _pack(draft, rng, begin, unit=unit, order=order, children=children)
            cartons.append(Carton(begin, unit, order))
    return cartons


def _pick(draft: Draft, rng: Random, line: Line, completed: float, numbers: Sequence[int]) -> None:
    """Pick a line in up to three picks, the last when it is completed, and close it."""
    station = f"pick-{rng.randint(1, PICK_STATIONS)}"
    place: dict[str, str | int] = {"order": line.order, "line": line.number, "item": line.item}
    is_short = line.picked < line.requested
    closed = completed if is_short else completed + rng.uniform(0.2, 0.4)
    last = completed - rng.uniform(0.2, 0.4) if is_short else completed

    picks = rng.randint(1, min(3, line.picked))
    cuts = sorted(rng.sample(range(1, line.picked), picks - 1))
    quantities = [b - a for a, b in zip([0, *cuts], [*cuts, line.picked], strict=True)]
    for index, quantity in enumerate(quantities):
        draft.report(
            last - 0.2 * (picks - 1 - index),
            f"{station}-scanner",
            f"dc/pick/{station}/pick",
            **place,
            quantity=quantity,
            requested=line.requested,
            pick=f"P-{numbers[index]:06d}",
        )
    draft.report(
        closed,
        f"{station}-panel",
        f"dc/pick/{station}/line",
        **place,
        picked=line.picked,
        requested=line.requested,
    )
    key = f"order:{line.order}"
    told: dict[str, str | int] = {"line": line.number, "item": line.item, "quantity": line.picked}
    draft.fact(
        completed,
        Fact.of("short", key, **told, requested=line.requested)
        if is_short
        else Fact.of("picked", key, **told),
    )


def _pieces(rng: Random, lines: Sequence[Line]) -> list[str]:
    """Return each picked piece of an order by its own identifier."""
    return [
        sgtin(line.item, rng.randrange(10**9, 10**10)) for line in lines for _ in range(line.picked)
    ]


def _pack(
    draft: Draft, rng: Random, begin: float, *, unit: str, order: str, children: Sequence[str]
) -> float:
    """Scan the pieces into a carton and close it; return when."""
    station = f"pack-{rng.randint(1, PACK_STATIONS)}"
    at = begin
    for child in children:
        at += rng.uniform(0.08, 0.16)
        draft.report(
            at,
            f"{station}-scanner",
            f"dc/pack/{station}/scan",
            carton=unit,
            order=order,
            epc=child,
        )
    closed = at + rng.uniform(0.5, 0.7)
    draft.report(
        closed,
        f"{station}-panel",
        f"dc/pack/{station}/close",
        carton=unit,
        order=order,
        count=len(children),
    )
    packed = Fact.of("packed", f"unit:{unit}", order=order, children=tuple(sorted(children)))
    draft.fact(closed, packed)
    return closed
