"""What a lifecycle makes of ends: milestones that may follow any stage, such as lost."""

from collections.abc import Callable
from typing import Any

import pytest

from edge.milestones.model import Mark

STAGES = ["packed", "loaded", "departed"]


def rule(name: str) -> dict[str, Any]:
    return {"operator": "one", "milestone": name, "about": "unit", "of": {"kind": name}}


LOST = {
    "operator": "absence",
    "milestone": "lost",
    "about": "unit",
    "after": {"kind": "infeed"},
    "expect": {"kind": "divert"},
    "within_seconds": 6,
    "wait_seconds": 2,
}


@pytest.fixture
def here(site: Callable[..., Any]) -> Any:
    return site(
        {**{name: rule(name) for name in STAGES}, "lost": LOST},
        {"outbound": {"stages": STAGES, "ends": ["lost"], "carry": ["order"], "wait_seconds": 5}},
    )


def marks(here: Any) -> list[tuple[str, Mark]]:
    return [(milestone.name.value, milestone.mark) for milestone in here.milestones]


def lose(here: Any, at: int) -> None:
    """Let a unit be lost at a time."""
    here.see("infeed", at - 6_000, unit="U1")
    for track, known in list(here.tracks.items()):
        if track.owner == "lost":
            here._commit(here.engine.expire([track], here.tracks, known.due_at))


def test_an_end_is_legal_after_any_stage(here: Any) -> None:
    here.see("packed", 1_000, unit="U1", order="SO-1")
    lose(here, 10_000)
    assert marks(here) == [("packed", Mark.IN_ORDER), ("lost", Mark.IN_ORDER)]
    assert here.milestones[1].attributes["order"] == "SO-1"


def test_an_end_waits_for_the_first_stage(here: Any) -> None:
    lose(here, 10_000)
    assert here.told == []
    here.see("packed", 1_000, unit="U1")
    assert marks(here) == [("packed", Mark.IN_ORDER), ("lost", Mark.IN_ORDER)]


def test_an_end_without_any_stage_is_accepted_and_marked(here: Any) -> None:
    lose(here, 10_000)
    here.hear_until(15_000)
    assert marks(here) == [("lost", Mark.OUT_OF_ORDER)]


def test_an_end_waits_for_the_stages_that_are_held(here: Any) -> None:
    here.see("packed", 1_000, unit="U1")
    here.see("departed", 9_000, unit="U1")
    lose(here, 10_000)
    here.see("loaded", 8_000, unit="U1")
    assert [name for name, _ in marks(here)] == ["packed", "loaded", "departed", "lost"]


def test_a_stage_after_an_end_is_accepted_and_marked_and_the_unit_may_be_lost_again(
    here: Any,
) -> None:
    here.see("packed", 1_000, unit="U1")
    lose(here, 10_000)
    lose(here, 20_000)
    assert here.reasons[0].startswith("illegal: unit:U1 cannot be lost again")
    here.see("loaded", 30_000, unit="U1")
    here.see("departed", 31_000, unit="U1")
    lose(here, 50_000)
    assert marks(here)[1:] == [
        ("lost", Mark.IN_ORDER),
        ("loaded", Mark.OUT_OF_ORDER),
        ("departed", Mark.IN_ORDER),
        ("lost", Mark.IN_ORDER),
    ]


def test_a_stage_before_an_end_that_is_told_after_it_does_not_undo_it(here: Any) -> None:
    here.see("packed", 1_000, unit="U1")
    lose(here, 10_000)
    here.see("loaded", 2_000, unit="U1")
    lose(here, 20_000)
    assert [name for name, _ in marks(here)] == ["packed", "lost", "loaded"]
    assert len(here.reasons) == 1


def test_at_one_moment_a_stage_comes_before_an_end(here: Any) -> None:
    here.see("packed", 1_000, unit="U1")
    lose(here, 10_000)
    here.see("loaded", 10_000, unit="U1")
    lose(here, 20_000)
    assert [name for name, _ in marks(here)] == ["packed", "lost", "loaded"]
    here.see("departed", 30_000, unit="U1")
    lose(here, 30_000)
    assert [name for name, _ in marks(here)][3:] == ["departed", "lost"]


def test_an_end_told_after_a_stage_that_happened_later_is_marked(here: Any) -> None:
    # The engine was down when the unit was lost and found again.
    here.see("packed", 1_000, unit="U1")
    here.see("loaded", 30_000, unit="U1")
    lose(here, 10_000)
    lose(here, 50_000)
    assert marks(here)[2:] == [("lost", Mark.LATE), ("lost", Mark.IN_ORDER)]


def test_lost_twice_before_it_is_found_a_unit_is_lost_once(here: Any) -> None:
    # The engine was down when the unit was found.
    here.see("packed", 1_000, unit="U1")
    lose(here, 10_000)
    here.see("loaded", 30_000, unit="U1")
    lose(here, 20_000)
    assert [name for name, _ in marks(here)] == ["packed", "lost", "loaded"]
    assert here.reasons[0].startswith("illegal: unit:U1 cannot be lost again")


def test_a_retraction_passes_and_undoes_the_end(here: Any) -> None:
    here.see("packed", 1_000, unit="U1", order="SO-1")
    lose(here, 10_000)
    here.see("divert", 9_000, unit="U1")
    lost, retraction = here.milestones[1:]
    assert retraction.retracts == lost.id
    assert retraction.attributes == lost.attributes
    here.see("loaded", 11_000, unit="U1")
    assert marks(here)[-1] == ("loaded", Mark.IN_ORDER)


def test_what_was_never_told_is_not_retracted(here: Any) -> None:
    lose(here, 10_000)
    here.see("divert", 9_000, unit="U1")
    here.hear_until(1_000_000)
    assert here.told == []

    here.see("packed", 20_000, unit="U2")
    for at in (30_000, 50_000):
        here.see("infeed", at, unit="U2")
        here.hear_until(at + 8_000)
    assert [name for name, _, _ in here.told] == ["packed", "lost"]
    here.see("divert", 51_000, unit="U2")
    assert len(here.told) == 2
