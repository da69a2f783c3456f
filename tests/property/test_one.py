"""One observation is a fact: each occurrence is told once, and all of them are."""

from hypothesis import given
from hypothesis import strategies as st

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
OCCURRENCE = ("unit", "rma", "line")

HAPPENINGS = st.lists(
    st.builds(
        lambda at, fields: Happening(at, "return", fields),
        st.integers(0, 10_000),
        st.fixed_dictionaries(
            {"unit": st.sampled_from(["U1", "U2", "U1,2"])},
            optional={
                "rma": st.sampled_from(["1", "2", "1,2"]),
                "line": st.sampled_from([1, 2]),
                "read_point": st.sampled_from(["gate-1", "gate-2", "dock-1"]),
            },
        ),
    ),
    max_size=10,
    unique_by=lambda each: tuple(each.fields.get(field) for field in OCCURRENCE),
)


@given(HAPPENINGS, st.data())
def test_each_occurrence_is_told_once(happened: list[Happening], data: st.DataObject) -> None:
    expected = [
        ("returned", f"unit:{each.fields['unit']}", each.at, each.fields)
        for each in happened
        if str(each.fields.get("read_point")).startswith("gate-")
    ]
    assert stories(live(Site(RULES), data.draw(tellings(happened)))) == sorted(expected, key=repr)
