from collections.abc import Callable
from typing import Any

import pytest

from edge.milestones.model import Track
from edge.milestones.operators import absence

LOST = {
    "operator": "absence",
    "milestone": "lost",
    "about": "unit",
    "after": {"kind": "infeed"},
    "expect": {"kind": "divert"},
    "within_seconds": 6,
    "wait_seconds": 2,
}
HEARD_ALL = 9_000_000


@pytest.fixture
def here(site: Callable[..., Any]) -> Any:
    return site({"lost": LOST})


def test_what_never_follows_is_a_fact_at_the_deadline(here: Any) -> None:
    here.see("infeed", 1_000, unit="U1", read_point="infeed-1")
    here.hear_until(8_999)
    assert here.told == []
    here.hear_until(9_000)
    (milestone,) = here.milestones
    assert (milestone.name, milestone.occurred_at) == ("lost", 7_000)
    assert milestone.attributes == {"unit": "U1", "read_point": "infeed-1"}
    here.hear_until(HEARD_ALL)
    assert len(here.told) == 1


@pytest.mark.parametrize("followed", [1_000, 4_000, 7_000])
@pytest.mark.parametrize("first", ["infeed", "divert"])
def test_what_follows_in_time_is_no_fact_in_whatever_order_it_is_told(
    here: Any, followed: int, first: str
) -> None:
    told = [("infeed", 1_000), ("divert", followed)]
    for kind, at in told if first == "infeed" else reversed(told):
        here.see(kind, at, unit="U1")
    here.hear_until(HEARD_ALL)
    assert here.told == []


@pytest.mark.parametrize("followed", [999, 7_001])
def test_what_follows_before_or_too_late_does_not_count(here: Any, followed: int) -> None:
    here.see("infeed", 1_000, unit="U1")
    here.see("divert", followed, unit="U1")
    here.hear_until(HEARD_ALL)
    assert here.told == [("lost", "unit:U1", 7_000)]


@pytest.mark.parametrize("followed", [1_000, 7_000])
def test_a_false_conclusion_is_retracted(here: Any, followed: int) -> None:
    here.see("infeed", 1_000, unit="U1", read_point="infeed-1")
    here.hear_until(9_000)
    here.see("divert", followed, unit="U1", read_point="sorter-1")
    lost, retraction = here.milestones
    assert retraction.retracts == lost.id
    assert retraction.id != lost.id
    assert (retraction.name, retraction.mark) == ("lost", "late")
    assert retraction.occurred_at == lost.occurred_at
    assert retraction.attributes == lost.attributes
    assert retraction.evidence == (1, 2)


def test_a_conclusion_is_retracted_once(here: Any) -> None:
    here.see("infeed", 1_000, unit="U1")
    here.hear_until(9_000)
    for at in (5_000, 5_000, 6_000):
        here.see("divert", at, unit="U1")
    assert [name for name, _, _ in here.told] == ["lost", "-lost"]


def test_a_true_conclusion_is_not_retracted(here: Any) -> None:
    here.see("infeed", 1_000, unit="U1")
    here.hear_until(9_000)
    here.see("divert", 7_001, unit="U1")
    assert len(here.told) == 1


def test_a_repeat_does_not_move_the_deadline(here: Any) -> None:
    for at in (3_000, 1_000, 1_000, 7_000):
        here.see("infeed", at, unit="U1")
    here.hear_until(HEARD_ALL)
    assert here.told == [("lost", "unit:U1", 7_000)]


def test_a_repeat_after_the_answer_opens_nothing(here: Any) -> None:
    here.see("infeed", 1_000, unit="U1")
    here.see("divert", 4_000, unit="U1")
    for at in (1_000, 2_000):
        assert here.see("infeed", at, unit="U1").tracks == {}


def test_a_repeat_after_the_conclusion_opens_nothing(here: Any) -> None:
    here.see("infeed", 1_000, unit="U1")
    here.hear_until(9_000)
    for at in (1_000, 3_000, 7_000):
        assert here.see("infeed", at, unit="U1").tracks == {}


def test_a_unit_that_passes_again_can_be_lost_again(here: Any) -> None:
    here.see("infeed", 1_000, unit="U1")
    here.see("divert", 2_000, unit="U1")
    here.see("infeed", 10_000, unit="U1")
    here.hear_until(18_000)
    here.see("infeed", 30_000, unit="U1")
    here.hear_until(HEARD_ALL)
    assert here.told == [("lost", "unit:U1", 16_000), ("lost", "unit:U1", 36_000)]
    assert len({milestone.id for milestone in here.milestones}) == 2


def test_a_deadline_judged_late_decides_the_same(here: Any) -> None:
    # The engine was down: the late divert and the next pass came before the deadline was judged.
    here.see("infeed", 1_000, unit="U1")
    here.see("divert", 8_000, unit="U1")
    here.see("infeed", 20_000, unit="U1")
    here.see("divert", 21_000, unit="U1")
    here.hear_until(HEARD_ALL)
    assert here.told == [("lost", "unit:U1", 7_000)]


def test_a_start_after_an_answer_told_first_is_still_open(here: Any) -> None:
    here.see("infeed", 3_000, unit="U1")
    here.see("divert", 2_000, unit="U1")
    here.see("infeed", 1_000, unit="U1")
    here.hear_until(HEARD_ALL)
    assert here.told == [("lost", "unit:U1", 9_000)]


def test_a_label_that_is_lost_for_ever_and_ever_keeps_its_track_small(here: Any) -> None:
    for again in range(100):
        at = again * 60_000
        here.see("infeed", at, unit="NOREAD")
        here.hear_until(at + 8_000)
    assert len(here.told) == 100
    (known,) = here.tracks.values()
    assert len(known.state["lost"]) < 20
    here.see("divert", 99 * 60_000 + 1, unit="NOREAD")
    assert here.told[-1] == ("-lost", "unit:NOREAD", 99 * 60_000 + 6_000)


def test_while_nothing_can_be_judged_a_label_that_many_share_keeps_its_track_small(
    here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(absence, "MOST_OPEN", 3)
    for minute in range(5):
        here.see("infeed", minute * 60_000, unit="NOREAD")
    assert [reason[:46] for reason in here.reasons] == [
        "rule lost: unit:NOREAD: 3 starts wait for what"
    ] * 2
    here.see("divert", 60_000, unit="NOREAD")
    here.see("infeed", 180_000, unit="NOREAD")
    here.hear_until(HEARD_ALL)
    assert [at for _, _, at in here.told] == [6_000, 126_000, 186_000]


def test_a_label_that_many_share_opens_nothing_again_for_what_followed_long_ago(here: Any) -> None:
    here.see("infeed", 1_000, unit="NOREAD")
    for again in range(1, 20):
        here.see("infeed", again * 60_000, unit="NOREAD")
        here.see("divert", again * 60_000 + 1_000, unit="NOREAD")
    assert here.see("infeed", 60_000, unit="NOREAD").tracks == {}
    here.hear_until(9_000)
    assert here.told == [("lost", "unit:NOREAD", 7_000)]
    assert here.see("infeed", 60_000, unit="NOREAD").tracks == {}


def test_a_conclusion_of_which_only_the_start_is_kept_is_retracted_all_the_same(here: Any) -> None:
    here.see("infeed", 1_000, unit="U1")
    here.hear_until(9_000)
    ((track, known),) = here.tracks.items()
    (row,) = known.state["lost"]
    here.tracks[track] = Track({**known.state, "lost": [row[:3]]}, known.due_at)
    here.see("divert", 7_001, unit="U1")
    assert len(here.told) == 1
    here.see("divert", 7_000, unit="U1")
    assert here.milestones[1].retracts == here.milestones[0].id


def test_what_was_followed_is_forgotten_after_its_time(here: Any) -> None:
    here.see("infeed", 1_000, unit="U1")
    here.see("divert", 2_000, unit="U1")
    here.hear_until(2_000 + 30 * 86_400_000 - 1)
    assert here.tracks
    here.hear_until(2_000 + 30 * 86_400_000)
    assert here.tracks == {}


@pytest.mark.parametrize("arrival", [(0, 1), (1, 0)])
def test_of_two_starts_at_the_same_time_the_same_one_counts(
    here: Any, arrival: tuple[int, int]
) -> None:
    for index in arrival:
        here.see("infeed", 1_000, unit="U1", read_point=f"infeed-{index}")
    here.hear_until(HEARD_ALL)
    (milestone,) = here.milestones
    assert milestone.attributes["read_point"] == "infeed-0"
