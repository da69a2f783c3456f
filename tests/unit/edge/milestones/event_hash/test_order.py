"""The fields of an event stand in the order of the standard, whatever order they are told in."""

from typing import Any

from edge.milestones.event_hash import pre_hash

T = "2026-01-21T12:00:00.000Z"
SITE = {"site": "https://dc.example/ns/"}
COMMON = ("deviceID", "deviceMetadata", "rawData", "dataProcessingMethod")


def backwards(value: Any) -> Any:
    """Return it with all fields, of whatever is within it, too, the other way round."""
    match value:
        case dict():
            return {name: backwards(value[name]) for name in reversed(value)}
        case list():
            return [backwards(each) for each in reversed(value)]
        case _:
            return value


def both_ways(told: dict[str, Any]) -> str:
    """Return the text that is hashed, which is the same of an event that is told backwards."""
    event = {"type": "ObjectEvent", "eventTime": T} | told
    text = pre_hash(event, SITE)
    assert pre_hash(backwards(event), SITE) == text
    return text.removeprefix(f"eventType=ObjectEventeventTime={T}")


def test_the_fields_of_an_event_have_one_order() -> None:
    lists = {name: ["urn:x:1", "urn:x:2"] for name in ("epcList", "inputEPCList", "childEPCs")}
    quantity = [{"epcClass": "urn:x:3", "quantity": 4, "uom": "KGM", "a": 1}]
    names = ("quantityList", "childQuantityList", "inputQuantityList")
    quantities = dict.fromkeys(names, quantity)
    event = {
        "eventTimeZoneOffset": "+01:00",
        "certificationInfo": "c",
        "parentID": "p",
        **lists,
        **quantities,
        "outputEPCList": ["urn:x:5"],
        "outputQuantityList": quantity,
        "action": "ADD",
        "transformationID": "t",
        "bizStep": "packing",
        "disposition": "active",
        "persistentDisposition": {"set": ["damaged"], "unset": ["recalled"]},
        "readPoint": {"id": "r", "a": 1, "site:gate": 7},
        "bizLocation": {"id": "l", "a": 1},
        "sensorElementList": [{"sensorReport": [{"value": 8}]}],
        # By name, among what is not of the standard.
        "a": 1,
        "bizTransactionList": [{"type": "po", "bizTransaction": "b"}],
        "destinationList": [{"type": "location", "destination": "d"}],
        "ilmd": {"site:grade": "A"},
        "sourceList": [{"type": "location", "source": "s", "https://x.example/of": "n"}],
        "z": 26,
        "site:zone": 9,
    }
    written = "quantityElementepcClass=urn:x:3quantity=4uom=KGMa=1"
    assert both_ways(event) == "".join(
        (
            "eventTimeZoneOffset=+01:00certificationInfo=cparentID=p",
            *(f"{name}epc=urn:x:1epc=urn:x:2" for name in lists),
            *(f"{name}{written}" for name in names),
            f"outputEPCListepc=urn:x:5outputQuantityList{written}action=ADDtransformationID=t",
            "bizStep=https://ref.gs1.org/cbv/BizStep-packing",
            "disposition=https://ref.gs1.org/cbv/Disp-active",
            "persistentDispositionset=https://ref.gs1.org/cbv/Disp-damaged",
            "unset=https://ref.gs1.org/cbv/Disp-recalled",
            "readPointid=ra=1{https://dc.example/ns/}gate=7bizLocationid=la=1",
            "sensorElementListsensorElementsensorReportvalue=8a=1",
            "bizTransactionListtype=https://ref.gs1.org/cbv/BTT-pobizTransaction=b",
            "destinationListtype=https://ref.gs1.org/cbv/SDT-locationdestination=d",
            "ilmd{https://dc.example/ns/}grade=A",
            "sourceListtype=https://ref.gs1.org/cbv/SDT-locationsource=shttps://x.example/of=n",
            "z=26{https://dc.example/ns/}zone=9",
        )
    )


def test_the_fields_of_a_sensor_have_one_order() -> None:
    metadata = dict.fromkeys(("time", "startTime", "endTime"), T) | dict.fromkeys(COMMON, "m")
    numbers = ("minValue", "maxValue", "meanValue", "sDev", "percRank", "percValue")
    report = {
        "type": "Temperature",
        "exception": "ALARM_CONDITION",
        **dict.fromkeys(COMMON, "r"),
        "time": T,
        "microorganism": "o",
        "chemicalSubstance": "s",
        "value": 26.1,
        "component": "x",
        "stringValue": "t",
        "booleanValue": False,
        "hexBinaryValue": "F0",
        "uriValue": "urn:x:u",
        **{name: at for at, name in enumerate(numbers)},
        "uom": "CEL",
        "coordinateReferenceSystem": "w",
        "a": 1,
    }
    element = {"sensorMetadata": metadata | {"bizRules": "b", "a": 1}, "sensorReport": [report]}
    assert both_ways({"sensorElementList": [element]}) == "".join(
        (
            f"sensorElementListsensorElementsensorMetadatatime={T}startTime={T}endTime={T}",
            *(f"{name}=m" for name in COMMON),
            "bizRules=ba=1sensorReporttype=https://gs1.org/voc/Temperature",
            "exception=https://gs1.org/voc/ALARM_CONDITION",
            *(f"{name}=r" for name in COMMON),
            f"time={T}microorganism=ochemicalSubstance=svalue=26.1",
            "component=https://ref.gs1.org/cbv/Comp-xstringValue=tbooleanValue=false",
            "hexBinaryValue=F0uriValue=urn:x:u",
            *(f"{name}={at}" for at, name in enumerate(numbers)),
            "uom=CELcoordinateReferenceSystem=wa=1",
        )
    )
