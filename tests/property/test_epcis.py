"""Whatever a milestone tells, its event is EPCIS, or it is refused."""

from pathlib import Path
from typing import Any

import fastjsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.milestones.epcis import Unencodable, encode
from edge.milestones.model import Mark, Milestone, Name, Severity
from edge.milestones.site import Site

SITE = Site("https://dc.example")
SCHEMA = Path(__file__).parents[3] / "shared/standards/epcis/schema/EPCIS-JSON-Schema.json"
SCALAR = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=40)
    | st.sampled_from(["4006381333931", "340123450000000019", "https://a/b", "urn:x:y", "https://"])
    | st.from_regex(r"(https?://|urn:)\S{1,20}", fullmatch=True)
    | st.from_regex(r"[0-9]{8,18}", fullmatch=True)
)
ANYTHING = SCALAR | st.lists(SCALAR, max_size=4) | st.dictionaries(st.text(), SCALAR, max_size=2)
NAMES = ["unit", "order", "line", "item", "quantity", "requested", "read_point", "children"]
NAMES += ["trailer", "rma", "lane", "device", "uom"]
MEASURED = ["since", "measures", "min", "max", "mean", "seconds", "count"]
ATTRIBUTES = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES + MEASURED, ANYTHING)).flatmap(
    lambda known: st.dictionaries(st.text() | st.just("pick_id"), ANYTHING, max_size=2).map(
        lambda other: known | other
    )
)
LIKELY = st.fixed_dictionaries(
    {"unit": SCALAR, "item": SCALAR, "children": st.lists(SCALAR, min_size=1, max_size=4)},
    optional={
        "quantity": st.floats(0, 1e6) | st.integers(0, 9),
        "requested": st.integers(1, 9),
        "order": SCALAR,
        "rma": SCALAR,
        "read_point": SCALAR,
        "lane": SCALAR,
    },
)
LIKELY_MEASURED = st.fixed_dictionaries(
    {
        "since": st.integers(1_420_070_400_000, 1_900_000_000_000),
        "seconds": st.dictionaries(st.text(max_size=3), st.floats(0, 60), max_size=2),
    },
    optional={
        "measures": st.sampled_from(["ElectricCurrent", "https://a/b", "https://gs1.org/voc/x"]),
        "uom": st.sampled_from(["AMP", "A", 7]),
        **dict.fromkeys(["min", "max", "mean"], st.floats(-9, 9) | st.integers()),
        "unit": SCALAR,
        "device": SCALAR,
        "read_point": SCALAR,
    },
)


MILESTONES = st.builds(
    Milestone,
    id=st.just("0" * 32),
    name=st.sampled_from(Name),
    rule=st.just("rule"),
    key=st.sampled_from(["unit:1", "read_point:a b", "order:\ud800", "device:", "x"]),
    occurred_at=st.integers(-(2**70), 2**70) | st.integers(1_420_070_400_000, 1_900_000_000_000),
    attributes=LIKELY | LIKELY_MEASURED | ATTRIBUTES,
    evidence=st.just((1,)),
    mark=st.sampled_from(Mark),
    retracts=st.none() | st.just("f" * 32),
    corrected_by=st.just(()) | st.just(("e" * 32,)),
    severity=st.none() | st.sampled_from(Severity),
    blocks=st.none() | st.sampled_from(NAMES),
)


ADDED = Path(__file__).parents[2] / "docs/events.schema.json"
says_so = fastjsonschema.compile(orjson.loads(ADDED.read_bytes()))


@pytest.fixture(scope="module")
def schema() -> Any:
    if not SCHEMA.is_file():
        pytest.skip("the EPCIS schema is not here")
    return fastjsonschema.compile(orjson.loads(SCHEMA.read_bytes()))


def encoded(milestone: Milestone) -> bytes | None:
    try:
        return encode(milestone, SITE)
    except Unencodable:
        return None


@given(MILESTONES)
def test_any_attributes_give_an_event_or_are_refused(milestone: Milestone) -> None:
    encoded(milestone)


@given(MILESTONES)
def test_whatever_becomes_an_event_is_epcis(schema: Any, milestone: Milestone) -> None:
    if (body := encoded(milestone)) is not None:
        event = orjson.loads(body)
        document = {
            "@context": event["@context"],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-01-21T12:53:20Z",
            "epcisBody": {"eventList": [event]},
        }
        schema(document)


@given(MILESTONES)
def test_what_milepost_adds_is_what_its_schema_says(milestone: Milestone) -> None:
    if (body := encoded(milestone)) is not None:
        says_so(orjson.loads(body))
