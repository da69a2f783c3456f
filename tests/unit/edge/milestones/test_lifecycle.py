from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from edge.milestones.fields import blocked
from edge.milestones.lifecycle import Guard
from edge.milestones.model import Mark, Milestone, Name, Severity, Track
from edge.milestones.rules import Lifecycle
from edge.milestones.step import Step
from tests.known_tracks import KnownTracks

STAGES = ["packed", "loaded", "departed"]


def rule(name: str) -> dict[str, Any]:
    return {
        "operator": "one",
        "milestone": name,
        "about": "unit",
        "of": {"kind": name},
        "occurrence": ["again"],
    }


LOST = {
    "operator": "absence",
    "milestone": "lost",
    "about": "unit",
    "after": {"kind": "infeed"},
    "expect": {"kind": "divert"},
    "within_seconds": 6,
    "wait_seconds": 2,
}
LATER = 1_000_000


@pytest.fixture
def here(site: Callable[..., Any]) -> Any:
    return site(
        {**{name: rule(name) for name in [*STAGES, "received"]}, "lost": LOST},
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


def test_stages_in_order_are_told_at_once(here: Any) -> None:
    for at, name in enumerate(STAGES):
        here.see(name, at, unit="U1")
        assert here.told[-1] == (name, "unit:U1", at)
    assert marks(here) == [(name, Mark.IN_ORDER) for name in STAGES]


def test_a_milestone_of_no_lifecycle_passes(here: Any) -> None:
    here.see("received", 1, unit="U1")
    assert here.told == [("received", "unit:U1", 1)]


def test_a_stage_waits_for_the_one_before_it(here: Any) -> None:
    here.see("departed", 3_000, unit="U1")
    here.see("loaded", 2_000, unit="U1")
    assert here.told == []
    here.see("packed", 1_000, unit="U1")
    # Held or not, each says when it happened, and has the id that it has anyway.
    assert here.told == [
        ("packed", "unit:U1", 1_000),
        ("loaded", "unit:U1", 2_000),
        ("departed", "unit:U1", 3_000),
    ]
    assert {mark for _, mark in marks(here)} == {Mark.IN_ORDER}


def test_units_do_not_wait_for_each_other(here: Any) -> None:
    here.see("loaded", 2_000, unit="U1")
    here.see("packed", 2_000, unit="U2")
    here.see("loaded", 2_000, unit="U2")
    assert [key for _, key, _ in here.told] == ["unit:U2", "unit:U2"]


def test_what_has_waited_long_enough_is_accepted_and_marked(here: Any) -> None:
    here.see("loaded", 2_000, unit="U1")
    here.hear_until(6_999)
    assert here.told == []
    here.hear_until(7_000)
    assert marks(here) == [("loaded", Mark.OUT_OF_ORDER)]
    here.see("departed", 9_000, unit="U1")
    here.see("packed", 1_000, unit="U1")
    assert marks(here)[1:] == [("departed", Mark.IN_ORDER), ("packed", Mark.LATE)]


def test_held_stages_are_accepted_in_their_order(here: Any) -> None:
    # The later stage is due first.
    here.see("departed", 1_000, unit="U1")
    here.see("loaded", 4_000, unit="U1")
    here.hear_until(6_000)
    assert marks(here) == [("loaded", Mark.OUT_OF_ORDER), ("departed", Mark.IN_ORDER)]


def test_the_same_stage_again_is_illegal_and_not_told(here: Any) -> None:
    here.see("packed", 1_000, unit="U1")
    first = here.milestones[0].id
    here.see("packed", 9_000, unit="U1", again=2)
    assert len(here.told) == 1
    (reason,) = here.reasons
    assert reason.startswith(f"illegal: unit:U1 cannot be packed again, milestone {first} of")
    assert here.objections[0].signal == 2


def test_the_same_stage_again_while_the_first_is_held_is_illegal(here: Any) -> None:
    here.see("loaded", 2_000, unit="U1")
    here.see("loaded", 2_500, unit="U1", again=2)
    assert [each.signal for each in here.objections] == [2]
    here.see("packed", 1_000, unit="U1")
    assert here.told[1:] == [("loaded", "unit:U1", 2_000)]


def test_what_an_earlier_stage_told_is_told_with_the_later_ones(here: Any) -> None:
    here.see("loaded", 2_000, unit="U1")
    here.see("packed", 1_000, unit="U1", order="SO-1")
    here.see("departed", 3_000, unit="U1", order="SO-2")
    assert [each.attributes["order"] for each in here.milestones] == ["SO-1", "SO-1", "SO-2"]


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


def test_an_end_told_after_a_stage_that_happened_later_is_marked(here: Any) -> None:
    # The engine was down when the unit was lost and found again.
    here.see("packed", 1_000, unit="U1")
    here.see("loaded", 30_000, unit="U1")
    lose(here, 10_000)
    lose(here, 50_000)
    assert marks(here)[2:] == [("lost", Mark.LATE), ("lost", Mark.IN_ORDER)]


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
    here.hear_until(LATER)
    assert here.told == []

    here.see("packed", 20_000, unit="U2")
    for at in (30_000, 50_000):
        here.see("infeed", at, unit="U2")
        here.hear_until(at + 8_000)
    assert [name for name, _, _ in here.told] == ["packed", "lost"]
    here.see("divert", 51_000, unit="U2")
    assert len(here.told) == 2


PACKED = Milestone("a" * 32, Name.PACKED, "packed", "unit:U1", 1_000, {"order": "SO-1"}, (1,))
LOADED = Milestone("b" * 32, Name.LOADED, "loaded", "unit:U1", 2_000, {"weight": 1}, (2,))
FALSE = replace(LOADED, id="c" * 32, retracts=LOADED.id, corrected_by=("d" * 32,))
TRUE = replace(LOADED, id="d" * 32, attributes={"weight": 2})


def admitted(*milestones: Milestone) -> list[Milestone]:
    """Return what a lifecycle tells of these; its track is JSON between any two."""
    guard = Guard("dc", "outbound", Lifecycle(stages=(Name.PACKED, Name.LOADED), carry=("order",)))
    tracks = KnownTracks()
    told: list[Milestone] = []
    for each in milestones:
        step = Step(tracks, (), {})
        told += guard.admit(each, step)
        for track, new in step.decision.tracks.items():
            assert new is not None
            tracks[track] = Track(orjson.loads(orjson.dumps(new.state)), new.due_at)
    return told


def test_what_was_told_is_corrected_with_what_it_had_learned() -> None:
    told = admitted(PACKED, LOADED, FALSE, TRUE)
    assert [each.id for each in told] == [PACKED.id, LOADED.id, FALSE.id, TRUE.id]
    assert told[2].corrected_by == (TRUE.id,)
    assert told[2].attributes == told[1].attributes == {"weight": 1, "order": "SO-1"}
    assert told[3].attributes == {"weight": 2, "order": "SO-1"}


def test_what_is_held_is_corrected_before_it_is_told() -> None:
    told = admitted(LOADED, FALSE, TRUE, PACKED)
    assert [(each.id, each.retracts) for each in told] == [(PACKED.id, None), (TRUE.id, None)]


def test_a_key_is_forgotten_after_its_time(here: Any) -> None:
    here.see("loaded", 2_000, unit="U1")
    here.hear_until(7_000)
    here.hear_until(2_000 + 30 * 86_400_000 - 1)
    assert len([track for track in here.tracks if track.owner == "outbound"]) == 1
    here.hear_until(2_000 + 30 * 86_400_000)
    assert here.tracks == {}


def test_a_milestone_held_when_its_stage_left_the_configuration_is_told(
    here: Any, site: Callable[..., Any]
) -> None:
    here.see("loaded", 2_000, unit="U1")
    rules = {name: rule(name) for name in STAGES}
    changed = site(rules, {"outbound": {"stages": ["packed", "departed"]}})
    changed.tracks = here.tracks
    changed.hear_until(LATER)
    assert [name for name, _, _ in changed.told] == ["loaded"]


def test_a_label_that_is_illegal_for_ever_and_ever_keeps_its_track_small(here: Any) -> None:
    for again in range(100):
        here.see("packed", again, unit="NOREAD", again=again)
    (known,) = [each for track, each in here.tracks.items() if track.owner == "outbound"]
    assert len(known.state["refused"]) < 20


def test_a_fact_found_again_after_its_rule_forgot_it_is_neither_told_nor_illegal(
    site: Callable[..., Any],
) -> None:
    here = site(
        {"packed": {**rule("packed"), "remember_days": 1}}, {"outbound": {"stages": ["packed"]}}
    )
    here.see("packed", 1_000, unit="U1")
    here.hear_until(2 * 86_400_000)
    here.see("packed", 1_000, unit="U1")
    assert (len(here.told), here.reasons) == (1, [])


def test_an_exception_that_is_held_is_as_bad_and_blocks_what_an_earlier_stage_told(
    site: Callable[..., Any],
) -> None:
    damaged = {**rule("damaged"), "severity": "critical", "blocks": "order"}
    here = site(
        {"packed": rule("packed"), "damaged": damaged},
        {"l": {"stages": ["packed"], "ends": ["damaged"], "carry": ["order"]}},
    )
    here.see("damaged", 2_000, unit="U1")
    assert here.told == []
    here.see("packed", 1_000, unit="U1", order="SO-1")
    packed, found = here.milestones
    assert (packed.severity, blocked(packed)) == (None, None)
    assert (found.severity, blocked(found)) == (Severity.CRITICAL, "order:SO-1")
    here.see("damaged", 3_000, unit="U2")
    here.hear_until(LATER)
    assert blocked(here.milestones[-1]) == "unit:U2"
