"""Gather with children: what is packed into a carton until that is closed."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from edge.milestones.operators import counting

PACKED = {
    "operator": "gather",
    "milestone": "packed",
    "about": "unit",
    "of": {"kind": "pack"},
    "distinct": "item",
    "children": "item",
    "closed_by": {"kind": "carton-closed"},
    "total": "count",
    "within_seconds": 3600,
    "wait_seconds": 5,
}
LATER = 10_000_000


@pytest.fixture
def packing(site: Callable[..., Any]) -> Any:
    return site({"packed": PACKED})


def test_a_closed_carton_is_packed_with_its_children(packing: Any) -> None:
    for at, item in [(2_000, "I2"), (1_000, "I1"), (1_500, "I1")]:
        packing.see("pack", at, unit="C1", order="SO-1", item=item, read_point="pack-1")
    packing.see("carton-closed", 3_000, unit="C1", order="SO-1", count=2, read_point="pack-1")
    (milestone,) = packing.milestones
    assert (milestone.name, milestone.key) == ("packed", "unit:C1")
    assert (milestone.occurred_at, milestone.mark) == (3_000, "in_order")
    assert milestone.attributes == {
        "unit": "C1",
        "order": "SO-1",
        "read_point": "pack-1",
        "quantity": 2,
        "children": ["I1", "I2"],
    }
    assert milestone.evidence == (1, 2, 4)


def test_a_carton_that_is_never_closed_is_objected_to(packing: Any) -> None:
    packing.see("pack", 1_000, unit="C1", item="I1")
    packing.see("pack", 2_000, unit="C1", item="I2")
    packing.hear_until(3_606_000)
    assert packing.told == []
    assert [each.signal for each in packing.objections] == [1, 2]
    assert packing.reasons[0] == "rule packed: unit:C1: nothing ended the count within 3600 s"
    ((track, known),) = packing.tracks.items()
    assert packing.engine.open_evidence(track, known.state) == ()


def test_the_earliest_of_several_closings_counts(packing: Any) -> None:
    for at in (4_000, 3_000, 5_000):
        packing.see("carton-closed", at, unit="C1", count=1)
    packing.see("pack", 1_000, unit="C1", item="I1")
    assert packing.told == [("packed", "unit:C1", 3_000)]
    packing.see("carton-closed", 4_000, unit="C1", count=1)
    assert (len(packing.told), packing.reasons) == (1, [])


def test_without_a_total_the_closing_waits_for_what_comes_late(site: Callable[..., Any]) -> None:
    here = site({"packed": {key: value for key, value in PACKED.items() if key != "total"}})
    here.see("carton-closed", 3_000, unit="C1", count=2)
    here.see("pack", 2_000, unit="C1", item="I1")
    assert here.told == []
    here.hear_until(7_999)
    assert here.told == []
    here.hear_until(8_000)
    assert here.told == [("packed", "unit:C1", 3_000)]
    assert here.milestones[0].mark == "in_order"


@pytest.mark.parametrize("total", [None, "count"])
@pytest.mark.parametrize("is_looked_at", [True, False])
def test_what_happens_long_after_the_closing_is_not_in_it_whenever_the_deadline_is_looked_at(
    site: Callable[..., Any], *, total: str | None, is_looked_at: bool
) -> None:
    here = site({"packed": {**PACKED, "total": total}})
    here.see("pack", 1_000, unit="U1", item="A")
    here.see("carton-closed", 2_000, unit="U1", count=2)
    if is_looked_at:
        here.hear_until(60_000)
    here.see("pack", 7_001, unit="U1", item="B")
    here.hear_until(60_000)
    (milestone,) = here.milestones
    assert milestone.attributes["children"] == ["A"]
    assert here.reasons == ["rule packed: unit:U1: item 'B' came after it was packed with 1"]


@pytest.mark.parametrize("arrival", list(itertools.permutations(range(3))))
def test_what_is_complete_takes_nothing_that_happened_later(
    packing: Any, arrival: tuple[int, ...]
) -> None:
    told: list[tuple[str, int, dict[str, Any]]] = [
        ("pack", 1_000, {"item": "A"}),
        ("carton-closed", 2_000, {"count": 1}),
        ("pack", 2_500, {"item": "B"}),
    ]
    for index in arrival:
        kind, at, fields = told[index]
        packing.see(kind, at, unit="U1", **fields)
    (milestone,) = packing.milestones
    assert (milestone.attributes["children"], milestone.mark) == (["A"], "in_order")
    assert packing.reasons == ["rule packed: unit:U1: item 'B' came after it was packed with 1"]


@pytest.mark.parametrize("arrival", [(0, 1), (1, 0)])
def test_of_two_at_the_same_time_the_same_one_counts(
    site: Callable[..., Any], arrival: tuple[int, int]
) -> None:
    here = site({"packed": {**PACKED, "total": None}})
    for index in arrival:
        here.see("pack", 1_000, unit="U1", item="A", read_point=f"pack-{index}")
    for index in arrival:
        here.see("carton-closed", 2_000, unit="U1", by=f"belt-{index}")
    here.hear_until(60_000)
    (milestone,) = here.milestones
    assert (milestone.attributes["read_point"], milestone.attributes["by"]) == ("pack-0", "belt-0")


def test_what_waits_for_one_count_is_bounded_and_the_rest_can_be_retried(
    packing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST_KEPT", 3)
    for at in (1_000, 2_000, 3_000):
        packing.see("pack", at, unit="C1", item=f"I{at}")
    assert packing.see("pack", 4_000, unit="C1", item="I4000").tracks == {}
    (reason,) = packing.reasons
    assert reason.startswith("rule packed: unit:C1: 3 of its members are kept, and no more; retry")
    packing.see("pack", 3_000, unit="C1", item="I3000")
    packing.see("carton-closed", 3_500, unit="C1", count=3)
    assert packing.told == [("packed", "unit:C1", 3_500)]
    assert len(packing.reasons) == 1


def test_a_closing_that_is_delivered_again_is_the_one_that_is_known(packing: Any) -> None:
    for _ in range(2):
        packing.see("carton-closed", 2_000, unit="C1", count=1)
    packing.see("pack", 1_000, unit="C1", item="I1")
    assert packing.milestones[0].evidence == (1, 3)
