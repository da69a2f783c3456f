"""Which subjects filters let through, and whether two can let through the same."""

from itertools import product

import pytest

from edge.milestones.decode.subject import matches, overlaps

LEVELS = ("a", "b", "", "$c")
SUBJECTS = [subject for n in range(1, 5) for subject in product(LEVELS, repeat=n)]
FILTERS = [
    each
    for n in range(1, 4)
    for each in product((*LEVELS, "+", "#"), repeat=n)
    if "#" not in each[:-1]
]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("dc/+/scan", "dc/dock-1/scan", True),
        ("dc/+/scan", "+/dock-1/+", True),
        ("dc/+/scan", "dc/#", True),
        ("dc/#", "dc", True),
        ("#", "dc/+", True),
        ("scaner/+/scan", "scanner/+/scan", False),
        ("dc/+", "dc/+/scan", False),
        ("dc/+/#", "dc", False),
        ("#", "$SYS/broker", False),
        ("$SYS/#", "$SYS/broker", True),
        ("conveyor", "conveyor", True),
    ],
)
def test_overlap_of_what_is_said_and_what_is_listened_to(
    one: str, other: str, *, expected: bool
) -> None:
    assert overlaps(one, other) is expected
    assert overlaps(other, one) is expected


def test_filters_overlap_exactly_when_there_is_a_subject_that_both_let_through() -> None:
    passed = {each: {subject for subject in SUBJECTS if matches(each, subject)} for each in FILTERS}
    wrong = [
        (one, other)
        for one, other in product(FILTERS, repeat=2)
        if overlaps("/".join(one), "/".join(other)) == passed[one].isdisjoint(passed[other])
    ]
    assert wrong == []
