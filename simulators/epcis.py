"""What an EPCIS 2.0 event says, read as a fact of the scenario.

Reads the standard (EPCIS 2.0, CBV 2.0 and GS1 Digital Link) and the two
extension fields that EPCIS has no word for: `milepost:line` and
`milepost:requestedQuantity`. Whatever is not said exactly is not a fact.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from simulators.scenario import Fact

Event = Mapping[str, Any]

_SSCC = "https://id.gs1.org/00/"
_GTIN = "https://id.gs1.org/01/"
_CBV = (
    "https://ref.gs1.org/cbv/BizStep-",
    "https://ref.gs1.org/cbv/Disp-",
    "https://ref.gs1.org/cbv/BTT-",
    "https://ns.gs1.org/cbv/BizStep-",
    "https://ns.gs1.org/cbv/Disp-",
    "https://ns.gs1.org/cbv/BTT-",
    "cbv:BizStep-",
    "cbv:Disp-",
    "cbv:BTT-",
    "urn:epcglobal:cbv:bizstep:",
    "urn:epcglobal:cbv:disp:",
    "urn:epcglobal:cbv:btt:",
)

_NAMES = {
    ("receiving", "in_progress"): "received",
    ("receiving", "returned"): "returned",
    ("storing", None): "stored",
    ("picking", "in_progress"): "picked",
    ("picking", "mismatch_quantity"): "short",
    ("packing", None): "packed",
    ("loading", None): "loaded",
    ("departing", None): "departed",
    (None, "unknown"): "lost",
}
"""Business step and disposition; None as the disposition beside a step stands for any."""


class Unreadable(Exception):
    """The event states no fact; the message says why."""


def is_retraction(event: Event) -> bool:
    """Return whether the event declares an earlier one with its eventID to be false."""
    return "errorDeclaration" in event


def name_of(event: Event) -> str | None:
    """Return which fact the event is about, or None if it is none that we know."""
    step, disposition = _word(event.get("bizStep")), _word(event.get("disposition"))
    return _NAMES.get((step, disposition)) or (_NAMES.get((step, None)) if step else None)


def read(event: Event) -> Fact:
    """Return the fact that the event states.

    Raises:
        Unreadable: It states none, or not completely.

    """
    name = name_of(event)
    kind = (event.get("type"), event.get("action"))
    expected = ("AggregationEvent", "ADD") if name == "packed" else ("ObjectEvent", "OBSERVE")
    if name is not None and kind != expected:
        raise Unreadable(f"{name} is told by {expected}, not by {kind}")
    match name:
        case "received" | "stored" | "lost":
            return Fact.of(name, _unit(event))
        case "returned":
            return Fact.of(name, _unit(event), rma=_transaction(event, "rma"))
        case "loaded" | "departed":
            return Fact.of(name, _unit(event), order=_transaction(event, "order"))
        case "packed":
            return Fact.of(
                name,
                f"unit:{_after(_SSCC, event.get('parentID'))}",
                order=_transaction(event, "order"),
                children=tuple(sorted(_texts(event, "childEPCs"))),
            )
        case "picked":
            return Fact.of(name, f"order:{_transaction(event, 'order')}", **_picked(event))
        case "short":
            requested = _count(event.get("milepost:requestedQuantity"))
            key = f"order:{_transaction(event, 'order')}"
            return Fact.of(name, key, **_picked(event), requested=requested)
        case _:
            raise Unreadable(
                f"bizStep {event.get('bizStep')!r} with disposition {event.get('disposition')!r}"
            )


def _picked(event: Event) -> dict[str, str | int]:
    match event.get("quantityList"):
        case [{"epcClass": item, "quantity": quantity}]:
            pass
        case other:
            raise Unreadable(f"quantityList is {other!r}, not one item")
    if "milepost:line" not in event:
        raise Unreadable("milepost:line is missing")
    return {
        "line": str(event["milepost:line"]),
        "item": _after(_GTIN, item),
        "quantity": _count(quantity),
    }


def _unit(event: Event) -> str:
    match event.get("epcList"):
        case [uri]:
            return f"unit:{_after(_SSCC, uri)}"
        case other:
            raise Unreadable(f"epcList is {other!r}, not one unit")


def _transaction(event: Event, kind: str) -> str:
    """Return the order or RMA: the last segment of a URI of that kind."""
    found = {number for number in _transactions(event, kind) if number}
    if len(found) != 1:
        raise Unreadable(f"bizTransactionList names {len(found)} of {kind}, not one")
    return found.pop()


def _transactions(event: Event, kind: str) -> Iterator[str]:
    entries = event.get("bizTransactionList", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Unreadable(f"bizTransactionList is {entries!r}, not a list of transactions")
    for entry in entries:
        rest, _, number = str(entry.get("bizTransaction", "")).replace(":", "/").rpartition("/")
        if _word(entry.get("type")) == kind or rest.rpartition("/")[2] == kind:
            yield number


def _texts(event: Event, field: str) -> list[str]:
    match event.get(field):
        case list(values) if all(isinstance(value, str) for value in values):
            return values
        case other:
            raise Unreadable(f"{field} is {other!r}, not a list of identifiers")


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1 != 0:
        raise Unreadable(f"{value!r} is not a count")
    return int(value)


def _after(prefix: str, uri: object) -> str:
    if not isinstance(uri, str) or not uri.startswith(prefix):
        raise Unreadable(f"{uri!r} does not begin with {prefix}")
    return uri.removeprefix(prefix)


def _word(value: object) -> str | None:
    """Return a CBV value as its bare word."""
    if value is None:
        return None
    text = str(value)
    return next((text.removeprefix(p) for p in _CBV if text.startswith(p)), text)
