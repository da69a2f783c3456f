from typing import Any

import pytest

from edge.milestones.fields import Unjudgeable, joined, matcher, text, total
from edge.milestones.rules import Pattern


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
