"""An event has the hash that the standard gives it, however it is spelled."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from edge.milestones.event_hash import Unhashable, event_hash, events_in, pre_hash

OWN = orjson.loads(Path(__file__).with_name("vectors.json").read_bytes())
"""Made by hand; epcis-event-hash-generator 1.9.3 gives the same hash to each."""
REFERENCE = Path(__file__).parents[6] / "shared/standards/epcis/hash-vectors"
"""The vectors of epcis-event-hash-generator 1.9.3: all those in JSON, and none is excepted.

Its development version has two more whose events a repository's `ignoreFields`
shorten before they are hashed. CBV 2.0 knows nothing of that.
"""
EVENT = {"type": "ObjectEvent", "eventTime": "2026-01-21T12:00:00Z"}
NAMED = [{"site": "https://dc.example/ns/"}]


def hashes_of(document: Any) -> list[str]:
    return [event_hash(event, context) for event, context in events_in(document)]


@pytest.mark.parametrize("vector", OWN["vectors"], ids=lambda vector: vector["what"])
def test_an_event_has_the_hash_that_the_reference_implementation_gives_it(
    vector: dict[str, Any],
) -> None:
    assert event_hash(vector["event"], OWN["@context"]) == vector["hash"]


def test_the_vectors_of_the_reference_implementation_are_met_without_exception() -> None:
    if not REFERENCE.is_dir():
        pytest.skip("the reference vectors are not here")
    files = sorted(REFERENCE.glob("*.jsonld"))
    hashed = {file.stem: hashes_of(orjson.loads(file.read_bytes())) for file in files}
    assert hashed == {file.stem: file.with_suffix(".hashes").read_text().split() for file in files}
    assert sum(map(len, hashed.values())) == 37


def test_an_event_is_hashed_from_its_bytes_with_its_own_context() -> None:
    vector = OWN["vectors"][0]
    event = vector["event"] | {"@context": OWN["@context"]}
    assert event_hash(orjson.dumps(event)) == vector["hash"]


def test_the_text_that_is_hashed_can_be_read() -> None:
    event = EVENT | {"action": "OBSERVE", "epcList": ["urn:epc:id:sscc:4012345.3000100000"]}
    assert pre_hash(event) == (
        "eventType=ObjectEventeventTime=2026-01-21T12:00:00.000Z"
        "epcListepc=https://id.gs1.org/00/340123450001000009action=OBSERVE"
    )


@pytest.mark.parametrize(
    "left_out",
    [
        {"eventID": "urn:uuid:019be09d-da00-381f-240b-80d9188fa93d"},
        {"recordTime": "2026-01-21T13:00:00Z"},
        {"errorDeclaration": {"declarationTime": "2026-01-21T13:00:00Z"}},
        {"comment": "seen by night"},
        {"rdfs:comment": "seen by night"},
        {"disposition": None, "epcList": [], "readPoint": {}, "action": " "},
    ],
    ids=lambda left_out: next(iter(left_out)),
)
def test_what_says_nothing_of_the_fact_takes_no_part(left_out: dict[str, Any]) -> None:
    assert event_hash(EVENT | left_out) == event_hash(EVENT)


@pytest.mark.parametrize(
    ("told", "hashed"),
    [
        ({"quantityList": [{"quantity": 1.10}]}, "quantityListquantityElementquantity=1.1"),
        ({"quantityList": [{"quantity": 1e3}]}, "quantityListquantityElementquantity=1000"),
        ({"site:n": 0.00001}, "{https://dc.example/ns/}n=0.00001"),
        ({"site:n": -0.0}, "{https://dc.example/ns/}n=0"),
        # A text of digits is a number in XML, and so in JSON; a long one keeps all of them.
        ({"site:n": "0012"}, "{https://dc.example/ns/}n=12"),
        ({"site:n": "340123450000000017"}, "{https://dc.example/ns/}n=340123450000000017"),
        ({"site:n": "1e9999"}, "{https://dc.example/ns/}n=1e9999"),
        ({"site:n": "nan"}, "{https://dc.example/ns/}n=nan"),
        ({"site:n": "\u0661\u0662"}, "{https://dc.example/ns/}n=\u0661\u0662"),
        # As XML spells it.
        ({"site:b": True}, "{https://dc.example/ns/}b=true"),
        ({"site:t": "  as it is "}, "{https://dc.example/ns/}t=as it is"),
        ({"site:t": ""}, "{https://dc.example/ns/}t"),
        ({"site:t": "site:x"}, "{https://dc.example/ns/}t=https://dc.example/ns/x"),
        (
            {"site:l": ["b", 1, None, "a"]},
            "".join(f"{{https://dc.example/ns/}}l={v}" for v in "1ab"),
        ),
        ({"bizStep": "cbv:BizStep-packing"}, "bizStep=https://ref.gs1.org/cbv/BizStep-packing"),
        ({"bizStep": "https://x.example/s"}, "bizStep=https://x.example/s"),
        ({"site:word": "packing"}, "{https://dc.example/ns/}word=packing"),
        ({"readPoint": {"site:gate": 7}}, "readPoint{https://dc.example/ns/}gate=7"),
        (
            {"bizTransactionList": [{"bizTransaction": "urn:x:1", "type": "po"}]},
            "bizTransactionListtype=https://ref.gs1.org/cbv/BTT-pobizTransaction=urn:x:1",
        ),
        (
            {"bizTransactionList": [{"bizTransaction": "urn:x:1"}]},
            "bizTransactionListbizTransaction=urn:x:1",
        ),
    ],
)
def test_a_value_has_one_form(told: dict[str, Any], hashed: str) -> None:
    assert pre_hash(EVENT | told, NAMED) == pre_hash(EVENT) + hashed


@pytest.mark.parametrize(
    ("told", "hashed"),
    [
        ("2026-01-21T13:00:00+01:00", "12:00:00.000"),
        ("2026-01-21T12:00:00.000499Z", "12:00:00.000"),
        ("2026-01-21T12:00:00.0005Z", "12:00:00.001"),
        ("2026-01-21T12:00:00.0025Z", "12:00:00.003"),
        ("2026-01-21T11:59:59.9995999Z", "12:00:00.000"),
    ],
)
def test_a_time_is_in_utc_and_rounded_to_the_millisecond(told: str, hashed: str) -> None:
    assert f"eventTime=2026-01-21T{hashed}Z" in pre_hash(EVENT | {"eventTime": told})


@pytest.mark.parametrize(
    "context",
    [
        {"site": "https://dc.example/ns/"},
        ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", NAMED],
        {"site": {"@id": "https://dc.example/ns/", "@prefix": True}},
    ],
    ids=["object", "list", "term"],
)
def test_a_context_has_several_forms(context: object) -> None:
    event = EVENT | {"site:zone": "z"}
    assert event_hash(event, context) == event_hash(event, NAMED)
    assert event_hash(event | {"@context": context}) == event_hash(event, NAMED)


def test_the_name_of_a_prefix_means_nothing() -> None:
    own = EVENT | {"dc:zone": "z", "@context": {"dc": "https://dc.example/ns/"}}
    assert event_hash(own) == event_hash(EVENT | {"site:zone": "z"}, NAMED)


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        (b"{", "not JSON"),
        (b"[]", "not an EPCIS event"),
        (b'{"type": "EPCISDocument"}', "not an EPCIS event"),
        (EVENT | {"site:zone": "z"}, "no @context in it says what 'site' means"),
        (EVENT | {"eventTime": "2026-01-21T12:00:00"}, "eventTime is '2026-01-21T12:00:00'"),
        (EVENT | {"eventTime": "0001-01-01T00:00:00+01:00"}, "expected a time"),
        (EVENT | {"eventTime": 17}, "eventTime is 17; expected a time with 'Z' or an offset"),
        (EVENT | {"epcList": [["a"]]}, r"a list in a list: \[\['a'\]\]"),
        (EVENT | {"bizStep": "\ud800"}, "not Unicode"),
    ],
)
def test_what_has_no_hash_is_named(event: Any, fault: str) -> None:
    with pytest.raises(Unhashable, match=fault):
        event_hash(event)


def test_an_event_that_is_nested_without_end_is_refused() -> None:
    nested: dict[str, Any] = {}
    for _ in range(2000):
        nested = {"rdfs:in": nested}
    with pytest.raises(Unhashable, match="nested too deeply"):
        event_hash(EVENT | nested)


def test_events_are_found_in_whatever_they_are_exchanged_in() -> None:
    body = {"eventList": [EVENT, EVENT]}
    document = {"@context": NAMED, "type": "EPCISDocument", "epcisBody": body}
    results = {"queryResults": {"resultsBody": body}}
    answer = {"@context": NAMED, "type": "EPCISQueryDocument", "epcisBody": results}
    single = {"type": "EPCISDocument", "epcisBody": {"event": EVENT}}
    assert list(events_in(EVENT)) == [(EVENT, None)]
    assert list(events_in([EVENT, document])) == [(EVENT, None), (EVENT, NAMED), (EVENT, NAMED)]
    assert list(events_in(answer)) == [(EVENT, NAMED)] * 2
    assert list(events_in(single)) == [(EVENT, None)]


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        (3, "neither an EPCIS event"),
        ({"epcisBody": []}, "'epcisBody'"),
        ({"epcisBody": {}}, "'event'"),
        ({"epcisBody": {"eventList": [3]}}, "'event'"),
        ({"epcisBody": {"queryResults": 3}}, "'queryResults'"),
        ({"epcisBody": {"queryResults": {}}}, "'resultsBody'"),
    ],
)
def test_a_document_that_is_none_is_refused(told: object, fault: str) -> None:
    with pytest.raises(Unhashable, match=fault):
        list(events_in(told))


def test_what_a_context_says_besides_prefixes_is_passed_over() -> None:
    context = [*NAMED, {"@version": 1.1, "other": {"@type": "@id"}}]
    assert event_hash(EVENT | {"site:n": 7}, context) == event_hash(EVENT | {"site:n": 7}, NAMED)
