"""A milestone of each name, and the EPCIS event that it is."""

from dataclasses import replace
from typing import Any

import orjson

from edge.milestones.epcis import encode
from edge.milestones.model import SEVERITY, Mark, Milestone, Name
from edge.milestones.site import Site

SITE = Site("https://dc-north.example")
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


EMPTIED = milestone(Name.UNPACKED, without="children")
CORRECTED = replace(retraction_of(milestone(Name.MEASURED)), corrected_by=("f" * 32, "0" * 32))
