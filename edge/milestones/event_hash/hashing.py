"""Writing an event as its pre-hash string, and hashing that."""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

import orjson

from edge.milestones.event_hash.order import COMMENTS, NOT_HASHED, ORDERED, SORTED, Field
from edge.milestones.event_hash.values import Namespaces, Unhashable, time

_NEEDED = {"type", "eventTime"}


def event_hash(event: bytes | Mapping[str, Any], context: object = None) -> str:
    """Return the id of an event: "ni:///sha-256;…?ver=CBV2.0".

    Neither the order of fields, nor that of list elements, nor how numbers,
    times and identifiers are spelled makes a difference; what they say does.

    Args:
        event: One EPCIS 2.0 event, as JSON or as that is parsed.
        context: `@context` of the document that the event was in; its own is
            read, too.

    Raises:
        Unhashable: It is no event, or uses a prefix that no context explains.

    """
    digest = sha256(pre_hash(event, context).encode()).hexdigest()
    return f"ni:///sha-256;{digest}?ver=CBV2.0"


def pre_hash(event: bytes | Mapping[str, Any], context: object = None) -> str:
    """Return the text whose SHA-256 is the event's, to see why two hashes differ.

    Takes and raises what `event_hash` does.
    """
    try:
        told = orjson.loads(event) if isinstance(event, bytes) else event
        if not isinstance(told, Mapping) or not told.keys() >= _NEEDED:
            raise Unhashable("not an EPCIS event: expected an object with 'type' and 'eventTime'")
        text = _Writer(Namespaces(context, told.get("@context"))).event(told)
        text.encode()
    except orjson.JSONDecodeError as error:
        raise Unhashable(f"not JSON: {error}") from None
    except UnicodeEncodeError:
        raise Unhashable("a text in it is not Unicode") from None
    except RecursionError:
        raise Unhashable("nested too deeply") from None
    return text


class _Writer:
    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces

    def event(self, event: Mapping[str, Any]) -> str:
        told = {name: value for name, value in event.items() if name not in NOT_HASHED}
        return f"eventType={event['type']}{self._object(told, ORDERED)}"

    def _object(self, told: Mapping[str, Any], fields: Sequence[Field]) -> str:
        """Return the fields of the standard, and behind them whatever else is told."""
        ordered = "".join(self._field(field, told.get(field.name)) for field in fields)
        known = {field.name for field in fields}
        return ordered + self._extensions({n: v for n, v in told.items() if n not in known})

    def _field(self, field: Field, value: object) -> str:
        name = field.name if field.element is None else field.element
        parts = "".join(sorted(self._part(name, each, field) for each in _each(value)))
        return field.name + parts if parts and field.element is not None else parts

    def _part(self, name: str, value: object, field: Field) -> str:
        if isinstance(value, Mapping):
            inner = self._object(value, field.inner)
            return name + inner if inner else ""
        text = time(name, value) if field.is_time else self._namespaces.text(value, field.words)
        return f"{name}={text}" if text else ""

    def _extensions(self, told: Mapping[str, Any]) -> str:
        return "".join(sorted(part for name in told for part in self._extension(name, told[name])))

    def _extension(self, name: str, value: object) -> Iterator[str]:
        if name in SORTED:
            yield self._field(SORTED[name], value)
        elif name not in COMMENTS:
            key = self._namespaces.key(name)
            for each in _each(value):
                if isinstance(each, Mapping):
                    yield key + self._extensions(each)
                else:
                    text = self._namespaces.text(each)
                    yield f"{key}={text}" if text else key


def _each(value: object) -> list[object]:
    """Return the elements of a list, and anything else as the only one; null is nothing."""
    elements = value if isinstance(value, list) else [value]
    if any(isinstance(element, list) for element in elements):
        raise Unhashable(f"a list in a list: {str(value)[:60]}")
    return [element for element in elements if element is not None]
