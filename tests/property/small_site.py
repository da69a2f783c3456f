"""What happens in a small site with the rules of the configuration that is installed."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product
from typing import NamedTuple

from hypothesis import strategies as st

from edge.milestones.model import Value
from tests.property.drawing import one_of_each

T0 = 1_769_000_000_000
MOST_DELAY = 2_000
"""Devices tell within this time; no rule of the configuration waits less."""
LONG_AFTER = T0 + 10 * 86_400_000
"""Every deadline has passed, and nothing is forgotten yet."""

_GAPS = [0, 1, 100, 499, 500, 700, 1_000, 1_500, 1_999, 2_000, 2_001, 2_500, 3_000, 3_001, 3_999]
_MOSTLY = [True] * 9 + [False]
_QUANTITIES = [each for size in range(4) for each in product([1, 2, 0.5], repeat=size)]
_ITEMS = ["", "a", "b", "ab", "ba", "ac", "abc", "acb", "cba"]

Gaps = tuple[int, ...]
"""The times between what happens, one after the other."""
GAPS = one_of_each(*[_GAPS] * 6)

Unit = tuple[bool, bool, bool, str | None]
"""Whether it is scanned at the infeed, and diverted; whether a robot takes it; what is returned."""
UNITS = st.tuples(one_of_each(*[[False, True]] * 3, [None, None, "A", "B"]), GAPS)

Line = tuple[Sequence[float], int, Sequence[str], bool]
"""What is picked, how much more was requested, where, and whether the line is closed."""
LINES = st.tuples(
    one_of_each(_QUANTITIES, [0, 0, 1], [*product("12", repeat=3)], [False, True]), GAPS
)

Carton = tuple[str, bool, bool, bool]
"""What is packed; whether it is closed, seen at the door, and loaded."""
CARTONS = st.tuples(one_of_each(_ITEMS, *[_MOSTLY] * 3), GAPS)
Trip = tuple[Sequence[tuple[Carton, Gaps]], tuple[bool, int]]
"""Its cartons; whether the trailer is released, and how long after the last of them."""
TRIPS = st.tuples(st.lists(CARTONS, min_size=1, max_size=3), one_of_each(_MOSTLY, range(1, 4_000)))


class Happening(NamedTuple):
    """What happens, and when."""

    at: int
    kind: str
    fields: Mapping[str, Value]


class Clock:
    """Time as it passes from one happening to the next."""

    def __init__(self, gaps: Iterator[int]) -> None:
        self.now = T0
        self._gaps = gaps

    def pass_time(self, least: int = 0) -> int:
        """Return the time of the next happening."""
        self.now += max(least, next(self._gaps))
        return self.now


def inbound(name: str, unit: Unit, gaps: Gaps) -> Iterator[Happening]:
    """A unit comes in, goes over the sorter, is driven away, and is returned, as far as it is."""
    is_fed_in, is_diverted, is_driven, rma = unit
    clock = Clock(iter(gaps))
    yield Happening(clock.now, "goods-in scan", {"unit": name, "read_point": "dock-in-1"})
    if is_fed_in:
        at_infeed = {"unit": name, "read_point": "infeed"}
        yield Happening(clock.pass_time(), "sorter infeed-scan", at_infeed)
        if is_diverted:
            clock.now += clock.now - T0
            yield Happening(clock.pass_time(), "sorter divert", {"unit": name, "lane": 3})
    if is_driven:
        task = {"type": "drop", "device": "amr", "transport": "T1", "action": f"drop-{name}"}
        for status in ("WAITING", "RUNNING", "FINISHED"):
            fields = {**task, "status": status, "unit": name}
            yield Happening(clock.pass_time(1), "vehicles task", fields)
    if rma is not None:
        returned = {"unit": name, "read_point": "returns-1", "rma": rma}
        yield Happening(clock.pass_time(), "returns scan", returned)


def picked(order: str, lines: Sequence[tuple[Line, Gaps]]) -> Iterator[Happening]:
    """The lines of an order are picked, one after the other."""
    clock = Clock(chain.from_iterable(gaps for _, gaps in lines))
    for line, ((quantities, lacking, panels, is_closed), _) in enumerate(lines, 1):
        told: dict[str, Value] = {"order": order, "line": line, "item": "I1"}
        told["requested"] = sum(quantities) + lacking
        for number, quantity in enumerate(quantities):
            pick: dict[str, Value] = {"quantity": quantity, "pick": f"{order}/{line}/{number}"}
            seen_by: dict[str, Value] = {"read_point": f"pick-{panels[number]}"}
            yield Happening(clock.pass_time(), "picking pick", {**told, **pick, **seen_by})
        if is_closed:
            closed: dict[str, Value] = {"picked": sum(quantities), "read_point": "panel"}
            yield Happening(clock.pass_time(), "picking line-closed", {**told, **closed})


def shipped(trailer: str, trips: Sequence[Trip]) -> Iterator[Happening]:
    """A trailer comes, and comes back: cartons are packed, loaded, and leave with it."""
    clock = Clock(chain.from_iterable(gaps for loaded, _ in trips for _, gaps in loaded))
    for trip, (loaded, (is_released, pause)) in enumerate(trips):
        cartons = {f"C{trip}{number}": carton for number, (carton, _) in enumerate(loaded)}
        for unit, (items, is_closed, _, _) in cartons.items():
            packed: dict[str, Value] = {"unit": unit, "order": "SO-1"}
            for item in items:
                fields = {**packed, "item": item, "read_point": "pack-1"}
                yield Happening(clock.pass_time(), "packing scan", fields)
            if is_closed:
                fields = {**packed, "count": len(items)}
                yield Happening(clock.pass_time(), "packing carton-closed", fields)
        for unit, (_, _, is_seen, is_loaded) in cartons.items():
            fields = {"unit": unit, "trailer": trailer, "read_point": "door-1"}
            if is_seen:
                yield Happening(clock.pass_time(), "dock door-scan", fields)
            if is_loaded:
                yield Happening(clock.pass_time(), "dock load", fields)
        if is_released:
            clock.now += pause
            left: dict[str, Value] = {
                "trailer": trailer,
                "count": len(cartons),
                "read_point": "gate",
            }
            yield Happening(clock.now, "dock release", left)
        # No trailer comes back so soon that its next trip is told before this one.
        clock.now += MOST_DELAY + 1


def _as_happened(
    units: Sequence[tuple[Unit, Gaps]], lines: Sequence[tuple[Line, Gaps]], trips: Sequence[Trip]
) -> list[Happening]:
    inbound_units = (inbound(f"U{number}", *unit) for number, unit in enumerate(units))
    return [*chain(*inbound_units), *picked("SO-1", lines), *shipped("TR-1", trips)]


SITES = st.builds(
    _as_happened,
    st.lists(UNITS, max_size=2),
    st.lists(LINES, max_size=2),
    st.lists(TRIPS, max_size=2),
)
"""Units, order lines, cartons, a trailer that comes back."""
