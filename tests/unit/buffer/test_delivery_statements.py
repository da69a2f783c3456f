"""What a delivery asks of the store costs the same with few and with many rows: nothing scans."""

import re
import sqlite3

import pytest

from buffer.statements import statements

STATEMENTS = (
    "pending",
    "pending_of_key",
    "hidden",
    "dead_among",
    "newest",
    "append_attempts",
    "not_pending",
    "settle",
    "settle_decided",
    "dead_keys",
    "first_pending",
    "oldest_pending",
)
BOUNDED = re.compile(r"SCAN (each|\(subquery-\d+\)|CONSTANT ROW|\d+ CONSTANT ROWS?|json_each)\b")
"""What was given with the question, one row for each lane, or the end of an index."""


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_of_a_delivery_scans(name: str, connection: sqlite3.Connection) -> None:
    sql = statements("outbox")[name]
    numbered = [int(n) for n in re.findall(r"\?(\d+)", sql)]
    parameters = [None] * (max(numbered) if numbered else sql.count("?"))
    plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
    steps = [step for *_, step in plan]
    scans = [step for step in steps if step.startswith("SCAN") and not BOUNDED.match(step)]
    assert not scans, steps
    assert not [step for step in steps if "AUTOMATIC" in step], steps
    if name not in {"first_pending", "oldest_pending"}:  # three rows, one for each lane
        assert not [step for step in steps if "TEMP B-TREE FOR ORDER" in step], steps
