"""The parts of docs/events.md that follow from the code, and the schema beside it."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import orjson

from docs.reference.entries import ENTRIES, UNIT
from docs.reference.extensions import PROPERTIES, SCHEMA
from docs.reference.story import concluded, sampled
from drivers.contract import Entry as OutboxEntry
from drivers.http.encode import headers
from edge.milestones.epcis import Unencodable, declared_false, encode
from edge.milestones.model import SEVERITY, Milestone, Name
from edge.milestones.site import Site

_PART = re.compile(r"(<!-- make docs: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_COLUMNS = ("Milestone", "What happened", "Event", "`bizStep`", "`disposition`")
# Beside what an example tells: any of these may be what its event cannot do without.
_NEEDABLE: Mapping[str, object] = {
    "unit": UNIT,
    "item": "04012345000016",
    "quantity": 1,
    "requested": 2,
    "children": ["04012345000016"],
    "seconds": {"IDLE": 1},
}


def page(text: str) -> str:
    """Return the page with what follows from the code written between its marks.

    Raises:
        ValueError: A milestone has no entry, or marks and parts are not the same.

    """
    parts = dict(_parts())
    marks = [mark for _, mark, _ in _PART.findall(text)]
    if sorted(marks) != sorted(parts):
        raise ValueError(f"the page has the marks {marks}; expected {list(parts)}")
    return _PART.sub(lambda found: f"{found[1]}\n{parts[found[2]]}\n\n{found[3]}", text)


def schema() -> str:
    """Return the JSON Schema of what Milepost adds."""
    return orjson.dumps(SCHEMA, option=orjson.OPT_INDENT_2).decode() + "\n"


@dataclass(frozen=True, slots=True)
class Examples:
    """Milestones as the engine concludes them."""

    site: Site
    told: Mapping[Name, Milestone]
    """One of each name."""
    retraction: bytes
    """The event that declares one false that did not happen."""
    correction: bytes
    """The event that declares one false in favour of another."""


def examples() -> Examples:
    """Return examples of all that a destination can be told.

    Raises:
        ValueError: A milestone has no entry, or none that leads to an example.

    """
    if missing := [name for name in Name if name not in ENTRIES]:
        raise ValueError(f"no entry in docs/reference/entries.py for {', '.join(missing)}")
    site, story = concluded()
    told: dict[Name, Milestone] = {}
    for milestone in story:
        if milestone.retracts is None:
            told.setdefault(milestone.name, milestone)
    for name, entry in ENTRIES.items():
        if (name in told) is bool(entry.sample):
            what = "is not needed: the story concludes it" if entry.sample else "is missing"
            raise ValueError(f"docs/reference/entries.py: the sample of {name} {what}")
        if entry.sample:
            told[name] = sampled(name, entry.about, entry.sample)
    retractions = [milestone for milestone in story if milestone.retracts is not None]
    false = {each.id: encode(each, site) for each in story}
    retraction, correction = (
        declared_false(false[each.retracts or ""], each)
        for each in sorted(retractions, key=lambda each: len(each.corrected_by))
    )
    return Examples(site, {name: told[name] for name in Name}, retraction, correction)


def _parts() -> Iterator[tuple[str, str]]:
    found = examples()
    site, told = found.site, found.told
    rows = {name: _row(name, milestone, site) for name, milestone in told.items()}
    facts = ((*rows[name], _needs(told[name], site)) for name in Name if name not in SEVERITY)
    exceptions = ((*rows[name], _code(SEVERITY[name])) for name in SEVERITY)
    yield "extensions", _table(("Field", "What it tells"), _extensions())
    yield "facts", _table((*_COLUMNS, "What it cannot do without"), facts)
    yield "exceptions", _table((*_COLUMNS, "Severity"), exceptions)
    yield "examples", "\n\n".join(_example(name, each, site) for name, each in told.items())
    yield "retraction", _event(found.retraction)
    yield "correction", _event(found.correction)


def _row(name: Name, milestone: Milestone, site: Site) -> Sequence[str]:
    event = orjson.loads(encode(milestone, site))
    words = [_code(event[field]) if field in event else "" for field in ("bizStep", "disposition")]
    kind = f"{event['type']} {event['action']}"
    return (f"[`{name}`](#{name})", ENTRIES[name].meaning, kind, *words)


def _needs(milestone: Milestone, site: Site) -> str:
    """Return the smallest sets of attributes of which the encoder makes an event."""
    values = {**_NEEDABLE, **milestone.attributes}
    enough: list[tuple[str, ...]] = []
    for size in range(len(values) + 1):
        for names in combinations(values, size):
            if any(set(fewer) <= set(names) for fewer in enough):
                continue
            told = {name: values[name] for name in names}
            try:
                encode(replace(milestone, attributes=told), site)
            except Unencodable:
                continue
            enough.append(names)
    return " or ".join(" and ".join(map(_code, names)) for names in enough)


def _example(name: Name, milestone: Milestone, site: Site) -> str:
    entry = ENTRIES[name]
    event = encode(milestone, site)
    sent = OutboxEntry("", milestone.key, name, milestone.occurred_at, site.uri, event, 1)
    meaning = f"{entry.meaning[0].upper()}{entry.meaning[1:]}."
    kind = f"CloudEvents type: {_code(headers(sent)['ce-type'])}."
    return f"### {name}\n\n{' '.join(filter(None, (meaning, entry.note, kind)))}\n\n{_event(event)}"


def _event(body: bytes) -> str:
    """Return the event as Markdown, a line for each field."""
    lines = (f"  {_json(name)}: {_json(value)}" for name, value in orjson.loads(body).items())
    return "```json\n{\n" + ",\n".join(lines) + "\n}\n```"


def _json(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_json(k)}: {_json(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_json, value)) + "]"
    return orjson.dumps(value).decode()


def _extensions() -> Iterator[Sequence[str]]:
    for name, field in PROPERTIES.items():
        yield _code(name), field["description"]
    yield "`milepost:…`", SCHEMA["patternProperties"]["^milepost:"]["description"]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _code(word: str) -> str:
    return f"`{word}`"
