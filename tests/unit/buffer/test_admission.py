"""Who may take part in the next transaction, by how much room there is."""

import asyncio
from collections.abc import Iterator

import pytest

from buffer.lane import Lane
from buffer.writing.admission import STOPS_AT, Admission
from buffer.writing.waiting import NEEDS_NO_ROOM, ROOMLESS, Piece, Waiting

BUDGET = 1000


class Given:
    """An admission, and what waits for it."""

    def __init__(self) -> None:
        self.waiting = Waiting()
        self.admission = Admission(self.waiting, BUDGET)
        self.loop = asyncio.new_event_loop()

    def wait(self, *lanes: Lane | None) -> None:
        for lane in lanes:
            self.waiting.add(Piece(lambda _: None, 1, 1, lane, self.loop.create_future()))

    def wait_roomless(self) -> None:
        done = self.loop.create_future()
        self.waiting.add(Piece(lambda _: None, 1, NEEDS_NO_ROOM, None, done))

    def taken(self) -> list[Lane | None]:
        pieces = self.admission.take()
        self.waiting.put_back(pieces)
        return sorted((piece.intake for piece in pieces), key=[None, *Lane].index)


@pytest.fixture
def given() -> Iterator[Given]:
    made = Given()
    made.wait(None, *Lane, None)
    yield made
    made.loop.close()


@pytest.mark.parametrize(
    ("used", "going_on"),
    [
        (799, [Lane.CRITICAL, Lane.NORMAL, Lane.BULK]),
        (800, [Lane.CRITICAL, Lane.NORMAL]),
        (899, [Lane.CRITICAL, Lane.NORMAL]),
        (900, [Lane.CRITICAL]),
        (949, [Lane.CRITICAL]),
        (950, []),
        (2000, []),
    ],
)
def test_bulk_stops_first_then_normal_then_critical_and_upkeep_never(
    given: Given, used: int, going_on: list[Lane]
) -> None:
    given.admission.measured(used, at=7)
    assert given.taken() == [None, None, *going_on]
    assert given.admission.held == {lane: 7 for lane in Lane if lane not in going_on}


def test_a_lane_goes_on_only_when_some_more_room_is_there_than_where_it_stopped(
    given: Given,
) -> None:
    stop = STOPS_AT[Lane.NORMAL] * BUDGET
    changes = list[bool]()
    for step in range(200):  # used goes up and down by half a percent around the limit
        given.admission.measured(round(stop) + (step % 10) - 5, at=step)
        changes.append(Lane.NORMAL in given.admission.held)
    assert changes[:5] == [False] * 5
    assert changes[5:] == [True] * 195
    assert given.admission.held[Lane.NORMAL] == 5  # since when
    given.admission.measured(879, at=300)
    assert Lane.NORMAL not in given.admission.held


def test_after_a_transaction_without_room_upkeep_goes_alone_and_then_together_again(
    given: Given,
) -> None:
    assert not given.admission.found_no_room(given.admission.take(), at=7)
    assert given.admission.held == dict.fromkeys(Lane, 7)
    pieces = given.admission.take()
    assert [piece.intake for piece in pieces] == [None]  # one by one
    given.admission.committed(pieces, used=1, at=8)
    given.wait(None, None)
    assert given.taken() == [None, None, None]


def test_what_needs_no_room_passes_upkeep_that_finds_none(given: Given) -> None:
    given.admission.found_no_room(given.admission.take(), at=7)
    given.wait_roomless()
    for _ in range(2):  # each in its turn
        pieces = given.admission.take()
        if pieces[0].queue == ROOMLESS:
            given.admission.committed(pieces, used=1, at=8)
        else:
            assert given.admission.found_no_room(pieces, at=8)
            given.admission.relieved(has_given=False)
    assert given.admission.take() == []  # until the next look
    given.wait_roomless()
    assert [piece.queue for piece in given.admission.take()] == [ROOMLESS]


def test_upkeep_finds_its_room_one_by_one_however_much_needs_none(given: Given) -> None:
    given.admission.found_no_room(given.admission.take(), at=7)
    settled = 0
    for _ in range(10):
        given.wait_roomless()
        pieces = given.admission.take()
        if len(pieces) > 1:
            given.admission.found_no_room(pieces, at=8)
        else:
            settled += pieces[0].queue is None
            given.admission.committed(pieces, used=1, at=8)
    assert settled == 2


def test_what_needs_no_room_and_finds_none_leaves_the_turn_to_others_like_it(given: Given) -> None:
    given.admission.found_no_room(given.admission.take(), at=7)
    given.wait_roomless()
    given.wait_roomless()
    tried = set[Piece]()
    for _ in range(4):
        pieces = given.admission.take()
        tried |= {piece for piece in pieces if piece.queue == ROOMLESS}
        given.admission.found_no_room(pieces, at=8)
        given.admission.relieved(has_given=False)
        given.admission.looked(BUDGET, 1, at=9, has_room=False)
    assert len(tried) == 2


def test_upkeep_without_room_waits_for_the_next_look_unless_the_reserve_gives_some(
    given: Given,
) -> None:
    given.admission.found_no_room(given.admission.take(), at=7)
    assert given.admission.found_no_room(given.admission.take(), at=8)
    given.admission.relieved(has_given=True)
    assert given.taken() == [None]
    assert given.admission.found_no_room(given.admission.take(), at=9)
    given.admission.relieved(has_given=False)
    assert given.taken() == []
    given.admission.looked(BUDGET, 1, at=10, has_room=False)
    assert given.taken() == [None]


def test_when_a_look_finds_room_one_piece_of_intake_is_tried_before_all_go_on(
    given: Given,
) -> None:
    given.admission.found_no_room(given.admission.take(), at=7)
    given.admission.looked(BUDGET, 1, at=8, has_room=True)
    pieces = given.admission.take()
    assert len(pieces) == 1
    assert pieces[0].intake is not None
    assert given.admission.held == dict.fromkeys(Lane, 7)  # until it is proven
    assert not given.admission.found_no_room(pieces, at=9)
    assert given.taken() == [None]
    given.admission.looked(BUDGET, 1, at=10, has_room=True)
    given.admission.committed(given.admission.take(), used=1, at=11)
    assert given.admission.held == {}
    assert len(given.taken()) == 4


def test_room_on_the_volume_does_not_help_lanes_that_are_over_the_budget(given: Given) -> None:
    given.admission.found_no_room(given.admission.take(), at=7)
    given.admission.looked(BUDGET, 960, at=8, has_room=True)
    assert given.taken() == [None]
    given.admission.looked(2 * BUDGET, 960, at=9, has_room=True)  # somebody freed the volume
    assert len(given.taken()) == 1
