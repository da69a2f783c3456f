"""What a lifecycle makes of a milestone that is declared to be false."""

from collections.abc import Sequence
from dataclasses import replace

import orjson

from edge.milestones.lifecycle import Guard
from edge.milestones.lifecycle_track import NOTHING_KNOWN, Known
from edge.milestones.model import Decision, Mark, Milestone, Name, Track
from edge.milestones.rules import Lifecycle
from edge.milestones.step import Step
from tests.known_tracks import KnownTracks

PACKED = Milestone("a" * 32, Name.PACKED, "packed", "unit:U1", 1_000, {"order": "SO-1"}, (1,))
LOADED = Milestone("b" * 32, Name.LOADED, "loaded", "unit:U1", 2_000, {"weight": 1}, (2,))
FALSE = replace(LOADED, id="c" * 32, retracts=LOADED.id, corrected_by=("d" * 32,), mark=Mark.LATE)
TRUE = replace(LOADED, id="d" * 32, attributes={"weight": 2})
AGAIN = replace(PACKED, id="e" * 32, occurred_at=5_000)
DEPARTED = Milestone("f" * 32, Name.DEPARTED, "departed", "unit:U1", 3_000, {}, (3,))
LIFECYCLE = Lifecycle(
    stages=(Name.PACKED, Name.LOADED, Name.DEPARTED),
    carry=("order",),
    exceptions=(Name.ILLEGAL, Name.UNKNOWN),
)


class Guarded:
    """A lifecycle at a site; its tracks are JSON between any two steps."""

    def __init__(self, lifecycle: Lifecycle, site: str = "dc") -> None:
        self._guard = Guard(site, "outbound", lifecycle)
        self._tracks = KnownTracks()

    def admit(self, *milestones: Milestone) -> list[Milestone]:
        told: list[Milestone] = []
        for each in milestones:
            step = Step(self._tracks, (), {})
            told += self._guard.admit(each, step)
            self._commit(step.decision)
        return told

    def expire(self) -> Sequence[Milestone]:
        ((track, known),) = self._tracks.items()
        assert known.due_at is not None
        step = Step(self._tracks, (), {})
        told = self._guard.expire(track, known.state, known.due_at, step)
        self._commit(step.decision)
        return told

    def _commit(self, decision: Decision) -> None:
        for track, new in decision.tracks.items():
            assert new is not None
            self._tracks[track] = Track(orjson.loads(orjson.dumps(new.state)), new.due_at)


QUIET = LIFECYCLE.model_copy(update={"exceptions": ()})


def ids(milestones: Sequence[Milestone]) -> list[str]:
    return [each.id for each in milestones]


def test_what_was_told_is_corrected_with_what_it_had_learned() -> None:
    told = Guarded(QUIET).admit(PACKED, LOADED, FALSE, TRUE)
    assert ids(told) == ids([PACKED, LOADED, FALSE, TRUE])
    assert (told[2].corrected_by, told[2].mark) == ((TRUE.id,), Mark.LATE)
    assert told[2].attributes == told[1].attributes == {"weight": 1, "order": "SO-1"}
    assert told[3].attributes == {"weight": 2, "order": "SO-1"}


def test_what_is_held_is_corrected_before_it_is_told() -> None:
    told = Guarded(QUIET).admit(LOADED, FALSE, TRUE, PACKED)
    assert [(each.id, each.retracts) for each in told] == [(PACKED.id, None), (TRUE.id, None)]


def test_what_is_illegal_waits_for_its_own_stage_alone() -> None:
    here = Guarded(QUIET)
    here.admit(PACKED, LOADED, AGAIN, TRUE)
    assert ids(here.admit(FALSE)) == ids([FALSE, TRUE])
    false = replace(PACKED, id="0" * 32, retracts=PACKED.id)
    assert ids(here.admit(false)) == ids([false, AGAIN])


def test_what_takes_the_place_of_what_is_retracted_has_its_place_in_the_order() -> None:
    here = Guarded(QUIET)
    assert here.admit(LOADED, TRUE, DEPARTED, FALSE) == []
    assert ids(here.expire()) == ids([TRUE, DEPARTED])


def test_what_is_illegal_no_more_is_retracted_late() -> None:
    *_, undone, told = Guarded(LIFECYCLE).admit(PACKED, LOADED, TRUE, FALSE)
    assert (undone.name, undone.mark, told.id) == (Name.ILLEGAL, Mark.LATE, TRUE.id)


def test_what_a_lifecycle_tells_by_itself_has_another_id_at_another_site() -> None:
    told: list[list[Milestone]] = []
    for site in ("dc-north", "dc-south"):
        here = Guarded(LIFECYCLE, site)
        here.admit(LOADED, TRUE, FALSE)
        told.append([*here.expire(), *here.admit(PACKED, AGAIN)])
    north, south = ([each for each in found if each.rule == "outbound"] for found in told)
    assert [each.name for each in north] == [Name.UNKNOWN, Name.UNKNOWN, Name.ILLEGAL]
    assert set(ids(north)).isdisjoint(ids(south))


def test_each_that_was_illegal_is_retracted_with_an_id_of_its_own() -> None:
    here = Guarded(LIFECYCLE)
    again = [replace(AGAIN, id=digit * 32) for digit in "12"]
    false = [
        replace(AGAIN, id=digit * 32, retracts=each.id)
        for digit, each in zip("34", again, strict=True)
    ]
    *_, first, second = here.admit(PACKED, *again)
    undone = here.admit(*false)
    assert [each.retracts for each in undone] == ids([first, second])
    assert len({*ids([first, second]), *ids(undone)}) == 4
    assert all(len(each) == 32 for each in ids(undone))


def test_a_key_that_was_kept_before_lifecycles_told_exceptions_is_known() -> None:
    kept = {"accepted": {"packed": ["a" * 32, 1_000]}, "held": [], "carried": {}, "last_at": 1_000}
    assert Known.of(kept) == NOTHING_KNOWN._replace(
        accepted={"packed": ("a" * 32, 1_000)}, last_at=1_000
    )
