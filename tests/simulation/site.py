"""What happens on the floor, and which milestones are due for it: the rules, told a second way.

The model looks at what happened. It knows nothing of signals, batches, tracks,
horizons or the order in which things are told.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

SITE = "https://dc.example"
START = 1_772_352_000_000
"""The wall clock when a simulation begins."""

FOLLOW_SECONDS = 6
JOIN_SECONDS = 10
STAGE_WAIT_SECONDS = 5
REMEMBER_SECONDS = 5
"""How long one rule knows what it has told: what is told again then, the store must know."""


def _observation(source: str, kind: str, *fields: str) -> dict[str, object]:
    return {
        "source": source,
        "subject": f"{kind}/+",
        "kind": kind,
        "time": "time",
        "fields": {"read_point": "subject/1", **{name: name for name in fields}},
    }


OBSERVATIONS = [
    _observation("floor", "scan", "unit"),
    _observation("floor", "door-scan", "unit"),
    _observation("floor", "pick", "order", "line", "item", "quantity", "requested", "pick"),
    _observation("plc", "infeed", "unit"),
    _observation("dock", "divert", "unit"),
    _observation("plc", "line-closed", "order", "line", "item", "picked", "requested"),
    _observation("dock", "load", "unit"),
]
RULES: Mapping[str, Mapping[str, object]] = {
    "received": {
        "operator": "one",
        "milestone": "received",
        "about": "unit",
        "of": {"kind": "scan", "where": {"read_point": "in-*"}},
    },
    "stored": {
        "operator": "one",
        "milestone": "stored",
        "about": "unit",
        "of": {"kind": "scan", "where": {"read_point": "rack"}},
    },
    "returned": {
        "operator": "one",
        "milestone": "returned",
        "about": "unit",
        "of": {"kind": "scan", "where": {"read_point": "returns"}},
        "remember_days": REMEMBER_SECONDS / 86_400,
    },
    "lost": {
        "operator": "absence",
        "milestone": "lost",
        "about": "unit",
        "after": {"kind": "infeed"},
        "expect": {"kind": "divert"},
        "within_seconds": FOLLOW_SECONDS,
    },
    "loaded": {
        "operator": "join",
        "milestone": "loaded",
        "about": "unit",
        "of": [{"kind": "door-scan"}, {"kind": "load"}],
        "within_seconds": JOIN_SECONDS,
    },
    "picked": {
        "operator": "gather",
        "milestone": "picked",
        "partial": "short",
        "about": "order",
        "by": ["line"],
        "of": {"kind": "pick"},
        "distinct": "pick",
        "quantity": "quantity",
        "until": "requested",
        "closed_by": {"kind": "line-closed"},
        "total": "picked",
        "within_seconds": 600,
    },
}
LIFECYCLES = {
    "inbound": {
        "stages": ["received", "stored"],
        "ends": ["lost"],
        "wait_seconds": STAGE_WAIT_SECONDS,
    }
}
STAGES = ("received", "stored")


class Happening(NamedTuple):
    """Something that a device noticed; `at` is by the device's clock, which is right."""

    at: int
    source: str
    subject: str
    fields: Mapping[str, Any]

    def payload(self) -> bytes:
        """Return it as the device tells it."""
        return orjson.dumps({"time": self.at, **self.fields})


class Fact(NamedTuple):
    """A milestone that is due, as a business would name it."""

    name: str
    key: str
    occurred_at: int
    retracted: bool = False


@dataclass
class Story:
    """What happened to one unit or order line, and what must be told of it."""

    happenings: list[Happening] = field(default_factory=list)
    facts: set[Fact] = field(default_factory=set)
    garbage: list[Happening] = field(default_factory=list)
    """What no one can read: it goes to quarantine."""


def inbound(draw: random.Random, unit: str, at: int) -> Story:
    """A unit is scanned at the gate, put into a rack, and perhaps lost on the way."""
    story, key = Story(), f"unit:{unit}"

    def scan(read_point: str, name: str) -> None:
        story.happenings.append(Happening(at, "floor", f"scan/{read_point}", {"unit": unit}))
        story.facts.add(Fact(name, key, at))

    if draw.random() < 0.8:
        scan("in-1", "received")
    at += draw.randrange(10, 4_000)
    if draw.random() < 0.4:
        at = _conveyed(draw, unit, at, story)
    if draw.random() < 0.7:
        scan("rack", "stored")
    return story


def returned(draw: random.Random, unit: str, at: int) -> Story:
    """A unit comes back."""
    del draw
    scan = Happening(at, "floor", "scan/returns", {"unit": unit})
    return Story([scan], {Fact("returned", f"unit:{unit}", at)})


def conveyed(draw: random.Random, unit: str, at: int) -> Story:
    """A unit enters the conveyor, and leaves it or not."""
    story = Story()
    _conveyed(draw, unit, at, story)
    return story


def _conveyed(draw: random.Random, unit: str, at: int, story: Story) -> int:
    story.happenings.append(Happening(at, "plc", "infeed/belt", {"unit": unit}))
    if draw.random() < 0.5:
        story.facts.add(Fact("lost", f"unit:{unit}", at + FOLLOW_SECONDS * 1000))
        return at
    at += draw.randrange(0, FOLLOW_SECONDS * 1000 + 1)
    story.happenings.append(Happening(at, "dock", "divert/belt", {"unit": unit}))
    return at


def loaded(draw: random.Random, unit: str, at: int) -> Story:
    """A carton is scanned at the door, and a photo-eye sees it loaded, in any order."""
    story = Story()
    other = at + draw.randrange(0, JOIN_SECONDS * 1000 + 1)
    first, second = (at, other) if draw.random() < 0.5 else (other, at)
    is_seen = draw.random() < 0.85
    story.happenings.append(Happening(first, "floor", "door-scan/door-1", {"unit": unit}))
    if is_seen:
        story.happenings.append(Happening(second, "dock", "load/door-1", {"unit": unit}))
        story.facts.add(Fact("loaded", f"unit:{unit}", other))
    return story


def picked(draw: random.Random, order: str, at: int) -> Story:
    """The lines of an order are picked, all of it or less, and closed."""
    story = Story()
    for line in range(1, draw.randrange(2, 4)):
        requested = draw.randrange(1, 4)
        count = requested if draw.random() < 0.6 else draw.randrange(0, requested)
        told: dict[str, Any] = {"order": order, "line": line, "item": "I1", "requested": requested}
        last = at
        for number in range(count):
            last = at + draw.randrange(0, 5_000)
            pick = {**told, "quantity": 1, "pick": f"{order}/{line}/{number}"}
            story.happenings.append(Happening(last, "floor", "pick/station", pick))
            at = max(at, last)
        closed_at = at + draw.randrange(1, 3_000)
        closing = {**told, "picked": count}
        story.happenings.append(Happening(closed_at, "plc", "line-closed/panel", closing))
        picks = [each.at for each in story.happenings if each.fields.get("line") == line][:-1]
        if count == requested:
            story.facts.add(Fact("picked", f"order:{order}", max(picks)))
        else:
            story.facts.add(Fact("short", f"order:{order}", closed_at))
        at = closed_at
    return story


def garbled(draw: random.Random, unit: str, at: int) -> Story:
    """A scanner says what no one can read."""
    del unit
    nonsense: dict[str, Any] = draw.choice([{"unit": ""}, {}, {"unit": {"of": "a machine"}}])
    return Story(garbage=[Happening(at, "floor", "scan/in-1", nonsense)])


TIMELESS = (inbound, conveyed, returned)
"""Stories that end the same however the gateway's clock jumps, but for retractions."""


@dataclass
class Plan:
    """All that happens in a simulation."""

    stories: list[Story]

    @property
    def facts(self) -> set[Fact]:
        """All milestones that are due."""
        return {fact for story in self.stories for fact in story.facts}

    def happenings(self) -> Iterator[Happening]:
        """All that devices tell, garbage included."""
        for story in self.stories:
            yield from story.happenings
            yield from story.garbage


def plan(
    draw: random.Random, stories: int, seconds: float, *, behind: float, is_clock_true: bool
) -> Plan:
    """Return so many stories that begin within so many seconds, by clocks so much behind."""
    kinds = [*TIMELESS, inbound, loaded, picked, garbled] if is_clock_true else TIMELESS
    told = []
    for number in range(stories):
        at = START + round((draw.random() * seconds - behind) * 1000)
        told.append(draw.choice(kinds)(draw, f"N{number}", at))
    return Plan(told)


def lost_for_nothing(told: Iterable[Fact]) -> set[Fact]:
    """Return both sides of each loss that was told and taken back."""
    known = set(told)
    pairs: set[Fact] = set()
    for fact in known:
        if fact.retracted and fact._replace(retracted=False) in known:
            pairs |= {fact, fact._replace(retracted=False)}
    return pairs
