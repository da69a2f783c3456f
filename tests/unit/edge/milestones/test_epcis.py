"""Each milestone as an EPCIS event."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from edge.milestones.epcis import declared_false, encode
from edge.milestones.event_hash import event_hash
from edge.milestones.model import SEVERITY, Name
from edge.milestones.site import Site
from tests.unit.edge.milestones.epcis_events import (
    CHILDREN,
    CORRECTED,
    EMPTIED,
    GTIN,
    SITE,
    SSCC,
    UNIT,
    event_of,
    milestone,
    retraction_of,
)


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


def test_what_was_told_is_declared_false_as_it_was_told() -> None:
    told = encode(replace(milestone(Name.LOST), attributes={"unit": SSCC, "tilt": 0.1}), SITE)
    event = declared_false(told, retraction_of(milestone(Name.LOST)))
    assert event_hash(event) == event_hash(told)
    assert orjson.loads(event)["errorDeclaration"]["reason"] == "did_not_occur"
    assert orjson.loads(told) == {
        name: value for name, value in orjson.loads(event).items() if name != "errorDeclaration"
    }


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


def test_where_all_is_taken_out_no_children_are_listed() -> None:
    event = orjson.loads(encode(EMPTIED, SITE))
    assert (event["parentID"], event["action"]) == (UNIT, "DELETE")
    assert not {"childEPCs", "childQuantityList"} & set(event)


def test_an_item_of_which_nobody_says_how_much_is_a_kind_of_thing() -> None:
    event = orjson.loads(encode(milestone(Name.PICKED, without="quantity"), SITE))
    assert event["quantityList"] == [{"epcClass": f"https://id.gs1.org/01/{GTIN}"}]


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


@pytest.mark.parametrize("name", [Name.PACKED, Name.JAMMED])
def test_since_when_a_value_was_held_is_told_as_a_time(name: Name) -> None:
    event = event_of(name, since=1_768_999_940_123)
    assert event["milepost:since"] == "2026-01-21T12:52:20.123Z"


def test_a_correction_names_what_is_true_instead() -> None:
    event = orjson.loads(encode(CORRECTED, SITE))
    assert event["eventID"] == "urn:uuid:019be123-4567-abcd-ef01-23456789abcd"
    assert event["errorDeclaration"] == {
        "declarationTime": "2026-01-21T12:53:20.123Z",
        "reason": "incorrect_data",
        "correctiveEventIDs": [
            "urn:uuid:ffffffff-ffff-ffff-ffff-ffffffffffff",
            "urn:uuid:00000000-0000-0000-0000-000000000000",
        ],
    }


@pytest.mark.parametrize(("number", "told"), [(7, "7"), (7.0, "7"), ("007", "007")])
def test_a_number_identifies_what_the_key_says_it_identifies(number: object, told: str) -> None:
    assert event_of(Name.STORED, unit=number)["epcList"] == [
        f"https://dc-north.example/unit/{told}"
    ]


def test_what_the_site_adds_reaches_the_destination() -> None:
    event = event_of(
        Name.LOADED, station_of_picking="p-1", weight=1.5, is_fragile=True, codes=["a", 1]
    )
    assert event["milepost:trailer"] == "T-9"
    assert event["milepost:stationOfPicking"] == "p-1"
    assert event["milepost:weight"] == 1.5
    assert event["milepost:isFragile"] is True
    assert event["milepost:codes"] == ["a", 1]


@pytest.mark.parametrize("nothing", [None, ""])
def test_what_is_not_known_is_left_out(nothing: str | None) -> None:
    event = event_of(Name.LOADED, read_point=nothing, order=nothing, trailer=nothing)
    assert not {"readPoint", "bizTransactionList", "milepost:trailer"} & set(event)


@pytest.mark.parametrize("name", [name for name in SEVERITY if name is not Name.SHORT])
@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("read_point:zone 4", "https://dc-north.example/readPoint/zone%204"),
        ("device:Acme/amr-07", "https://dc-north.example/device/Acme%2Famr-07"),
        ("order:https://erp.example/SO-1", "https://erp.example/SO-1"),
    ],
)
def test_an_exception_may_be_about_no_unit_at_all(name: Name, key: str, told: str) -> None:
    nothing_else = replace(milestone(name), key=key, attributes={})
    event = orjson.loads(encode(nothing_else, SITE))
    assert event["epcList"] == [told]


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
    ("name", "attributes", "where", "told"),
    [
        (Name.RECEIVED, {"unit": "LPN 1"}, "epcList", ["unit/LPN%201"]),
        (Name.MEASURED, {"unit": "LPN 1"}, "epcList", ["unit/LPN%201"]),
        (Name.PACKED, {"unit": "LPN 1"}, "parentID", "unit/LPN%201"),
        (Name.PACKED, {"children": ["SN 5"]}, "childEPCs", ["item/SN%205"]),
        (Name.PICKED, {"item": "bolt"}, "quantityList", [{"epcClass": "item/bolt", "quantity": 3}]),
    ],
)
def test_what_gs1_has_no_number_for_is_named_by_the_site(
    name: Name, attributes: dict[str, Any], where: str, told: object
) -> None:
    event = orjson.dumps(event_of(name, **attributes)[where])
    assert orjson.loads(event.replace(b"https://dc-north.example/", b"")) == told


def test_the_version_of_its_rule_is_told_if_it_has_been_noted() -> None:
    told = replace(milestone(Name.STORED), rule_version="9f3c")
    assert orjson.loads(encode(told, SITE))["milepost:ruleVersion"] == "9f3c"
    assert "milepost:ruleVersion" not in event_of(Name.STORED)
