"""What Milepost adds to an EPCIS event, as JSON Schema (draft 7)."""

from collections.abc import Mapping
from typing import Any

from edge.milestones.model import Mark, Name, Severity, TimeFrom

_SCALAR = {"type": ["string", "number", "boolean"]}

PROPERTIES: Mapping[str, Mapping[str, Any]] = {
    "milepost:milestone": {
        "type": "string",
        "description": "Which milestone it is. More names may be added.",
        "examples": [str(each) for each in Name],
    },
    "milepost:rule": {
        "type": "string",
        "description": "The configured rule that concluded it.",
    },
    "milepost:ruleVersion": {
        "type": "string",
        "pattern": "^[0-9a-f]{8}$",
        "description": "Which version of that rule: eight digits that change when what is set "
        "in it does.",
    },
    "milepost:mark": {
        "enum": [str(each) for each in Mark],
        "description": "`in_order`; `late`: evidence came after the rule's time was over, or "
        "after its source's watermark; "
        "`out_of_order`: an earlier stage was waited for and has not come.",
    },
    "milepost:timeFrom": {
        "enum": [str(each) for each in TimeFrom],
        "description": "Only if a clock behind it was never set (it stated a time before 2015, or "
        "more than a day ahead): whose time counts instead, `protocol` (the protocol's time stamp) "
        "or `arrival` (when the gateway received it).",
    },
    "milepost:since": {
        "type": "string",
        "format": "date-time",
        "description": "Of a value that had to hold for some time: since when it was held.",
    },
    "milepost:severity": {
        "enum": [str(each) for each in Severity],
        "description": "How bad an exception is.",
    },
    "milepost:blocks": {
        "type": "string",
        "description": "What cannot go on until somebody sees to an exception: a key such as "
        "`order:SO-1001`.",
    },
    "milepost:quantity": {
        "type": "number",
        "minimum": 0,
        "description": "How many, where there is no `quantityList` that says it.",
    },
    "milepost:requestedQuantity": {
        "type": "number",
        "minimum": 0,
        "description": "How many were wanted.",
    },
}
"""The fields that mean the same at every site."""

SCHEMA: Mapping[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "What Milepost adds to an EPCIS 2.0 event",
    "description": "The rest of an event is as EPCIS-JSON-Schema.json of GS1 says.",
    "type": "object",
    "required": ["milepost:milestone", "milepost:rule", "milepost:mark"],
    "dependencies": {
        "milepost:severity": ["milepost:blocks"],
        "milepost:blocks": ["milepost:severity"],
    },
    "properties": PROPERTIES,
    "patternProperties": {
        "^milepost:": {
            "description": "A field of the observations, under its name: `pick_station` becomes "
            "`milepost:pickStation`.",
            "anyOf": [_SCALAR, {"type": "array", "items": _SCALAR}],
        }
    },
}
