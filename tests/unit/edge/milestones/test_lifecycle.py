from collections.abc import Callable
from typing import Any

import pytest

from edge.milestones.fields import blocked
from edge.milestones.model import Mark, Severity

STAGES = ["packed", "loaded", "departed"]


def rule(name: str) -> dict[str, Any]:
    return {
        "operator": "one",
        "milestone": name,
        "about": "unit",
        "of": {"kind": name},
        "occurrence": ["again"],
    }


LATER = 1_000_000


@pytest.fixture
def here(site: Callable[..., Any]) -> Any:
    return site(
        {name: rule(name) for name in [*STAGES, "received"]},
        {"outbound": {"stages": STAGES, "carry": ["order"], "wait_seconds": 5}},
    )


def marks(here: Any) -> list[tuple[str, Mark]]:
    return [(milestone.name.value, milestone.mark) for milestone in here.milestones]


def test_stages_in_order_are_told_at_once(here: Any) -> None:
    for at, name in enumerate(STAGES):
        here.see(name, at, unit="U1")
        assert here.told[-1] == (name, "unit:U1", at)
    assert marks(here) == [(name, Mark.IN_ORDER) for name in STAGES]


def test_all_that_has_waited_long_enough_is_told_at_once(here: Any) -> None:
    for unit in ("U1", "U2"):
        here.see("departed", 3_000, unit=unit)
    here.hear_until(LATER)
    assert sorted(here.told) == [("departed", f"unit:{unit}", 3_000) for unit in ("U1", "U2")]


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


def test_a_stage_that_comes_after_the_next_one_was_accepted_is_marked_late(here: Any) -> None:
    here.see("loaded", 2_000, unit="U1")
    here.hear_until(7_000)
    here.see("packed", 1_000, unit="U1")
    assert marks(here) == [("loaded", Mark.OUT_OF_ORDER), ("packed", Mark.LATE)]


def test_a_longer_wait_applies_to_what_waits_already(here: Any, site: Callable[..., Any]) -> None:
    here.see("loaded", 2_000, unit="U1")
    rules = {name: rule(name) for name in STAGES}
    changed = site(rules, {"outbound": {"stages": STAGES, "wait_seconds": 60}})
    changed.tracks = here.tracks
    changed.hear_until(7_000)
    changed.hear_until(61_999)
    assert changed.told == []
    changed.hear_until(62_000)
    assert marks(changed) == [("loaded", Mark.OUT_OF_ORDER)]


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


def test_a_milestone_whose_stage_left_the_configuration_waits_for_no_other(
    here: Any, site: Callable[..., Any]
) -> None:
    here.see("loaded", 2_000, unit="U1")
    rules = {name: rule(name) for name in STAGES}
    changed = site(rules, {"outbound": {"stages": ["packed", "departed"]}})
    changed.tracks = here.tracks
    changed.see("departed", 3_000, unit="U1")
    assert [name for name, _, _ in changed.told] == ["loaded"]


def test_a_label_that_is_illegal_for_ever_and_ever_keeps_its_track_small(here: Any) -> None:
    for again in range(100):
        here.see("packed", again, unit="NOREAD", again=again)
    (known,) = [each for track, each in here.tracks.items() if track.owner == "outbound"]
    assert len(known.state["illegal"]) < 20


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
