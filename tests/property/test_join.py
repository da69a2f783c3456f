"""A join with optional evidence decides the same in whatever order, batch or life it is told."""

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

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
WAIT = 2_000
LONG_AFTER = 100_000

Happening = tuple[int, str, str]
"""When, what and to whom; each happens to a unit once."""

happenings = st.lists(
    st.tuples(
        st.integers(0, 25_000),
        st.sampled_from(["scan", "load", "weight", "size"]),
        st.sampled_from(["U1", "U2"]),
    ),
    max_size=8,
    unique_by=lambda each: each[1:],
)


def decide(told: Sequence[tuple[int, Happening]], horizons: Sequence[int]) -> dict[str, object]:
    """Let things be told at times of their own; judge deadlines before some of them."""
    site = Site(RULES)
    for position, (arrives_at, (at, kind, unit)) in enumerate(told):
        if position in horizons:
            site.hear_until(arrives_at - 1)
        fields: dict[str, Any] = {"unit": unit, kind: at}
        site.see(kind, at, **fields)
    site.hear_until(LONG_AFTER)
    assert len({each.id for each in site.milestones}) == len(site.milestones)
    return {each.id: (each.occurred_at, each.attributes) for each in site.milestones}


@given(happened=happenings, data=st.data())
def test_delays_repeats_and_judging_change_nothing(
    happened: list[Happening], data: st.DataObject
) -> None:
    in_order = [(at, (at, kind, unit)) for at, kind, unit in sorted(happened)]
    expected = decide(in_order, range(len(in_order)))
    again = data.draw(st.lists(st.sampled_from(happened))) if happened else []
    delays = data.draw(
        st.lists(st.integers(0, WAIT), min_size=len(happened), max_size=len(happened))
    )
    told = [(each[0] + delay, each) for each, delay in zip(happened, delays, strict=True)]
    told += [(each[0] + WAIT, each) for each in again]
    told.sort(key=lambda each: each[0])
    horizons = data.draw(st.lists(st.integers(0, len(told)), unique=True))
    assert decide(told, horizons) == expected
