"""What is written as TOML is read again as it was."""

import tomllib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.writing import as_toml

NAMES = st.text(st.characters(codec="utf-8"), min_size=1)
SCALARS = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=4
)
TABLES = st.dictionaries(NAMES, VALUES, max_size=4)


@settings(max_examples=25, deadline=None)
@given(TABLES, st.lists(TABLES, min_size=1), st.dictionaries(NAMES, TABLES, min_size=1))
def test_what_is_written_is_read_again_as_it_was(
    site: dict[str, Any], observations: list[dict[str, Any]], rules: dict[str, dict[str, Any]]
) -> None:
    table = {"site": site, "observations": observations, "rules": rules}
    assert tomllib.loads("\n".join(as_toml(table))) == table


def test_a_rule_is_written_as_an_operator_would() -> None:
    rule = {"of": [{"kind": "load", "where": {"lane": 4}}], "within_seconds": 10}
    assert list(as_toml({"rules": {"loaded": rule}})) == [
        "[rules.loaded]",
        'of = [{ kind = "load", where = { lane = 4 } }]',
        "within_seconds = 10",
        "",
    ]


def test_a_list_that_is_too_long_for_a_line_has_a_line_for_each_of_its_members() -> None:
    subscriptions = [{"topic": f"dc/a/rather/long/topic/{number}/+/#"} for number in range(3)]
    lines = list(as_toml({"sources": {"floor": {"subscriptions": subscriptions}}}))
    assert lines[1:3] == ["subscriptions = [", '    { topic = "dc/a/rather/long/topic/0/+/#" },']
