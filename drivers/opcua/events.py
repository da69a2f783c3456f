"""Events: which fields those of a type have, and how they are asked for."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds

from drivers.contract import LinkDown
from drivers.opcua.connection import Connection
from drivers.opcua.settings import Events

TYPE, TIME = "EventType", "Time"
_PATIENCE_SECONDS = 20.0
"""How long a PLC may take to tell what the types of events are."""
_MOST_TYPES = 200
_BASE = ua.NodeId(ua.Int32(ObjectIds.BaseEventType))
_OVERFLOW = ua.NodeId(ua.Int32(ObjectIds.EventQueueOverflowEventType))


class NotSelectable(Exception):
    """Events cannot be asked for; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked for of each event."""

    names: tuple[str, ...]
    """The fields, in the order in which they come; of several of one name one is told."""
    item: ua.MonitoredItemCreateRequest

    def fields(self, values: Sequence[ua.Variant]) -> dict[str, ua.Variant]:
        """Return the fields that an event has, by name."""
        fields: dict[str, ua.Variant] = {}
        for name, value in zip(self.names, values, strict=True):
            if value.Value is not None:
                fields.setdefault(name, value)
        return fields


def overflowed(fields: Mapping[str, ua.Variant]) -> bool:
    """Tell if the PLC had to drop events before this one (OPC 10000-4, 7.22.3)."""
    return TYPE in fields and fields[TYPE].Value == _OVERFLOW


async def select(connection: Connection, handle: int, events: Events) -> Selection:
    """Ask which fields the events have, and return how to ask for them.

    Subtypes are those that there are by then. Each field is asked for by the
    type that declares it, as servers may refuse a path that is not in the type.

    Raises:
        NotSelectable: The PLC does not say what the type is, or not in time.

    """
    asked = ua.NodeId.from_string(events.type)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            above = await _supertypes(connection, asked)
            types = await _subtypes(connection, asked)
            paths = [
                (each, path) for each in above + types for path in await _fields(connection, each)
            ]
    except (LinkDown, TimeoutError) as error:
        # Whether the link is lost is for others to find out: all else can be heard without this.
        why = str(error) or "no answer in time"
        raise NotSelectable(f"what events of type {events.type} are is not told: {why}") from error
    requested = ua.EventFilter(
        SelectClauses=[_operand(each, path) for each, path in paths],
        WhereClause=ua.ContentFilter(Elements=[_is_one_of(types)]),
    )
    item = ua.MonitoredItemCreateRequest(
        ItemToMonitor=ua.ReadValueId(
            NodeId=ua.NodeId.from_string(events.node), AttributeId=AttributeIds.EventNotifier
        ),
        MonitoringMode=ua.MonitoringMode.Reporting,
        RequestedParameters=ua.MonitoringParameters(
            ClientHandle=handle,
            SamplingInterval=0.0,
            Filter=requested,
            QueueSize=events.queue_size,
            DiscardOldest=True,
        ),
    )
    return Selection(tuple(path.Name or "" for _, path in paths), item)


async def _supertypes(connection: Connection, event_type: ua.NodeId) -> list[ua.NodeId]:
    """Return the types that the type comes from, BaseEventType first."""
    found: list[ua.NodeId] = []
    each = event_type
    while each != _BASE:
        parents = await connection.references(each, ObjectIds.HasSubtype)
        if not parents or len(found) == _MOST_TYPES:
            raise NotSelectable(f"{event_type.to_string()} is no type of events of the PLC")
        each = parents[0].NodeId
        found.insert(0, each)
    return found


async def _subtypes(connection: Connection, event_type: ua.NodeId) -> list[ua.NodeId]:
    """Return the type and all that come from it."""
    found = [event_type]
    for each in found:  # grows meanwhile
        children = await connection.references(each, ObjectIds.HasSubtype, forward=True)
        found += [child.NodeId for child in children if child.NodeId not in found]
        if len(found) > _MOST_TYPES:
            raise NotSelectable(
                f"more than {_MOST_TYPES} types of events come from {event_type.to_string()}:"
                " name one that says more"
            )
    return found


async def _fields(connection: Connection, event_type: ua.NodeId) -> list[ua.QualifiedName]:
    """Return the names of the fields that the type itself declares."""
    parts = await connection.references(event_type, ObjectIds.Aggregates, forward=True)
    return [part.BrowseName for part in parts if part.NodeClass == ua.NodeClass.Variable]


def _operand(event_type: ua.NodeId, path: ua.QualifiedName) -> ua.SimpleAttributeOperand:
    return ua.SimpleAttributeOperand(
        TypeDefinitionId=event_type, BrowsePath=[path], AttributeId=AttributeIds.Value
    )


def _is_one_of(types: Sequence[ua.NodeId]) -> ua.ContentFilterElement:
    """Return a condition of the kind that most servers know (InList; OfType is rarer)."""
    literals = [ua.LiteralOperand(Value=ua.Variant(each)) for each in types]
    operands = [_operand(_BASE, ua.QualifiedName(TYPE)), *literals]
    return ua.ContentFilterElement(FilterOperator=ua.FilterOperator.InList, FilterOperands=operands)
