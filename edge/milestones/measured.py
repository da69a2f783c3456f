"""What was measured over a time, as the ObjectEvent that tells it has it.

EPCIS 2.0, section 7.3.7: a sensor element has the time that it speaks of, and
a report for each thing measured.
"""

from edge.milestones.attributes import Attributes, Unencodable
from edge.milestones.identifiers import own_uri, unit_uri
from edge.milestones.measurements import is_measure

Report = dict[str, object]


def measured(attributes: Attributes, prefix: str) -> dict[str, object]:
    """Return what the event is about, and the sensor element.

    An event about neither a unit nor an item needs a read point (section
    7.4.2); where none is told, it is what the rule is about: the machine is
    where its current was measured.
    """
    unit, device = attributes.text("unit"), attributes.text("device")
    told: dict[str, object] = {"action": "OBSERVE"}
    metadata: dict[str, object] = {
        "startTime": _needed(attributes.moment("since"), "since"),
        "endTime": attributes.time(),
    }
    if device is not None:
        metadata["deviceID"] = own_uri(device, prefix, "device")
    if unit is not None:
        told["epcList"] = [unit_uri(unit, prefix)]
    else:
        what, value = attributes.subject()
        told["readPoint"] = {"id": own_uri(value, prefix, what)}
    reports = [*_numbers(attributes), *_states(attributes)]
    if not reports:
        raise Unencodable("neither a number nor a state was measured")
    told["sensorElementList"] = [{"sensorMetadata": metadata, "sensorReport": reports}]
    return told


def _numbers(attributes: Attributes) -> list[Report]:
    measures, uom = attributes.text("measures"), attributes.unit_of_measure()
    found = {
        "minValue": attributes.reading("min"),
        "maxValue": attributes.reading("max"),
        "meanValue": attributes.reading("mean"),
    }
    if measures is None:
        return []
    if not is_measure(measures):
        raise Unencodable(f"measures is {measures!r}; expected one like 'ElectricCurrent'")
    values = {name: _needed(value, name) for name, value in found.items()}
    return [{"type": measures, **values, "uom": _needed(uom, "uom")}]


def _states(attributes: Attributes) -> list[Report]:
    """Return a report for each state; EPCIS has no word for which one it is."""
    return [
        {"type": "Time", "value": seconds, "uom": "SEC", "milepost:state": state}
        for state, seconds in attributes.seconds("seconds")
    ]


def _needed(value: object, name: str) -> object:
    if value is None:
        raise Unencodable(f"expected {name}")
    return value
