from typing import Any

import pytest

from edge.milestones.fields import (
    LARGEST_NUMBER,
    Unjudgeable,
    joined,
    matcher,
    measurement,
    number,
    rank,
    text,
    total,
)
from edge.milestones.model import Observation, Value
from edge.milestones.rules import Pattern


def told(**fields: Value) -> Observation:
    return Observation(1, "floor", "weighing", 0, fields)


@pytest.mark.parametrize(
    ("wanted", "found", "matches"),
    [
        ("dock-in-*", "dock-in-1", True),
        ("dock-in-*", "dock-out-1", False),
        ("dock-in-*", "the-dock-in-1", False),
        ("dock-in-?", "dock-in-12", False),
        ("dock-in-[12]", "dock-in-2", True),
        ("dock-in-1", "dock-in-1", True),
        ("dock-in-1", "DOCK-IN-1", False),
        ("dock.in", "dock-in", False),
        ("*", None, False),
        ("3", 3, True),
        (3, 3.0, True),
        (3, "3", True),
        (3, True, False),
        (True, True, True),
        ("true", True, True),
        (False, 0, False),
        (2.5, 2.5, True),
    ],
)
def test_a_field_is_compared_by_its_text(wanted: Any, found: Any, matches: Any) -> None:
    test = matcher(Pattern(kind="scan", where={"field": wanted}))
    assert test is not None
    assert test({"field": found, "other": 1}) is matches


def test_all_fields_must_match() -> None:
    test = matcher(Pattern(kind="scan", where={"a": "x", "b": "y*"}))
    assert test is not None
    assert test({"a": "x", "b": "yes"})
    assert not test({"a": "x", "b": "no"})
    assert not test({"a": "x"})


def test_a_pattern_without_conditions_needs_no_test() -> None:
    assert matcher(Pattern(kind="scan")) is None


def test_a_value_has_one_text_however_it_was_encoded() -> None:
    assert [text(value) for value in (3, 3.0, "3")] == ["3"] * 3
    assert [text(value) for value in (True, False, 2.5)] == ["true", "false", "2.5"]


def test_values_that_divide_a_key_are_kept_apart() -> None:
    divided = [
        joined("order:1", []),
        joined("order:1", ["2"]),
        joined("order:1", ["2", "3"]),
        joined("order:1", ["2,3"]),
        joined("order:1", ['2","3']),
        joined("order:1", [None]),
        joined("order:1", ["null"]),
        joined('order:1 ["2"]', []) + " ",
    ]
    assert len(set(divided)) == len(divided)


def test_a_sum_does_not_depend_on_the_order_of_what_is_added() -> None:
    assert total([0.1] * 10) == 1
    assert total([0.1, 0.2, 0.3]) == total([0.3, 0.2, 0.1]) == 0.6
    assert isinstance(total([1.5, 1.5]), int)
    assert total([]) == 0


def test_numbers_are_taken_up_to_the_largest_and_no_further() -> None:
    assert number(told(n=LARGEST_NUMBER), "n") == LARGEST_NUMBER
    for extreme in (LARGEST_NUMBER, -LARGEST_NUMBER):
        assert measurement(told(n=extreme), "n") == extreme
        with pytest.raises(Unjudgeable, match="from -1000000000000 to 1000000000000, not"):
            measurement(told(n=extreme * 2), "n")
    for beyond in (LARGEST_NUMBER + 1, -1):
        with pytest.raises(Unjudgeable, match="from 0 to 1000000000000, not"):
            number(told(n=beyond), "n")


def test_zero_is_the_same_value_with_whatever_sign_it_is_told() -> None:
    # As JSON -0.0 and 0.0 differ: a repeat would look like news.
    assert str(measurement(told(n=-0.0), "n")) == "0.0"


def test_the_rank_of_fields_does_not_depend_on_their_order() -> None:
    assert rank({"a": 1, "b": 2}) == rank({"b": 2, "a": 1}) < rank({"a": 1, "b": 3})


WEIGHING = {"kind": "weighing", "where": {"read_point": "scale-*"}, "if": "weight > limit"}


def test_a_condition_must_be_true_besides() -> None:
    test = matcher(Pattern.model_validate(WEIGHING))
    assert test is not None
    assert test({"read_point": "scale-1", "weight": 2, "limit": 1})
    assert not test({"read_point": "scale-1", "weight": 1, "limit": 1})
    only = matcher(Pattern.model_validate({"kind": "weighing", "if": "weight > limit"}))
    assert only is not None
    assert only({"weight": 2, "limit": 1})
    assert not only({"weight": 1, "limit": 1})


def test_a_condition_is_evaluated_only_on_what_is_meant() -> None:
    test = matcher(Pattern.model_validate(WEIGHING))
    assert test is not None
    assert not test({"read_point": "dock-in-1", "weight": "heavy"})
    with pytest.raises(Unjudgeable, match="'weight > limit' has no result for weight = 'heavy'"):
        test({"read_point": "scale-1", "weight": "heavy"})
