"""An event's hash says what the event says, and nothing of how it is spelled."""

from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from string import ascii_lowercase
from typing import Any

import orjson
from hypothesis import assume, given
from hypothesis import strategies as st

from edge.milestones.epcis import Unencodable, encode
from edge.milestones.event_hash import Unhashable, event_hash
from edge.milestones.model import Milestone, Name
from edge.milestones.site import Site
from tests.property.drawing import SEEDS

VECTORS = Path(__file__).parents[1] / "unit/edge/milestones/event_hash/vectors.json"
OWN = orjson.loads(VECTORS.read_bytes())
EVENTS = st.sampled_from([vector["event"] for vector in OWN["vectors"]])
TIMES = {"eventTime", "startTime", "endTime"}
SPELLINGS = ("{}", "{}.0", "{}.000", "{}e0", "{}E+00", "{}0e-1")
QUANTITIES = st.floats(0, 1e9) | st.integers(0, 999) | st.integers(10**16, 10**18)
VALUE = (
    st.booleans()
    | st.integers(-(2**40), 2**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
)
WORDS = st.text(ascii_lowercase, min_size=1, max_size=9)


def respelled(value: Any, random: Random, name: str = "") -> str:
    """Return JSON that says the same, with everything that may differ drawn at random."""
    if isinstance(value, dict):
        fields = [f"{respelled(k, random)}:{respelled(v, random, k)}" for k, v in value.items()]
        random.shuffle(fields)
        return "{" + ", ".join(fields) + "}"
    if isinstance(value, list):
        # Whatever EPCIS 2.0 lists, it lists in no order.
        elements = [respelled(each, random) for each in value]
        random.shuffle(elements)
        return "[" + ",\n".join(elements) + "]"
    if isinstance(value, str) and name in TIMES:
        zone = timezone(timedelta(minutes=random.randrange(-14 * 60, 14 * 60)))
        value = datetime.fromisoformat(value).astimezone(zone).isoformat()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        whole = isinstance(value, int) or value.is_integer()
        return random.choice(SPELLINGS).format(int(value)) if whole else f"{value}00"
    return orjson.dumps(value).decode()


@given(EVENTS, SEEDS)
def test_the_spelling_of_an_event_does_not_change_its_hash(
    event: dict[str, Any], seed: int
) -> None:
    same = respelled(event, Random(seed)).encode()
    assert event_hash(same, OWN["@context"]) == event_hash(event, OWN["@context"])


@given(QUANTITIES, st.integers(1, 3))
def test_another_quantity_is_another_hash(quantity: float, difference: int) -> None:
    other = quantity + difference
    assume(other != quantity)
    event = OWN["vectors"][1]["event"]
    hashes = {
        event_hash(event | {"quantityList": [{"quantity": told}]}, OWN["@context"])
        for told in (quantity, other)
    }
    assert len(hashes) == 2


@given(EVENTS, st.data())
def test_an_event_that_says_less_has_another_hash(
    event: dict[str, Any], data: st.DataObject
) -> None:
    said = event.keys() - {"eventTime", "type", "eventID", "recordTime", "errorDeclaration"}
    gone = data.draw(st.sampled_from(sorted(said)))
    less = {name: value for name, value in event.items() if name != gone}
    assert event_hash(less, OWN["@context"]) != event_hash(event, OWN["@context"])


@given(st.sampled_from(Name), st.dictionaries(WORDS, VALUE, max_size=4))
def test_every_event_of_ours_has_a_hash(name: Name, told: dict[str, Any]) -> None:
    known = {"unit": "340123450001000009", "children": ["a"], "item": "04012345000016"}
    attributes = told | known | {"quantity": 1, "requested": 2}
    milestone = Milestone("0" * 32, name, "rule", "unit:1", 1_769_000_000_000, attributes, (1,))
    try:
        event = encode(milestone, Site("https://dc.example"))
    except Unencodable:
        return
    assert event_hash(event).startswith("ni:///sha-256;")


@given(
    st.sampled_from(sorted({name for vector in OWN["vectors"] for name in vector["event"]})),
    st.recursive(
        st.none() | VALUE,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    ),
)
def test_anything_else_is_hashed_or_refused(name: str, anything: Any) -> None:
    event = OWN["vectors"][0]["event"] | {name: anything}
    try:
        assert event_hash(event, OWN["@context"]).startswith("ni:///sha-256;")
    except Unhashable as fault:
        assert str(fault)  # noqa: PT017 - what is not refused has been hashed
