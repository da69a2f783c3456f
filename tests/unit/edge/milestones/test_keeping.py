"""What tracks keep of a milestone is all of it."""

from dataclasses import asdict

import orjson
import pytest

from edge.milestones.keeping import from_json, to_json
from edge.milestones.model import Mark, Milestone, Name, Severity

PLAIN = Milestone("id-1", Name.STORED, "stored", "unit:U1", 1_000, {"unit": "U1"}, (7,))
EXCEPTION = Milestone(
    "id-2",
    Name.DAMAGED,
    "damaged",
    "unit:U1",
    2_000,
    {"unit": "U1", "order": "SO-1"},
    (7, 9),
    mark=Mark.LATE,
    told_through="id-1",
    rule_version="3f2a",
    severity=Severity.WARNING,
    blocks="order",
    lag=4_000,
)


@pytest.mark.parametrize("milestone", [PLAIN, EXCEPTION])
def test_a_milestone_is_kept_whole(milestone: Milestone) -> None:
    kept = from_json(orjson.loads(orjson.dumps(to_json(milestone))))
    assert asdict(kept) == asdict(milestone)
    assert (type(kept.mark), type(kept.severity)) == (Mark, type(milestone.severity))
