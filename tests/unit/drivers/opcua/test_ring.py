"""The arithmetic of record buffers."""

import random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.opcua.ring import Found, Position, joined, judge, own_number, position


def record(number: int) -> bytes:
    return orjson.dumps({"n": number})


@pytest.mark.parametrize(
    ("bookmark", "counter", "expected"),
    [
        (None, 0, Position(0)),
        (None, 5, Position(0)),
        (None, 20, Position(12)),
        (3, 3, Position(3)),
        (3, 11, Position(3)),
        (3, 12, Position(4, missed=range(4, 5))),
        (3, 30, Position(22, missed=range(4, 23))),
        (30, 3, Position(0, went_back=True)),
        (30, 20, Position(12, went_back=True)),
    ],
)
def test_reading_goes_on_with_the_oldest_record_still_wanted_and_still_there(
    bookmark: int | None, counter: int, expected: Position
) -> None:
    assert position(bookmark, counter, slots=8) == expected


def test_records_in_their_slots_are_found() -> None:
    found = judge(range(3, 6), [record(3), record(4), record(5)], counter=5, slots=8)
    assert found == Found(last=5, records=[3, 4, 5])


def test_an_older_record_or_none_in_the_slot_is_waited_for() -> None:
    waiting = Found(last=3, records=[3], is_waiting=True)
    for content in (None, record(1)):
        found = judge(range(3, 6), [record(3), content, record(5)], counter=5, slots=3)
        assert found == waiting


def test_a_record_waited_for_too_long_is_skipped() -> None:
    found = judge(range(3, 6), [record(3), None, record(5)], counter=5, slots=8, give_up=4)
    assert found == Found(last=5, records=[3, 5], skipped=4)


def test_a_later_record_in_the_slot_means_that_the_expected_one_is_lost() -> None:
    found = judge(range(3, 6), [record(11), record(12), record(5)], counter=12, slots=8)
    assert found.records == [5]
    assert joined(found.overtaken) == [range(3, 5)]


def test_what_tells_no_number_counts_only_if_the_plc_cannot_have_come_round() -> None:
    contents = [b"a", b"b", b"c"]
    assert judge(range(3, 6), contents, counter=9, slots=8).records == [3, 4, 5]
    assert judge(range(3, 6), contents, counter=10, slots=8).records == [4, 5]
    assert judge(range(3, 6), contents, counter=12, slots=8).records == []


def test_what_was_not_read_is_not_judged() -> None:
    assert judge(range(3, 6), [record(3)], counter=5, slots=8) == Found(last=3, records=[3])


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (b'{"n":7}', 7),
        (b'{"n":"7"}', None),
        (b'{"n":true}', None),
        (b"[7]", None),
        (b"{}", None),
        (b"\xff", None),
        (b'{"n":7', None),
    ],
)
def test_a_record_gives_its_number_as_n(content: bytes, number: int | None) -> None:
    assert own_number(content) == number


@given(
    seed=st.integers(0, 2**32),
    slots=st.integers(2, 12),
    speed=st.integers(0, 30),
    chunk=st.integers(1, 8),
    numbered=st.booleans(),
)
def test_each_record_is_found_once_or_missed_once_however_the_plc_races(
    *, seed: int, slots: int, speed: int, chunk: int, numbered: bool
) -> None:
    """A model PLC writes between any two reads; the reader accounts for every record."""
    dice = random.Random(seed)
    ring: dict[int, int] = {}
    written = counter = 0

    def race() -> None:
        nonlocal written, counter
        for _ in range(dice.randint(0, speed)):
            if written == counter:
                written += 1
                ring[written % slots] = written
            else:
                counter = written

    def read(number: int) -> bytes | None:
        race()
        content = ring.get(number % slots)
        if content is None:
            return None
        return record(content) if numbered else f"record {content}".encode()

    last: int | None = 0
    accounted: list[int] = []
    for turn in range(60):
        if turn >= 40:
            speed = 0  # the PLC rests, the reader gets to the end
        start = position(last, counter, slots)
        accounted += start.missed
        expected = range(start.after + 1, min(counter, start.after + chunk) + 1)
        contents = [read(number) for number in expected]
        race()
        found = judge(expected, contents, counter, slots)
        for number in found.records:
            content = contents[number - expected.start]
            assert content == (record(number) if numbered else f"record {number}".encode())
        accounted += sorted([*found.records, *(n for lost in found.overtaken for n in lost)])
        last = found.last
    assert accounted == list(range(1, counter + 1))
