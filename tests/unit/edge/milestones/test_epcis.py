"""Each milestone as an EPCIS event."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import fastjsonschema
import orjson
import pytest

from edge.milestones.epcis import Unencodable, encode
from edge.milestones.measurements import MEASUREMENT_TYPES
from edge.milestones.model import SEVERITY, Mark, Milestone, Name
from edge.milestones.site import Site

SITE = Site("https://dc-north.example")
SCHEMA = Path(__file__).parents[5] / "shared/standards/epcis/schema/EPCIS-JSON-Schema.json"
ID = "019be1234567abcdef0123456789abcd"
SSCC = "340123450000000017"
UNIT = f"https://id.gs1.org/00/{SSCC}"
GTIN = "04012345000016"
CHILDREN = [f"https://id.gs1.org/01/{GTIN}/21/{serial}" for serial in (1, 2)]
LINE = {"order": "SO-1", "line": 2, "item": GTIN, "read_point": "pick-1"}

ATTRIBUTES: dict[Name, dict[str, Any]] = {
    Name.RECEIVED: {"unit": SSCC, "read_point": "dock-in-1"},
    Name.STORED: {"unit": SSCC, "device": "Acme/amr-07"},
    Name.PICKED: LINE | {"quantity": 3, "requested": 3},
    Name.SHORT: LINE | {"quantity": 1, "requested": 3},
    Name.PACKED: {"unit": SSCC, "order": "SO-1", "children": CHILDREN, "read_point": "pack-1"},
    Name.LOADED: {"unit": SSCC, "order": "SO-1", "trailer": "T-9", "read_point": "door-1"},
    Name.DEPARTED: {"unit": SSCC, "order": "SO-1", "trailer": "T-9", "read_point": "door-1"},
    Name.RETURNED: {"unit": SSCC, "rma": "RMA-1", "read_point": "returns-1"},
    Name.UNPACKED: {"unit": SSCC, "children": CHILDREN[:1], "read_point": "pack-1"},
    Name.LOST: {"unit": SSCC, "read_point": "infeed-1"},
    Name.OVER_PICKED: LINE | {"quantity": 4, "requested": 3},
    Name.UNREAD: {"read_point": "tunnel-1"},
    Name.MISREAD: {"read_point": "tunnel-1", "text": "340123450000000018"},
    Name.JAMMED: {"read_point": "zone-4"},
    Name.MISROUTED: {"unit": SSCC, "lane": 4, "planned_lane": 7},
    Name.ILLEGAL: {"unit": SSCC},
    Name.UNKNOWN: {"unit": SSCC},
    Name.DAMAGED: {"unit": SSCC, "order": "SO-1"},
    Name.WEIGHT_MISMATCH: {"unit": SSCC, "weight": 9.5},
    Name.MEASURED: {
        "device": "press-1",
        "since": 1_768_999_940_123,
        "count": 600,
        "measures": "ElectricCurrent",
        "uom": "AMP",
        "sum": 2106.3,
        "min": -0.5,
        "max": 4.1,
        "mean": 3.5105,
        "seconds": {"IDLE": 20, "EXECUTE": 38.5},
        "unknown_seconds": 1.5,
    },
}


def milestone(name: Name, /, *, without: str | None = None, **attributes: Any) -> Milestone:
    told = ATTRIBUTES[name] | attributes
    return Milestone(
        id=ID,
        name=name,
        rule=f"the-{name}-rule",
        key=f"unit:{SSCC}",
        occurred_at=1_769_000_000_123,
        attributes={key: value for key, value in told.items() if key != without},
        evidence=(1, 2),
        severity=SEVERITY.get(name),
    )


def event_of(name: Name, /, **attributes: Any) -> dict[str, Any]:
    event: dict[str, Any] = orjson.loads(encode(milestone(name, **attributes), SITE))
    return event


def retraction_of(original: Milestone) -> Milestone:
    own_id = "019be1234567abcdef01234567890000"
    return replace(original, id=own_id, evidence=(3,), mark=Mark.LATE, retracts=original.id)


@pytest.fixture(scope="module")
def schema() -> Any:
    if not SCHEMA.is_file():
        pytest.skip("the EPCIS schema is not here")
    return fastjsonschema.compile(orjson.loads(SCHEMA.read_bytes()))


def document(event: dict[str, Any]) -> dict[str, Any]:
    return {
        "@context": event["@context"],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-01-21T12:53:20Z",
        "epcisBody": {"eventList": [event]},
    }


@pytest.mark.parametrize("name", Name)
def test_every_milestone_is_an_event_by_the_official_schema(schema: Any, name: Name) -> None:
    schema(document(event_of(name)))
    retraction = encode(retraction_of(milestone(name)), SITE)
    schema(document(orjson.loads(retraction)))


def test_the_official_schema_notices_words_that_are_not_epcis(schema: Any) -> None:
    # Without format checks, a validator accepts all of these.
    for wrong in ({"bizStep": "putaway"}, {"disposition": "gone"}, {"line": 2}):
        with pytest.raises(fastjsonschema.JsonSchemaException):
            schema(document(event_of(Name.STORED) | wrong))


@pytest.mark.parametrize(
    ("name", "biz_step", "disposition"),
    [
        (Name.RECEIVED, "receiving", "in_progress"),
        (Name.STORED, "storing", "sellable_not_accessible"),
        (Name.PICKED, "picking", "in_progress"),
        (Name.SHORT, "picking", "mismatch_quantity"),
        (Name.PACKED, "packing", "in_progress"),
        (Name.LOADED, "loading", "in_progress"),
        (Name.DEPARTED, "departing", "in_transit"),
        (Name.RETURNED, "receiving", "returned"),
        (Name.UNPACKED, "unpacking", "in_progress"),
        (Name.OVER_PICKED, "picking", "mismatch_quantity"),
        (Name.UNREAD, "sensor_reporting", None),
        (Name.MISREAD, "sensor_reporting", None),
        (Name.LOST, None, "unknown"),
        (Name.JAMMED, "sensor_reporting", "unavailable"),
        (Name.MISROUTED, None, "mismatch_instance"),
        (Name.ILLEGAL, None, "unknown"),
        (Name.UNKNOWN, None, "mismatch_instance"),
        (Name.DAMAGED, "inspecting", "damaged"),
        (Name.WEIGHT_MISMATCH, "inspecting", "non_conformant"),
    ],
)
def test_each_milestone_has_its_words_of_the_core_business_vocabulary(
    name: Name, biz_step: str | None, disposition: str | None
) -> None:
    event = event_of(name)
    assert (event.get("bizStep"), event.get("disposition")) == (biz_step, disposition)
    aggregation = {Name.PACKED: "ADD", Name.UNPACKED: "DELETE"}
    assert event["type"] == ("AggregationEvent" if name in aggregation else "ObjectEvent")
    assert event["action"] == aggregation.get(name, "OBSERVE")
    assert event["milepost:milestone"] == name
    assert event["milepost:rule"] == f"the-{name}-rule"
    assert event["milepost:mark"] == "in_order"


def test_an_event_is_exactly_these_bytes() -> None:
    assert encode(milestone(Name.SHORT), SITE) == (
        b'{"@context":["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",'
        b'{"milepost":"https://milepost.example/ns/"}],"type":"ObjectEvent",'
        b'"eventID":"urn:uuid:019be123-4567-abcd-ef01-23456789abcd",'
        b'"eventTime":"2026-01-21T12:53:20.123Z","eventTimeZoneOffset":"+00:00",'
        b'"action":"OBSERVE","quantityList":[{"epcClass":"https://id.gs1.org/01/04012345000016",'
        b'"quantity":1}],"milepost:requestedQuantity":3,"bizStep":"picking",'
        b'"disposition":"mismatch_quantity",'
        b'"readPoint":{"id":"https://dc-north.example/readPoint/pick-1"},'
        b'"bizTransactionList":[{"type":"https://dc-north.example/bizTransactionType/order",'
        b'"bizTransaction":"https://dc-north.example/order/SO-1"}],'
        b'"milepost:milestone":"short","milepost:rule":"the-short-rule",'
        b'"milepost:mark":"in_order","milepost:severity":"warning",'
        b'"milepost:blocks":"unit:340123450000000017","milepost:line":2}'
    )


@pytest.mark.parametrize("name", Name)
def test_the_bytes_do_not_depend_on_the_order_in_which_attributes_were_learned(name: Name) -> None:
    told = milestone(name, zone="z", batch="b")
    turned = replace(told, attributes=dict(reversed(list(told.attributes.items()))))
    assert encode(told, SITE) == encode(turned, SITE)


def test_a_retraction_is_the_original_with_an_error_declaration() -> None:
    original = milestone(Name.LOST)
    event = orjson.loads(encode(retraction_of(original), SITE))
    assert event["eventID"] == "urn:uuid:019be123-4567-abcd-ef01-23456789abcd"
    assert event.pop("errorDeclaration") == {
        "declarationTime": "2026-01-21T12:53:20.123Z",
        "reason": "did_not_occur",
    }
    assert event.pop("milepost:mark") == "late"
    same = orjson.loads(encode(original, SITE))
    del same["milepost:mark"]
    assert event == same


def test_a_unit_is_named_once_as_an_sscc() -> None:
    for name in (Name.RECEIVED, Name.STORED, Name.LOADED, Name.DEPARTED, Name.RETURNED, Name.LOST):
        assert event_of(name)["epcList"] == [UNIT]
    assert event_of(Name.PACKED)["parentID"] == UNIT


def test_a_pick_tells_what_how_many_and_for_which_order_line() -> None:
    event = event_of(Name.PICKED, uom="EA")
    gtin = f"https://id.gs1.org/01/{GTIN}"
    assert event["quantityList"] == [{"epcClass": gtin, "quantity": 3, "uom": "EA"}]
    assert event["milepost:line"] == 2
    assert event["milepost:requestedQuantity"] == 3


def test_a_pick_of_nothing_still_tells_what_is_short() -> None:
    event = event_of(Name.SHORT, quantity=0)
    assert event["quantityList"][0]["quantity"] == 0


def test_a_robot_that_picks_a_unit_needs_no_item() -> None:
    told = replace(milestone(Name.PICKED), attributes={"unit": SSCC, "quantity": 1})
    event = orjson.loads(encode(told, SITE))
    assert event["epcList"] == [UNIT]
    assert event["milepost:quantity"] == 1
    assert "quantityList" not in event


def test_children_are_things_or_kinds_of_things() -> None:
    children = [CHILDREN[0], "SN 5", GTIN, SSCC, CHILDREN[0]]
    event = event_of(Name.PACKED, children=children)
    serial = "https://dc-north.example/item/SN%205"
    assert event["childEPCs"] == [CHILDREN[0], serial, UNIT]
    # A GTIN does not identify one thing: EPCIS wants it among the quantities.
    assert event["childQuantityList"] == [{"epcClass": f"https://id.gs1.org/01/{GTIN}"}]


def test_where_all_is_taken_out_no_children_are_listed(schema: Any) -> None:
    event = orjson.loads(encode(milestone(Name.UNPACKED, without="children"), SITE))
    assert (event["parentID"], event["action"]) == (UNIT, "DELETE")
    assert not {"childEPCs", "childQuantityList"} & set(event)
    schema(document(event))


def test_an_order_and_an_rma_are_business_transactions() -> None:
    event = event_of(Name.RETURNED, order="SO 1/2")
    assert event["bizTransactionList"] == [
        {
            "type": "https://dc-north.example/bizTransactionType/order",
            "bizTransaction": "https://dc-north.example/order/SO%201%2F2",
        },
        {"type": "rma", "bizTransaction": "https://dc-north.example/rma/RMA-1"},
    ]
    assert "bizTransactionList" not in event_of(Name.RECEIVED)


def test_a_measurement_is_a_sensor_element_of_the_time_that_it_speaks_of() -> None:
    event = event_of(Name.MEASURED)
    assert event["bizStep"] == "sensor_reporting"
    assert event["sensorElementList"] == [
        {
            "sensorMetadata": {
                "startTime": "2026-01-21T12:52:20.123Z",
                "endTime": "2026-01-21T12:53:20.123Z",
                "deviceID": "https://dc-north.example/device/press-1",
            },
            "sensorReport": [
                {
                    "type": "ElectricCurrent",
                    "minValue": -0.5,
                    "maxValue": 4.1,
                    "meanValue": 3.5105,
                    "uom": "AMP",
                },
                {"type": "Time", "value": 38.5, "uom": "SEC", "milepost:state": "EXECUTE"},
                {"type": "Time", "value": 20, "uom": "SEC", "milepost:state": "IDLE"},
            ],
        }
    ]
    assert event["milepost:count"] == 600
    assert event["milepost:sum"] == 2106.3
    assert event["milepost:unknownSeconds"] == 1.5
    assert not {"epcList", "disposition", "milepost:since", "milepost:seconds"} & event.keys()


@pytest.mark.parametrize("name", [Name.PACKED, Name.JAMMED])
def test_since_when_a_value_was_held_is_told_as_a_time(name: Name) -> None:
    event = event_of(name, since=1_768_999_940_123)
    assert event["milepost:since"] == "2026-01-21T12:52:20.123Z"


def test_a_measurement_is_about_a_unit_or_has_a_read_point() -> None:
    about_a_device = replace(milestone(Name.MEASURED), key="device:press-1")
    device = "https://dc-north.example/device/press-1"
    assert orjson.loads(encode(about_a_device, SITE))["readPoint"] == {"id": device}
    told = event_of(Name.MEASURED, read_point="cell-4")
    assert told["readPoint"] == {"id": "https://dc-north.example/readPoint/cell-4"}
    about_a_unit = event_of(Name.MEASURED, unit=SSCC, device=None)
    assert about_a_unit["epcList"] == [UNIT]
    assert "readPoint" not in about_a_unit
    assert "deviceID" not in about_a_unit["sensorElementList"][0]["sensorMetadata"]


def test_a_correction_names_what_is_true_instead(schema: Any) -> None:
    told = replace(retraction_of(milestone(Name.MEASURED)), corrected_by=("f" * 32, "0" * 32))
    event = orjson.loads(encode(told, SITE))
    assert event["eventID"] == "urn:uuid:019be123-4567-abcd-ef01-23456789abcd"
    assert event["errorDeclaration"] == {
        "declarationTime": "2026-01-21T12:53:20.123Z",
        "reason": "incorrect_data",
        "correctiveEventIDs": [
            "urn:uuid:ffffffff-ffff-ffff-ffff-ffffffffffff",
            "urn:uuid:00000000-0000-0000-0000-000000000000",
        ],
    }
    schema(document(event))


def test_measurement_types_are_those_of_the_official_schema() -> None:
    if not SCHEMA.is_file():
        pytest.skip("the EPCIS schema is not here")
    types = orjson.loads(SCHEMA.read_bytes())["definitions"]["measurementType"]["anyOf"]
    assert frozenset(types[1]["enum"]) == MEASUREMENT_TYPES


@pytest.mark.parametrize(("number", "told"), [(7, "7"), (7.0, "7"), ("007", "007")])
def test_a_number_identifies_what_the_key_says_it_identifies(number: object, told: str) -> None:
    assert event_of(Name.STORED, unit=number)["epcList"] == [
        f"https://dc-north.example/unit/{told}"
    ]


def test_what_the_site_adds_reaches_the_destination() -> None:
    event = event_of(Name.LOADED, pick_station="p-1", weight=1.5, is_fragile=True, codes=["a", 1])
    assert event["milepost:trailer"] == "T-9"
    assert event["milepost:pickStation"] == "p-1"
    assert event["milepost:weight"] == 1.5
    assert event["milepost:isFragile"] is True
    assert event["milepost:codes"] == ["a", 1]


@pytest.mark.parametrize("nothing", [None, ""])
def test_what_is_not_known_is_left_out(nothing: str | None) -> None:
    event = event_of(Name.LOADED, read_point=nothing, order=nothing, trailer=nothing)
    assert not {"readPoint", "bizTransactionList", "milepost:trailer"} & set(event)


@pytest.mark.parametrize(
    ("name", "without"),
    [
        *[(name, "unit") for name in Name if name not in (Name.PICKED, Name.MEASURED, *SEVERITY)],
        (Name.MEASURED, "since"),
        (Name.PACKED, "children"),
        (Name.PICKED, "item"),
        (Name.SHORT, "item"),
        (Name.SHORT, "quantity"),
        (Name.SHORT, "requested"),
    ],
)
def test_a_milestone_that_lacks_what_its_event_needs_is_refused(name: Name, without: str) -> None:
    with pytest.raises(Unencodable, match=f"expected .*{without}|neither a unit nor an item"):
        encode(milestone(name, without=without), SITE)


@pytest.mark.parametrize(
    ("name", "attributes", "complaint"),
    [
        (Name.RECEIVED, {"unit": [SSCC]}, "expected a text"),
        (Name.RECEIVED, {"unit": True}, "unit is True; expected a text"),
        (Name.RECEIVED, {"unit": "\ud800"}, "not Unicode"),
        (Name.RECEIVED, {"zone": "\ud800"}, "surrogates"),
        (Name.RECEIVED, {"zone": {"a": 1}}, "expected a text or a number"),
        (Name.RECEIVED, {"zone": float("nan")}, "expected a text or a number"),
        (Name.RECEIVED, {"zone": 2**64}, "64-bit"),
        (Name.RECEIVED, {"Zone:": "z"}, "is no name"),
        (Name.RECEIVED, {"rule": "mine"}, "'milepost:rule' is told twice"),
        (Name.PICKED, {"requested_quantity": 5}, "'milepost:requestedQuantity' is told twice"),
        (Name.PICKED, {"quantity": "3"}, "quantity is '3'; expected a number"),
        (Name.PICKED, {"quantity": True}, "quantity is True; expected a number"),
        (Name.PICKED, {"quantity": -1}, "expected 0 or more"),
        (Name.PICKED, {"quantity": float("inf")}, "expected 0 or more"),
        (Name.PICKED, {"uom": "pieces"}, "expected a code like 'KGM'"),
        (Name.PACKED, {"children": []}, "expected a unit and its children"),
        # EPCIS would understand that all were taken out.
        (Name.UNPACKED, {"children": []}, "expected a unit and its children"),
        (Name.PACKED, {"children": "abc"}, "expected a list"),
        (Name.MEASURED, {"since": None}, "expected since"),
        (Name.MEASURED, {"since": True}, "expected milliseconds"),
        (Name.MEASURED, {"since": 10**18}, "is no date"),
        (Name.MEASURED, {"uom": None}, "expected uom"),
        (Name.MEASURED, {"uom": "ampere"}, "expected a code like 'KGM'"),
        (Name.MEASURED, {"mean": None}, "expected meanValue"),
        (Name.MEASURED, {"min": "0"}, "min is '0'; expected a number"),
        (Name.MEASURED, {"max": float("inf")}, "expected a finite number"),
        (Name.MEASURED, {"measures": "Amps"}, "expected one like 'ElectricCurrent'"),
        (Name.MEASURED, {"measures": None, "seconds": None}, "neither a number nor a state"),
        (Name.MEASURED, {"seconds": [1]}, "expected seconds by state"),
        (Name.MEASURED, {"seconds": {"": 1}}, "expected a text"),
        (Name.MEASURED, {"seconds": {"IDLE": None}}, "expected a number"),
        (Name.PACKED, {"children": [{}]}, "children is {}; expected a text"),
    ],
)
def test_a_value_that_epcis_cannot_say_is_refused(
    name: Name, attributes: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(Unencodable, match=complaint):
        encode(milestone(name, **attributes), SITE)


@pytest.mark.parametrize("name", [name for name in SEVERITY if name is not Name.SHORT])
@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("read_point:zone 4", "https://dc-north.example/readPoint/zone%204"),
        ("device:Acme/amr-07", "https://dc-north.example/device/Acme%2Famr-07"),
        ("order:https://erp.example/SO-1", "https://erp.example/SO-1"),
    ],
)
def test_an_exception_may_be_about_no_unit_at_all(
    schema: Any, name: Name, key: str, told: str
) -> None:
    nothing_else = replace(milestone(name), key=key, attributes={})
    event = orjson.loads(encode(nothing_else, SITE))
    assert event["epcList"] == [told]
    schema(document(event))


def test_an_exception_tells_how_bad_it_is_and_what_it_blocks() -> None:
    lost = milestone(Name.LOST)
    assert event_of(Name.LOST)["milepost:severity"] == "critical"
    assert event_of(Name.LOST)["milepost:blocks"] == f"unit:{SSCC}"
    for attributes, blocks in (
        ({"unit": SSCC, "order": 7.0}, "order:7"),
        ({"unit": SSCC, "order": ""}, f"unit:{SSCC}"),
        ({"unit": SSCC}, f"unit:{SSCC}"),
    ):
        told = encode(replace(lost, blocks="order", attributes=attributes), SITE)
        assert orjson.loads(told)["milepost:blocks"] == blocks
    assert not {"milepost:severity", "milepost:blocks"} & event_of(Name.STORED).keys()


def test_a_time_beyond_the_calendar_is_refused() -> None:
    told = replace(milestone(Name.RECEIVED), occurred_at=10**18)
    with pytest.raises(Unencodable, match="is no date"):
        encode(told, SITE)


@pytest.mark.parametrize(
    ("occurred_at", "told"),
    [(0, "1970-01-01T00:00:00.000Z"), (1_769_000_000_000, "2026-01-21T12:53:20.000Z")],
)
def test_times_always_have_milliseconds(occurred_at: int, told: str) -> None:
    received = replace(milestone(Name.RECEIVED), occurred_at=occurred_at)
    assert orjson.loads(encode(received, SITE))["eventTime"] == told


def test_the_site_decides_offset_and_prefix() -> None:
    site = Site("http://dc.example/north/", "-05:30")
    event = orjson.loads(encode(milestone(Name.LOADED), site))
    assert event["eventTimeZoneOffset"] == "-05:30"
    assert event["readPoint"] == {"id": "http://dc.example/north/readPoint/door-1"}


@pytest.mark.parametrize(
    ("uri", "offset"),
    [
        ("dc-north", "+00:00"),
        ("https://a b", "+00:00"),
        ("https://a", "Z"),
        ("https://a", "+15:00"),
    ],
)
def test_a_site_whose_events_would_not_be_epcis_is_refused(uri: str, offset: str) -> None:
    with pytest.raises(ValueError, match="expected one like"):
        Site(uri, offset)
