"""What expressions do at their bounds, down in their brackets, and what they say of a fault."""

import re
from collections.abc import Mapping

import pytest

from edge.milestones.expressions import Computation, Condition, NoResult
from edge.milestones.model import Value

EXACT = 2**53


@pytest.mark.parametrize(
    "text",
    [
        "a == '" + "x" * 293 + "'",
        "a + b + c + d + e + f > 1.0",
        # Brackets beside each other are not deep.
        " || ".join(["a in [1]"] * 20),
        "[a ? 1 : 2] == [1]",
        "size([a, [1]]) == 2",
        # A field may be called as a function that is not called.
        "min > 1.0",
        # It has no result for any value that is tried, but has one for others.
        "1 / int(a - 2.0) == 1",
        "int(a * 1e20) > 0",
    ],
)
def test_what_is_within_the_bounds_is_not_refused(text: str) -> None:
    Condition(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a == '" + "x" * 294 + "'", "301 characters; an expression has at most 300"),
        ("a == 1 and b", "character 8: write && for 'and'"),
        ("a && not X", "character 6: write ! for 'not'"),
        ("a == 'x' ? 1 : true", "'1' is never true or false"),
        ("(a ? true : 1)", "'1' is never true or false"),
        ("a in [1] ? true : 1", "'1' is never true or false"),
        ("a in [1] || 'yes'", "\"'yes'\" is never true or false"),
        ("a in [1, b || 3 > 'x']", "\"3 > 'x'\" has no result"),
        ("max((a), b || 3 > 'x' ? 1.0 : 2.0) > 1.0", "\"3 > 'x'\" has no result"),
        # The name of the function, for there may be several in a part.
        ("abs(null) > 1.0", ": abs takes numbers, not null"),
        ("max() > 1.0", ": max takes at least one number"),
        ("max(1, 'a') > 1.0", ": max takes numbers, not a text"),
        ("round('a') > 1.0", ": round takes numbers, not a text"),
        ("round(1, 'a') > 1.0", ": round takes numbers, not a text"),
        ("round(1, 0.5) > 1.0", ": round takes whole numbers there, not 0.5"),
        ("substring(1, 1) == a", ": substring takes a text, not a number"),
        ("substring('b', 0.5) == 'b'", ": substring takes whole numbers there, not 0.5"),
        ("substring('b', 0, 0.5) == 'b'", ": substring takes whole numbers there, not 0.5"),
        ("lowerAscii(1) == a", ": lowerAscii takes a text, not a number"),
        ("trim(1) == a", ": trim takes a text, not a number"),
    ],
)
def test_what_is_beyond_them_is_refused_wherever_it_stands(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Condition(text)


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("n", {"n": EXACT}, EXACT),
        ("n", {"n": -EXACT}, -EXACT),
        ("round(n, 9)", {"n": 0.1234567894}, 0.123456789),
        ("code.substring(3)", {"code": "LPN"}, ""),
    ],
)
def test_a_bound_is_itself_a_value(text: str, fields: Mapping[str, Value], expected: Value) -> None:
    assert Computation(text).of(fields) == expected


@pytest.mark.parametrize(
    ("text", "fields", "why"),
    [
        ("1e308 * 10.0", {}, ": inf is no exact number"),
        ("a", {"a": ["x"]}, " for a = a list: it is a list"),
        ("abs(a)", {"a": False}, " for a = false: abs takes numbers, not true or false"),
        ("a - 1.0", {"a": "x" * 60}, f" for a = '{'x' * 60}': there is no string - double"),
        ("int(a)", {"a": 1e30}, " for a = 1e+30: Function 'int' error: integer overflow"),
        (
            "int(a) * int(a)",
            {"a": 2.0**32},
            " for a = 4294967296.0: Arithmetic overflow in 'mul' on 4294967296 and 4294967296",
        ),
    ],
)
def test_why_there_is_no_result_is_said_and_no_more(
    text: str, fields: Mapping[str, Value], why: str
) -> None:
    with pytest.raises(NoResult) as raised:
        Computation(text).of(fields)
    assert str(raised.value) == f"{text!r} has no result{why}"
