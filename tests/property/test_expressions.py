"""Whatever is written and whatever devices say: a result, or the one exception that is named."""

import math
from collections.abc import Mapping
from contextlib import suppress
from time import process_time

from hypothesis import example, given
from hypothesis import strategies as st

from edge.milestones.expressions import Computation, Condition, NoResult
from edge.milestones.expressions.program import Program
from edge.milestones.expressions.syntax import LONGEST
from edge.milestones.model import Value

LITERALS = st.sampled_from(
    ["0", "1", "2.0", "0.0", "1e308", "9223372036854775807", "''", "'é'", '"12"', "true", "null"]
)
FIELDS = st.sampled_from(["a", "b", "c"])
OPERATORS = st.sampled_from(["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "in"])
CALLED = st.sampled_from(
    ["abs", "min", "max", "round", "size", "string", "int", "double", "trim", "substring"]
)
METHODS = st.sampled_from(["contains", "startsWith", "endsWith", "substring", "upperAscii", "size"])


def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.builds("{} {} {}".format, inner, OPERATORS, inner),
        st.builds("({} {} {})".format, inner, OPERATORS, inner),
        st.builds("{}({})".format, CALLED, st.lists(inner, max_size=3).map(", ".join)),
        st.builds("({}).{}({})".format, inner, METHODS, inner),
        st.builds("[{}]".format, st.lists(inner, max_size=3).map(", ".join)),
        st.builds("{}({})".format, st.sampled_from(["!", "-"]), inner),
    )


def choosing(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        larger(inner)
        | st.builds("{} ? {} : {}".format, inner, inner, inner)
        | st.builds("{} {} {}".format, inner, st.sampled_from(["&&", "||"]), inner)
    )


ONE_PART = st.recursive(LITERALS | FIELDS, larger, max_leaves=6)
GRAMMATICAL = st.recursive(LITERALS | FIELDS, choosing, max_leaves=12)
SOUP = st.lists(
    st.sampled_from(
        [
            *"abc01.,:?!()[]{}+-*/%<>='\"\\`@#$&|\n\0é",
            *["&&", "||", "==", "in", "null", "//", "'''", "r'", "b'", "1u", "0x", "e9", "has("],
            *["a.b", "a[0]", "[1].map(x, x)", "size(", ".matches(", "if", "package", "optional."],
        ]
    ),
    max_size=20,
).map("".join)
WRITTEN = GRAMMATICAL | SOUP | st.text(max_size=30)
VALUES: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["x" * 1024, "\U0001f600" * 1024, "12", "1e999", "nan", "9223372036854775808"]),
)
TOLD = st.fixed_dictionaries({}, optional={"a": VALUES, "b": VALUES, "c": VALUES})


@given(WRITTEN, st.sampled_from([Condition, Computation]), st.lists(TOLD, max_size=4))
@example("a / b", Computation, [{"a": 0.0, "b": 0.0}])
@example("min(a, b)", Computation, [{"a": math.nan, "b": 1}])
@example("string(a)", Computation, [{"a": 1e308}])
@example("(" * 40 + "1" + ")" * 40, Computation, [])
@example("-" * LONGEST, Computation, [])
@example("a" + ".b" * 100, Computation, [])
def test_an_expression_gives_a_result_or_says_why_not(
    text: str, use: type[Condition | Computation], told: list[Mapping[str, Value]]
) -> None:
    started = process_time()
    try:
        expression = use(text)
    except ValueError:
        return
    finally:
        assert process_time() - started < 2
    for fields in told:
        before, started = repr(fields), process_time()
        assert _outcome(expression, fields) == _outcome(expression, fields)
        assert process_time() - started < 0.5
        assert repr(fields) == before


def _outcome(expression: Condition | Computation, fields: Mapping[str, Value]) -> str:
    try:
        result = expression.of(fields)
    except NoResult as why:
        return str(why)
    if isinstance(expression, Condition):
        assert isinstance(result, bool)
    else:
        assert result is None or isinstance(result, (bool, int, float, str))
        assert not isinstance(result, float) or math.isfinite(result)
    return repr(result)


@given(ONE_PART, st.lists(TOLD, min_size=1, max_size=8))
@example("(a - b) / (b - c) > 0.5", [{"a": 3, "b": 2, "c": 1}])
@example("1 / int(a) == 1", [{"a": 1}])
@example("a.substring(5) == 'x'", [{"a": "12345x"}])
def test_what_is_refused_for_its_types_never_has_a_result(
    text: str, told: list[Mapping[str, Value]]
) -> None:
    try:
        program = Program(text)
    except ValueError:
        return
    try:
        Condition(text)
    except ValueError:
        for fields in told:
            with suppress(NoResult):
                assert not isinstance(program.run(fields), bool)
