"""What a notification's numbers and bits tell."""

import pytest

from drivers.opcua.notifications import fingerprint, lost_changes, missed_between, next_number

LAST = 2**32 - 1


def test_numbers_roll_over_to_one() -> None:
    assert next_number(1) == 2
    assert next_number(LAST - 1) == LAST
    assert next_number(LAST) == 1


@pytest.mark.parametrize(
    ("expected", "received", "missed"),
    [
        (1, 1, 0),
        (5, 8, 3),
        (LAST, LAST, 0),
        (LAST, 1, 1),
        (LAST - 1, 2, 3),
        (5, 4, 0),
        (1, LAST, 0),
    ],
)
def test_missing_numbers_are_counted_and_repeated_ones_are_none(
    expected: int, received: int, missed: int
) -> None:
    assert missed_between(expected, received) == missed


@pytest.mark.parametrize(
    ("status", "lost"),
    [
        (0, False),
        (0x0480, True),
        (0x80310480, True),
        (0x0080, False),
        (0x0400, False),
        (0x0C80, False),
    ],
)
def test_the_overflow_bit_counts_only_with_its_info_type(status: int, *, lost: bool) -> None:
    assert lost_changes(status) is lost


def test_a_statement_is_told_from_its_repetition() -> None:
    said = fingerprint(b"1", "12:00", 0)
    assert fingerprint(b"1", "12:00", 0x0480) == said
    assert len({said, fingerprint(b"2", "12:00", 0), fingerprint(b"1", "12:01", 0)}) == 3
    assert fingerprint(b"1", "12:00", 0x80310000) != said
