"""Milestones as EPCIS 2.0 events with CBV 2.0 words, in JSON.

GS1, EPCIS Standard 2.0 and Core Business Vocabulary (CBV) 2.0. What a milestone
tells beyond their words goes into extensions with the prefix `milepost:`. Never
`shipping`: CBV excludes it beside the finer steps `loading` and `departing`.
"""

from collections.abc import Mapping

import orjson

from edge.milestones.attributes import Attributes, Unencodable, urn
from edge.milestones.fields import blocked
from edge.milestones.identifiers import gtin_uri, item_uri, own_uri, unit_uri
from edge.milestones.measured import measured
from edge.milestones.model import SEVERITY, Milestone, Name
from edge.milestones.site import Site

__all__ = ["Unencodable", "encode", "needed"]

_CONTEXT = (
    "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld",
    {"milepost": "https://milepost.example/ns/"},
)
_QUANTITY, _REQUESTED = "milepost:quantity", "milepost:requestedQuantity"
_WORDS: Mapping[Name, Mapping[str, str]] = {
    Name.RECEIVED: {"bizStep": "receiving", "disposition": "in_progress"},
    # sellable_accessible would say that a customer can reach it.
    Name.STORED: {"bizStep": "storing", "disposition": "sellable_not_accessible"},
    Name.PICKED: {"bizStep": "picking", "disposition": "in_progress"},
    Name.SHORT: {"bizStep": "picking", "disposition": "mismatch_quantity"},
    Name.PACKED: {"bizStep": "packing", "disposition": "in_progress"},
    Name.UNPACKED: {"bizStep": "unpacking", "disposition": "in_progress"},
    Name.LOADED: {"bizStep": "loading", "disposition": "in_progress"},
    Name.DEPARTED: {"bizStep": "departing", "disposition": "in_transit"},
    Name.RETURNED: {"bizStep": "receiving", "disposition": "returned"},
    Name.OVER_PICKED: {"bizStep": "picking", "disposition": "mismatch_quantity"},
    # A read point is not in a state: it told that something was there.
    Name.UNREAD: {"bizStep": "sensor_reporting"},
    Name.MISREAD: {"bizStep": "sensor_reporting"},
    # No step of the business loses things, or takes them where they do not belong.
    Name.LOST: {"disposition": "unknown"},
    Name.JAMMED: {"bizStep": "sensor_reporting", "disposition": "unavailable"},
    Name.MISROUTED: {"disposition": "mismatch_instance"},
    Name.ILLEGAL: {"disposition": "unknown"},
    Name.UNKNOWN: {"disposition": "mismatch_instance"},
    Name.DAMAGED: {"bizStep": "inspecting", "disposition": "damaged"},
    Name.WEIGHT_MISMATCH: {"bizStep": "inspecting", "disposition": "non_conformant"},
    # What a sensor reads says nothing of the state of the business.
    Name.MEASURED: {"bizStep": "sensor_reporting"},
}

_NEEDED: Mapping[Name, frozenset[str]] = {
    Name.SHORT: frozenset({"item", "quantity", "requested"}),
    Name.PACKED: frozenset({"unit", "children"}),
    Name.UNPACKED: frozenset({"unit"}),
}
_AN_OBJECT = (frozenset({"unit"}), frozenset({"item"}))


def needed(name: Name) -> tuple[frozenset[str], ...]:
    """Return the sets of attributes of which a milestone must tell one; none if it needs none.

    What an operator tells by itself, as `summarise` does of `measured`, is not among them.
    """
    if name in _NEEDED:
        return (_NEEDED[name],)
    return () if name in SEVERITY or name is Name.MEASURED else _AN_OBJECT


def encode(milestone: Milestone, site: Site) -> bytes:
    """Return the milestone as one EPCIS event: the same bytes whenever it is asked.

    A retraction has the `eventID` of the event that it declares false, and an
    `errorDeclaration`: whoever tells events apart by `eventID` must look at both.

    Raises:
        Unencodable: An attribute that the event needs is missing, or has a
            value that EPCIS cannot say.

    """
    attributes = Attributes(milestone)
    prefix = site.uri.rstrip("/")
    aggregates = milestone.name in (Name.PACKED, Name.UNPACKED)
    event: dict[str, object] = {
        "@context": _CONTEXT,
        "type": "AggregationEvent" if aggregates else "ObjectEvent",
        "eventID": attributes.event_id(),
        "eventTime": attributes.time(),
        "eventTimeZoneOffset": site.zone_offset,
    }
    if aggregates:
        event |= _aggregated(milestone, attributes, prefix)
    elif milestone.name is Name.MEASURED:
        event |= measured(attributes, prefix) | _counted(attributes)
    else:
        event |= _observed(milestone, attributes, prefix)
    if (since := attributes.moment("since")) is not None:
        event["milepost:since"] = since
    event |= _WORDS[milestone.name]
    event |= _where_and_why(attributes, prefix)
    event["milepost:milestone"] = milestone.name
    event["milepost:rule"] = milestone.rule
    if milestone.rule_version:
        event["milepost:ruleVersion"] = milestone.rule_version
    event["milepost:mark"] = milestone.mark
    if milestone.severity is not None:
        event["milepost:severity"] = milestone.severity
        event["milepost:blocks"] = blocked(milestone)
    for name, value in attributes.extensions():
        if name in event:
            raise Unencodable(f"{name!r} is told twice; rename the field")
        event[name] = value
    if milestone.retracts is not None:
        event["errorDeclaration"] = _error_declaration(milestone)
    try:
        return orjson.dumps(event)
    except orjson.JSONEncodeError as error:
        raise Unencodable(str(error)) from None


def declared_false(event: bytes, retraction: Milestone) -> bytes:
    """Return an event that was told as its retraction tells it again.

    It is the same, but for an `errorDeclaration` (EPCIS 2.0, section 7.4.1.4): whoever reverses
    a posting finds in it all that was posted, and its hash is that of what was told.
    """
    told = orjson.loads(event) | {"errorDeclaration": _error_declaration(retraction)}
    return orjson.dumps(told)


def _error_declaration(milestone: Milestone) -> dict[str, object]:
    """Return why the event is false, and what is true instead."""
    declaration: dict[str, object] = {"declarationTime": Attributes(milestone).time()}
    if not milestone.corrected_by:
        # CBV: `did_not_occur` names no corrective events.
        return declaration | {"reason": "did_not_occur"}
    corrective = [urn(each) for each in milestone.corrected_by]
    return declaration | {"reason": "incorrect_data", "correctiveEventIDs": corrective}


def _observed(milestone: Milestone, attributes: Attributes, prefix: str) -> dict[str, object]:
    """Return what an ObjectEvent is about: a unit, a quantity of an item, or both.

    An exception may be about neither, but about a read point, a device or an order. It must be
    about an object all the same (EPCIS 2.0, section 7.4.1): then that is what its key names.
    """
    about: dict[str, object] = {"action": "OBSERVE"}
    unit, item = attributes.text("unit"), attributes.text("item")
    quantity = None if item is None else attributes.number("quantity")
    counted = _counted(attributes)
    if milestone.name is Name.SHORT and (quantity is None or _REQUESTED not in counted):
        raise Unencodable("expected item, quantity and requested: what is short of what")
    if unit is not None:
        about["epcList"] = [unit_uri(unit, prefix)]
    elif item is None:
        if milestone.severity is None:
            raise Unencodable("neither a unit nor an item; expected one of them")
        what, value = attributes.subject()
        about["epcList"] = [own_uri(value, prefix, what)]
    if item is not None:
        about["quantityList"] = [_quantity(item_uri(item, prefix), quantity, attributes)]
    return about | counted


def _counted(attributes: Attributes) -> dict[str, object]:
    """Return how many there are, where no `quantityList` says it, and how many were wanted."""
    counts = {_QUANTITY: attributes.number("quantity"), _REQUESTED: attributes.number("requested")}
    return {name: count for name, count in counts.items() if count is not None}


def _quantity(epc_class: str, quantity: float | None, attributes: Attributes) -> dict[str, object]:
    """Return how much there is of a kind of thing."""
    element: dict[str, object] = {"epcClass": epc_class}
    if quantity is not None:
        element["quantity"] = quantity
    if (measure := attributes.unit_of_measure()) is not None:
        element["uom"] = measure
    return element


def _aggregated(milestone: Milestone, attributes: Attributes, prefix: str) -> dict[str, object]:
    """Return what an AggregationEvent is about: a unit, and what is put in or taken out.

    The JSON schema would let the parent be missing; the standard does not
    (EPCIS 2.0, section 7.4.3). A deletion without children is of all there are.
    """
    takes_all = milestone.name is Name.UNPACKED and "children" not in milestone.attributes
    unit, children = attributes.text("unit"), attributes.texts("children")
    if unit is None or not (children or takes_all):
        raise Unencodable("expected a unit and its children")
    # A GTIN says what kind of thing a child is, not which one.
    classes = [uri for child in children if (uri := gtin_uri(child)) is not None]
    instances = [unit_uri(child, prefix, "item") for child in children if gtin_uri(child) is None]
    about: dict[str, object] = {"parentID": unit_uri(unit, prefix)}
    if instances:
        about["childEPCs"] = instances
    if classes:
        about["childQuantityList"] = [{"epcClass": uri} for uri in classes]
    about["action"] = "ADD" if milestone.name is Name.PACKED else "DELETE"
    return about | _counted(attributes)


def _where_and_why(attributes: Attributes, prefix: str) -> dict[str, object]:
    """Return the read point and the business transactions, as far as they are known."""
    told: dict[str, object] = {}
    if (read_point := attributes.text("read_point")) is not None:
        told["readPoint"] = {"id": own_uri(read_point, prefix, "readPoint")}
    transactions = []
    if (order := attributes.text("order")) is not None:
        # CBV has no type for a sales order; a type of one's own is a full URI.
        order_type = f"{prefix}/bizTransactionType/order"
        order_uri = own_uri(order, prefix, "order")
        transactions.append({"type": order_type, "bizTransaction": order_uri})
    if (rma := attributes.text("rma")) is not None:
        transactions.append({"type": "rma", "bizTransaction": own_uri(rma, prefix, "rma")})
    if transactions:
        told["bizTransactionList"] = transactions
    return told
