"""What expressions mean, what they cost, and which are refused before any signal comes."""

import logging
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from time import process_time
from typing import Any

import pytest
from pydantic import TypeAdapter

from edge.milestones.expressions import Computation, Condition, NoResult
from edge.milestones.expressions.complaints import not_parsed
from edge.milestones.model import Value

LONGEST_FIELD = "x" * 1024


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("abs(weight - expected) > 0.05 * expected", {"weight": 12, "expected": 10}, True),
        ("abs(weight - expected) > 0.05 * expected", {"weight": 10.2, "expected": 10}, False),
        ("weight > 3", {"weight": 3}, False),
        ("weight > 3", {"weight": 3.5}, True),
        ("weight == 3", {"weight": 3}, True),
        ("weight == 3", {"weight": 3.0}, True),
        ("weight == 3", {"weight": "3"}, False),
        ("rma != null", {}, False),
        ("rma != null", {"rma": None}, False),
        ("rma != null", {"rma": "R1"}, True),
        ("rma == null || size(rma) > 1", {}, True),
        ("fragile", {"fragile": True}, True),
        ("!fragile || lane == 'soft'", {"fragile": True, "lane": "soft"}, True),
        ("type in ['pick', 'drop']", {"type": "drop"}, True),
        ("line in [1, 2]", {"line": 2}, True),
        ("code.startsWith('LPN') && code.endsWith('7')", {"code": "LPN17"}, True),
        ("contains == 'a'", {"contains": "a"}, True),
        ("name.contains('ü')", {"name": "Müller"}, True),
        ("int(count) % 2 == 0", {"count": 4}, True),
        ("a < b", {"a": "A-1", "b": "A-2"}, True),
        ("a > 1.0 ? b : !b", {"a": 2, "b": True}, True),
    ],
)
def test_a_condition_is_true_or_false_of_the_fields(
    text: str, fields: Mapping[str, Value], expected: Value
) -> None:
    assert Condition(text).of(fields) is expected


@pytest.mark.parametrize(
    ("text", "fields", "expected"),
    [
        ("grams / 1000.0", {"grams": 12500}, 12.5),
        ("grams / 1000.0", {"grams": 12000}, 12),
        ("'scale-' + string(station)", {"station": 3}, "scale-3"),
        ("'scale-' + string(station)", {"station": 3.0}, "scale-3"),
        ("string(weight)", {"weight": 12.5}, "12.5"),
        ("0.1 + 0.2", {}, 0.1 + 0.2),
        ("round(0.1 + 0.2, 2)", {}, 0.3),
        ("round(weight)", {"weight": 2.5}, 3),
        ("round(weight)", {"weight": -2.5}, -3),
        ("round(weight, 1)", {"weight": 0.49999999999999994}, 0.5),
        ("round(weight)", {"weight": 0.49999999999999994}, 0),
        ("round(weight, 2)", {"weight": 2.0**52 + 0.5}, 2**52),
        ("abs(weight)", {"weight": -3}, 3),
        ("min(a, b, 7)", {"a": 9, "b": 8.5}, 7),
        ("max(a, b, 7)", {"a": 9, "b": 8.5}, 9),
        ("max(a, 7) + 1.0", {"a": 6}, 8),
        ("code.substring(3)", {"code": "LPN17"}, "17"),
        ("substring(code, 0, 3)", {"code": "LPN17"}, "LPN"),
        ("code.trim().upperAscii()", {"code": " lpn-ü17\n"}, "LPN-ü17"),
        ("lowerAscii(code)", {"code": "LPN"}, "lpn"),
        ("double(text) + 1.0", {"text": "1.5"}, 2.5),
        ("int(text) + 1", {"text": "41"}, 42),
        ("size(text)", {"text": "abc"}, 3),
        ("rma == null ? 'none' : rma", {}, "none"),
        ("rma", {}, None),
        ("a == b", {"a": 1, "b": 1.0}, True),
    ],
)
def test_a_computation_gives_a_value(
    text: str, fields: Mapping[str, Value], expected: Value
) -> None:
    result = Computation(text).of(fields)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("text", "fields", "why"),
    [
        ("weight > limit", {"weight": 12}, "weight = 12, limit = null: an operator does not take"),
        ("weight - 1.0 > 0", {"weight": "12"}, "weight = '12': there is no string - double"),
        ("fragile", {}, "fragile = null: it is not true or false"),
        ("fragile", {"fragile": 1}, "fragile = 1: it is not true or false"),
        ("1 / int(n) == 1", {"n": 0}, "n = 0: division by zero"),
        ("1 % int(n) == 1", {"n": 0}, "n = 0: division by zero"),
        ("int(n) + 1 > 0", {"n": "9223372036854775807"}, "Arithmetic overflow"),
        ("int(n * 10000.0) > 0", {"n": 2**53}, "overflow"),
        ("int(n) > 0", {"n": "12,5"}, "n = '12,5': string parse error"),
        ("n > 0", {"n": 2**53 + 1}, "9007199254740993 has too many digits to calculate with"),
        ("n > 0", {"n": -(2**63)}, "too many digits"),
        ("abs(n) > 0", {"n": True}, "n = true: abs takes numbers, not true or false"),
        ("abs(t) > 0", {"t": "ab"}, "abs takes numbers, not a text"),
        ("size(t.substring(3)) > 0", {"t": "ab"}, "substring from 3 to 2 is not in 2 characters"),
        ("t.substring(-1) == t", {"t": "ab"}, "substring from -1"),
        ("t.substring(n) == t", {"t": "ab", "n": 0.5}, "whole numbers"),
        ("t.substring(n) == t", {"t": "ab", "n": 10**12}, "is not in 2 characters"),
        ("round(n, 10) > 0", {"n": 1}, "0 to 9 digits, not 10"),
        ("t + 1.0 == 1", {"t": LONGEST_FIELD}, "xxx'…: there is no string + double"),
    ],
)
def test_what_has_no_result_says_for_which_fields_and_why(
    text: str, fields: Mapping[str, Value], why: str
) -> None:
    with pytest.raises(NoResult, match=re.escape(why)) as raised:
        Condition(text).of(fields)
    assert str(raised.value).startswith(f"{text!r} has no result for ")
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize(
    "text", ["a / b", "a * 1e308 * 1e308", "a / b - a / b", "double('inf') * a"]
)
def test_what_is_no_number_is_no_value(text: str) -> None:
    with pytest.raises(NoResult, match=r"(inf|nan) is no exact number"):
        Computation(text).of({"a": 1, "b": 0})


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("and == 'x' && or != and || !not", ("and", "or", "not")),
        ("not in ['not', 'a and b']", ("not",)),
        ("and == 1 ? or : (not)", ("and", "or", "not")),
        ("upperAscii(and) in [or, not]", ("and", "or", "not")),
    ],
)
def test_a_field_may_be_called_as_other_languages_call_a_sign(
    text: str, fields: tuple[str, ...]
) -> None:
    assert Condition(text).reads == fields


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # Spelling.
        ("", "character 1: mismatched input the end"),
        ("weight >", "character 9: mismatched input the end"),
        ("(weight > 1", "character 12: missing ')' at the end"),
        ("weight = 1", "character 8: write == for '='"),
        ("a === 1", "character 3: write == for '==='"),
        ("a <> 1", "character 3: write != for '<>'"),
        ("a =< 1", "character 3: write <= for '=<'"),
        ("a => 1", "character 3: write >= for '=>'"),
        ("a & b", "character 3: write && for '&'"),
        ("a | b", "character 3: write || for '|'"),
        ("a and b", "character 3: write && for 'and'"),
        ("(a == 1) AND (b == 2)", "character 10: write && for 'AND'"),
        ("a in ['x'] or b", "character 12: write || for 'or'"),
        ("a && not b", "character 6: write ! for 'not'"),
        ("not (a && b)", "character 1: write ! for 'not'"),
        ("a not in ['x']", "character 3: write !(… in …) for 'not in'"),
        ("'weight", 'character 1: "\'" cannot stand there'),
        ("a == 1u", "character 6: '1' cannot stand there"),
        ("a == 0x10", "character 6: '0' cannot stand there"),
        ("a == b'x'", 'character 7: "\'" cannot stand there'),
        ("a == r'\\'", 'character 7: "\'" cannot stand there'),
        ("a == '''x'''", 'character 8: "\'" cannot stand there'),
        ("a == 1 // so", "character 8: '/' cannot stand there"),
        ("{'a': b}['a']", "character 1: '{' cannot stand there"),
        ("größe > 1", "character 3: 'ö' cannot stand there"),
        ("package == 'x'", "character 1: reserved identifier: package"),
        ("a == 99999999999999999999", "character 6: invalid int literal"),
        # What scalars have no use for.
        ("a.b == 1", "character 2: a field has no fields; write a field's name alone"),
        ("a[0] == 1", "character 2: a field has no parts to choose with [ ]"),
        ("'abc'[0] == 'a'", "character 6: a field has no parts"),
        # Functions.
        ("now() > 1", "no function 'now'; functions are abs, contains, double, endsWith, int"),
        ("has(a)", "no function 'has'"),
        ("[1, 2].all(x, x > a)", "no function 'all'"),
        ("a.matches('x*')", "no function 'matches'"),
        ("timestamp(a) > timestamp(a)", "no function 'timestamp'"),
        ("a.foo(1)", "no function 'foo'"),
        ("abs(abs) > 1.0", "'abs' is a function and a field here; rename the field"),
        ("size(a, 1) > 2", "whatever its fields are: size does not take these"),
        ("abs() > 1.0", "whatever its fields are: abs takes another number of arguments"),
        ("substring(a) == ''", "substring takes another number of arguments"),
        ("min() > 1.0", "min takes at least one number"),
        ("min(1, 'a') > 1.0", "min takes numbers, not a text"),
        ("upperAscii(1) == a", "upperAscii takes a text, not a number"),
        # Types.
        ("'a' + 1 == a", "\"'a' + 1 == a\" has no result, whatever its fields are: there is no"),
        ("a * 2 > 3", "there is no double * int; write 2.0 for 2"),
        ("a % 2.0 == 1.0", "there is no double % double"),
        ("a > null", "an operator does not take values of these types"),
        ("-'a' == a", "an operator does not take values of these types"),
        ("1 / 0 == 1", "division by zero"),
        ("weight - 1.0", "'weight - 1.0' is never true or false"),
        ("'yes'", "\"'yes'\" is never true or false"),
        ("[true]", "'[true]' is never true or false"),
        # In what && and || would leave out, too.
        ("a == 'x' && b * 2 > 1", "'b * 2 > 1' has no result"),
        ("a == 'x' || 'yes'", "\"'yes'\" is never true or false"),
        ("a == 'x' ? true : 1", "'1' is never true or false"),
        ("a == 'x' ? (b || c * 2 > 1) : true", "'c * 2 > 1' has no result"),
        ("1 ? true : false", "'1' is never true or false"),
        ("!(a == 'x' && (b || c - 1.0))", "'c - 1.0' is never true or false"),
        ("max(a, b ? 1 : 'c' - 1) > 2.0", "\"'c' - 1\" has no result"),
        ("a in [1, b && 3 > 'x']", "an operator does not take values of these types"),
        # Bounds.
        ("a == '" + "x" * 300 + "'", "307 characters; an expression has at most 300"),
        ("(" * 17 + "a" + ")" * 17, "more than 16 brackets within each other, or choices"),
        ("[" * 17 + "a" + "]" * 17, "more than 16 brackets"),
        ("a ? " * 17 + "a" + " : a" * 17, "more than 16 brackets"),
        ("a + b + c + d + e + f + g > 1.0", "reads 7 fields; an expression reads at most 6"),
        ("abs([a]) > 0", "whatever its fields are: abs takes numbers, not a list"),
    ],
)
def test_an_expression_that_can_never_work_is_refused_and_says_why(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)) as refused:
        Condition(text)
    assert "<input>" not in str(refused.value)
    assert "expecting" not in str(refused.value)


def test_a_list_is_no_value() -> None:
    with pytest.raises(ValueError, match="never a text, a number, true, false or null"):
        Computation("[a, b]")


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "[a] == [1]",
        "1 / int(a) == 1",  # of 2, but of 0.5 there is none
        "int(a) == 1",
        "double(a) > 1.0",
        "a.substring(12) == 'x'",
        "a.contains(b) && b.startsWith(c)",
        "a == null ? false : b > a",
        "min(double(a), b) > 1.0",
        "(" * 16 + "a" + ")" * 16,
        "a ? true : " * 16 + "a",
        "a" + " || a" * 59,
    ],
)
def test_what_may_have_a_result_is_not_refused(text: str) -> None:
    Condition(text)


def test_it_says_which_fields_it_reads() -> None:
    assert Condition("b > a && size(c) > 0 && b in [1, 2] && c != 'd'").reads == ("b", "a", "c")


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["a"] * 150),
        "size(" + "+".join(["a"] * 140) + ")",
        "+".join(["trim(a)"] * 37),
        "+".join(["trim(" * 15 + "a" + ")" * 15] * 3),
        " + ".join(["lowerAscii(a)"] * 18),
    ],
)
def test_the_dearest_expressions_cost_milliseconds(text: str) -> None:
    computation = Computation(text)
    started = process_time()
    for _ in range(10):
        computation.of({"a": LONGEST_FIELD})
    assert process_time() - started < 0.5  # 10 ms each, where 1 ms is measured


@pytest.mark.parametrize(
    "text", ["a + b + c + d + e + size(f) > 1.0", "(" * 16 + "a < b" + ")" * 16 + " && c" * 50]
)
def test_the_dearest_to_check_costs_a_second_at_most(text: str) -> None:
    started = process_time()
    with suppress(ValueError):
        Condition(text)
    assert process_time() - started < 1


def test_faults_of_functions_are_not_logged_besides(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for value in (None, "x", True):
            with pytest.raises(NoResult):
                Condition("abs(a) > 1.0").of({"a": value})
    assert caplog.records == []


def test_settings_hold_it_as_its_text() -> None:
    adapter = TypeAdapter(dict[str, Condition])
    settings: Any = {"if": "a > 1"}
    held = adapter.validate_python(settings)
    assert held == {"if": Condition("a > 1")}
    assert held != {"if": Condition("a > 2")}
    assert held != {"if": Computation("a > 1")}
    assert hash(held["if"]) == hash(Condition("a > 1"))
    assert adapter.dump_python(held, mode="json") == settings
    assert adapter.json_schema()["additionalProperties"] == {"type": "string", "minLength": 1}
    assert repr(held["if"]) == "Condition('a > 1')"


def test_who_has_no_expressions_does_not_load_the_library() -> None:
    program = "import sys, edge.milestones.engine; sys.exit('cel' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_what_the_parser_says_of_no_place_is_still_a_word() -> None:
    assert not_parsed("panicked") == "it is no expression"
