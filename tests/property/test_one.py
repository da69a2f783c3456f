"""One observation is a fact: each occurrence is told once, and all of them are."""

from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.model import Value
from tests.property.drawing import SEEDS, one_of_each
from tests.property.telling import Happening, live, stories, tellings
from tests.unit.edge.milestones.conftest import Site

RULES = {
    "returned": {
        "operator": "one",
        "milestone": "returned",
        "about": "unit",
        "occurrence": ["rma", "line"],
        "of": {"kind": "return", "where": {"read_point": "gate-*"}},
    }
}
SITE = Site(RULES)
HAPPENINGS = st.lists(
    one_of_each(
        range(10_000),
        ["gate-1", "gate-2", "dock-1", None],
        ["U1", "U2", "U1,2"],
        [None, "1", "2", "1,2"],
        [None, 1, 2],
    ),
    max_size=10,
    unique_by=lambda each: each[2:],
).map(
    lambda drawn: [
        Happening(at, "return", _present(read_point=read_point, unit=unit, rma=rma, line=line))
        for at, read_point, unit, rma, line in drawn
    ]
)


def _present(**fields: Value) -> dict[str, Value]:
    return {name: value for name, value in fields.items() if value is not None}


@given(HAPPENINGS, SEEDS)
def test_each_occurrence_is_told_once(happened: list[Happening], seed: int) -> None:
    expected = [
        ("returned", f"unit:{each.fields['unit']}", each.at, each.fields)
        for each in happened
        if str(each.fields.get("read_point")).startswith("gate-")
    ]
    assert stories(live(SITE.anew(), tellings(happened, seed))) == sorted(expected, key=repr)
