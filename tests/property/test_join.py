"""A join with optional evidence decides the same in whatever order, batch or life it is told."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.property.drawing import SEEDS, arrivals, chance, one_of_each, some_of
from tests.unit.edge.milestones.conftest import Site

RULES = {
    "loaded": {
        "operator": "join",
        "milestone": "loaded",
        "about": "unit",
        "of": [{"kind": "scan"}, {"kind": "load"}],
        "optional": [{"kind": "weight"}, {"kind": "size"}],
        "within_seconds": 10,
        "wait_seconds": 2,
    }
}
SITE = Site(RULES)
WAIT = 2_000
LONG_AFTER = 100_000

Happening = tuple[int, str, str]
"""When, what and to whom; each happens to a unit once."""

HAPPENINGS = st.lists(
    one_of_each(range(25_000), ["scan", "load", "weight", "size"], ["U1", "U2"]),
    max_size=8,
    unique_by=lambda each: each[1:],
)


def decide(told: Sequence[tuple[int, Happening]], horizons: Sequence[int]) -> dict[str, object]:
    """Let things be told at times of their own; judge deadlines before some of them."""
    site = SITE.anew()
    for position, (arrives_at, (at, kind, unit)) in enumerate(told):
        if position in horizons:
            site.hear_until(arrives_at - 1)
        fields: dict[str, Any] = {"unit": unit, kind: at}
        site.see(kind, at, **fields)
    site.hear_until(LONG_AFTER)
    assert len({each.id for each in site.milestones}) == len(site.milestones)
    return {each.id: (each.occurred_at, each.attributes) for each in site.milestones}


@given(happened=HAPPENINGS, seed=SEEDS)
def test_delays_repeats_and_judging_change_nothing(happened: list[Happening], seed: int) -> None:
    random = chance(seed, happened)
    in_order = [(each[0], each) for each in sorted(happened)]
    expected = decide(in_order, range(len(in_order)))
    told = arrivals(random, in_order, WAIT)
    again = random.choices(happened, k=random.choice((0, 1, 4))) if happened else []
    told += [(each[0] + WAIT, each) for each in again]
    told.sort(key=lambda each: each[0])
    judged = some_of(random, [False, True], len(told))
    assert decide(told, [position for position, is_so in enumerate(judged) if is_so]) == expected
