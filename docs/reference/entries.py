"""What a reader must know of each milestone: one entry for each name."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edge.milestones.model import Name, Value

UNIT = "340123450001000009"
LINE: Mapping[str, Value] = {"order": "SO-1001", "line": 1, "item": "04012345000016"}


@dataclass(frozen=True, slots=True)
class Entry:
    """One milestone, in the words of the page."""

    meaning: str
    """What happened: one sentence, without its full stop."""
    note: str = ""
    """What a reader may stumble over, in Markdown."""
    about: str = "unit"
    """The field that says whose milestone the sample is."""
    sample: Mapping[str, Value] = field(default_factory=dict)
    """What an observation tells that leads to it, if the example configuration has no rule."""


ENTRIES: Mapping[Name, Entry] = {
    Name.RECEIVED: Entry("a unit was seen where goods come in"),
    Name.STORED: Entry(
        "a unit was put in its place",
        "CBV's `sellable_accessible` would say that a customer can reach it. `milepost:transport` "
        "is the vehicle's own order.",
    ),
    Name.PICKED: Entry("the requested quantity of an order line was picked"),
    Name.PACKED: Entry(
        "a unit was closed with what is in it",
        "A child that is a GTIN says which kind of thing is inside, not which one: it is listed "
        "in `childQuantityList`.",
    ),
    Name.LOADED: Entry("a unit was loaded into a trailer"),
    Name.DEPARTED: Entry(
        "the trailer with the unit has left",
        "EPCIS excludes `shipping` beside `loading` and `departing`, so it is never said.",
    ),
    Name.RETURNED: Entry("a unit came back"),
    Name.UNPACKED: Entry(
        "units were taken out of another, or all that was in it",
        "Where the rule lists what was taken out, so does the event; without a list it is all.",
        sample={"unit": UNIT, "read_point": "returns-1"},
    ),
    Name.MEASURED: Entry(
        "what was sampled over a time, which ends at `eventTime`",
        "It is told in a sensor element (EPCIS 2.0, section 7.3.7). What is measured is often a "
        "machine and not a unit: then there is no `epcList`. EPCIS wants a read point in its "
        "place; if none was told, it is the machine. How long a state lasted is a report of the "
        "type `Time`, in `SEC`, with `milepost:state`.",
    ),
    Name.SHORT: Entry(
        "less was picked than requested, and no more will be", "The quantity can be 0."
    ),
    Name.OVER_PICKED: Entry(
        "more was picked than requested",
        about="order",
        sample={**LINE, "requested": 3, "quantity": 4, "read_point": "pick-1"},
    ),
    Name.UNREAD: Entry(
        "a read point saw something and read no identifier",
        about="read_point",
        sample={"read_point": "tunnel-1"},
    ),
    Name.MISREAD: Entry(
        "a read point read an identifier that cannot be: its check digit is wrong",
        about="read_point",
        sample={"read_point": "tunnel-1", "text": "340123450001000008"},
    ),
    Name.LOST: Entry(
        "a unit should have been seen again and was not",
        "No business step loses things, so there is none.",
    ),
    Name.JAMMED: Entry(
        "nothing moves any more", about="read_point", sample={"read_point": "zone-4"}
    ),
    Name.MISROUTED: Entry(
        "a unit went another way than planned",
        sample={"unit": UNIT, "read_point": "sorter-1", "lane": 4, "planned_lane": 7},
    ),
    Name.ILLEGAL: Entry(
        "a unit reached a stage that, by its lifecycle, it cannot have reached",
        sample={"unit": UNIT, "read_point": "dock-door-1"},
    ),
    Name.UNKNOWN: Entry(
        "a unit or an order was seen that nobody had told of",
        sample={"unit": UNIT, "read_point": "dock-in-1"},
    ),
    Name.DAMAGED: Entry(
        "somebody, or a camera, saw that a unit is damaged",
        sample={"unit": UNIT, "read_point": "qa-1"},
    ),
    Name.WEIGHT_MISMATCH: Entry(
        "a scale says other than expected",
        sample={"unit": UNIT, "read_point": "scale-1", "weight": 9.5, "expected_weight": 11.2},
    ),
}
