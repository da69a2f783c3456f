"""Finding the events in what is exchanged: one, a list of them, or a document."""

from collections.abc import Iterator, Mapping
from typing import Any

from edge.milestones.event_hash.values import Unhashable


def events_in(told: object) -> Iterator[tuple[Mapping[str, Any], object]]:
    """Return each event of parsed JSON, with the `@context` that it shares with the others.

    Takes an event, a list of events or documents, an EPCISDocument and an
    EPCISQueryDocument (EPCIS 2.0, section 9).

    Raises:
        Unhashable: It is none of these.

    """
    if isinstance(told, list):
        for each in told:
            yield from events_in(each)
        return
    if not isinstance(told, Mapping):
        raise Unhashable("neither an EPCIS event, nor a list of them, nor an EPCISDocument")
    if "epcisBody" not in told:
        yield told, None
        return
    body = _object_at("epcisBody", told["epcisBody"])
    if "queryResults" in body:
        results = _object_at("queryResults", body["queryResults"])
        body = _object_at("resultsBody", results.get("resultsBody"))
    events = body.get("eventList", body.get("event"))
    for event in events if isinstance(events, list) else [events]:
        yield _object_at("event", event), told.get("@context")


def _object_at(name: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise Unhashable(f"an EPCISDocument whose {name!r} is not an object")
    return value
