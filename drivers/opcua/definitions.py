"""What the structures of one session's server are made of, asked for when one is told."""

import asyncio
import dataclasses
from collections.abc import Iterable

from asyncua import ua
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIdNames, ObjectIds

from drivers.contract import Link, LinkDown
from drivers.opcua.connection import Connection
from drivers.opcua.structures import DataType, Member, Structure, Undecodable, decode

_PATIENCE_SECONDS = 20.0
"""How long notifications may wait for definitions, in all, until `Definitions.retry`."""
_DEEPEST = 20
"""How many subtypes a data type may be away from what it is written as."""
_HOLDERS = {ua.VariantType.ExtensionObject, ua.VariantType.Variant, ua.VariantType.DataValue}
_LAST_BUILT_IN = ua.VariantType.DiagnosticInfo.value
_ABSTRACT = {
    ObjectIds.Null: ua.VariantType.Variant,  # a field without a type may hold anything
    ObjectIds.Number: ua.VariantType.Variant,
    ObjectIds.Integer: ua.VariantType.Variant,
    ObjectIds.UInteger: ua.VariantType.Variant,
    ObjectIds.Enumeration: ua.VariantType.Int32,
    ObjectIds.Union: ua.VariantType.ExtensionObject,
}
"""What values of these are written as (OPC 10000-6, 5.1.2 to 5.1.5)."""


class _Unknown(Exception):
    def __init__(self, encoding: ua.NodeId) -> None:
        super().__init__()
        self.encoding = encoding


class _Undefined(Exception):
    """The server does not say what a structure is made of."""


class Definitions:
    """The data types of a session. Another session has others: the PLC may be loaded anew."""

    def __init__(self, connection: Connection, link: Link) -> None:
        self._connection = connection
        self._link = link
        self._structures: dict[ua.NodeId, Structure] = {}
        """By what a value names: its encoding."""
        self._types: dict[ua.NodeId, DataType] = {}
        self._unknown: dict[ua.NodeId, str] = {}
        """Encodings that were asked for in vain, and why."""
        self._left = _PATIENCE_SECONDS
        self._misfit = False

    async def plain(self, subject: str, value: ua.Variant | dict[str, ua.Variant] | None) -> object:
        """Return the value, or the values by name, with objects in place of structures.

        A structure that cannot be decoded stays the extension object that it
        is, and is a fault of the subject; nothing is raised. The server is
        asked only for what has not been told before.
        """
        if value is None:
            return None
        if isinstance(value, ua.Variant) and value.VariantType not in _HOLDERS:
            return value.Value
        while True:
            complaints: set[str] = set()
            try:
                found = self._open(value, complaints)
            except _Unknown as unknown:
                await self._learn(unknown.encoding)
            else:
                break
        if complaints:
            what = "; ".join(sorted(complaints))
            self._link.fault(subject, f"{what}; its structures are handed on as bytes")
        else:
            self._link.mended(subject)
        return found

    def retry(self) -> None:
        """Ask again, with the next value, for what was asked for in vain or does not fit."""
        self._unknown.clear()
        self._left = _PATIENCE_SECONDS
        if self._misfit:
            self._structures.clear()
            self._types.clear()
            self._misfit = False

    def _open(self, value: object, complaints: set[str]) -> object:
        """Return the value with its structures decoded; raise _Unknown at one not asked for."""
        match value:
            case ua.ExtensionObject():
                return self._decoded(value, complaints)
            case ua.Variant() | ua.DataValue():
                return self._open(value.Value, complaints)
            case list():
                return [self._open(each, complaints) for each in value]
            case dict():
                return {name: self._open(each, complaints) for name, each in value.items()}
        return value

    def _decoded(self, value: ua.ExtensionObject, complaints: set[str]) -> object:
        encoding = value.TypeId
        if encoding.is_null():
            return None
        if (why := self._unknown.get(encoding)) is not None:
            complaints.add(f"the PLC does not tell what type {encoding.to_string()} is: {why}")
            return value
        if (structure := self._structures.get(encoding)) is None:
            raise _Unknown(encoding)
        try:
            found = decode(value.Body or b"", structure, self._types)
        except Undecodable as error:
            self._misfit = True
            complaints.add(
                f"a value is not what the PLC says type {encoding.to_string()} is: {error}"
            )
            return value
        return self._open(found, complaints)

    async def _learn(self, encoding: ua.NodeId) -> None:
        """Ask what the structure is made of, and keep the answer, or why there is none."""
        time = asyncio.get_running_loop().time
        began = time()
        types: dict[ua.NodeId, DataType] = {}
        try:
            async with asyncio.timeout(self._left):
                structure = await self._ask(encoding, types)
        except (_Undefined, Undecodable) as error:
            self._unknown[encoding] = str(error)
        except (LinkDown, TimeoutError) as error:
            # Whether the link is lost is for others to find out: what was told is not lost with it.
            self._unknown[encoding] = str(error) or "no answer in time"
            if isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError):
                self._left = 0.0
        else:
            self._types |= types
            self._structures[encoding] = structure
        self._left = max(0.0, self._left - (time() - began))

    async def _ask(self, encoding: ua.NodeId, types: dict[ua.NodeId, DataType]) -> Structure:
        """Return the structure, with the types of its fields in `types`."""
        encoded = await self._connection.references(encoding, ObjectIds.HasEncoding)
        data_type = encoded[0].NodeId if encoded else encoding  # some name the data type itself
        waiting = {data_type}
        while waiting:
            asked = list(waiting)
            waiting = set()
            for each, definition in zip(asked, await self._definitions(asked), strict=True):
                if isinstance(definition, ua.StructureDefinition):
                    types[each] = structure = await self._structure(definition)
                    waiting.update(member.data_type for member in structure.members)
                elif (root := await self._root(each)) != ua.VariantType.ExtensionObject:
                    types[each] = root
                else:
                    raise _Undefined(f"no DataTypeDefinition of {each.to_string()}")
            types |= {each: given for each in waiting if (given := _given(each)) is not None}
            waiting -= types.keys() | self._types.keys()
        if not isinstance(found := types[data_type], Structure):
            raise _Undefined(f"{data_type.to_string()} is no structure")
        return found

    async def _definitions(self, data_types: Iterable[ua.NodeId]) -> list[object]:
        """Return the definition of each data type, or None where it has none."""
        nodes = [
            ua.ReadValueId(NodeId=each, AttributeId=AttributeIds.DataTypeDefinition)
            for each in data_types
        ]
        answers = await self._connection.read(nodes)
        return [None if answer.Value is None else answer.Value.Value for answer in answers]

    async def _structure(self, definition: ua.StructureDefinition) -> Structure:
        kind = definition.StructureType
        members: list[Member] = []
        for field in definition.Fields or ():
            data_type, dimensions = field.DataType, max(0, field.ValueRank)
            is_optional = field.IsOptional
            if is_optional and kind != ua.StructureType.StructureWithOptionalFields:
                # Here this says that the field may hold subtypes (OPC 10000-3, 8.51).
                is_optional = False
                root = await self._root(data_type)
                is_structure = root == ua.VariantType.ExtensionObject
                written = ObjectIds.Structure if is_structure else ObjectIds.BaseDataType
                data_type = ua.NodeId(ua.Int32(written))
            members.append(Member(field.Name or "", data_type, dimensions, is_optional))
        return Structure(kind, tuple(members))

    async def _root(self, data_type: ua.NodeId) -> ua.VariantType:
        """Return the built-in type that the data type comes from."""
        each = data_type
        for _ in range(_DEEPEST):
            if isinstance(given := _given(each), ua.VariantType):
                return given
            parents = await self._connection.references(each, ObjectIds.HasSubtype)
            if not parents:
                break
            each = parents[0].NodeId
        raise _Undefined(f"no built-in type that {data_type.to_string()} comes from")


def _given(data_type: ua.NodeId) -> DataType | None:
    """Return a type that is the same on every server: those of namespace 0 that asyncua has."""
    if data_type.NamespaceIndex != 0 or not isinstance(number := data_type.Identifier, int):
        return None
    if number in _ABSTRACT:
        return _ABSTRACT[number]
    if number <= _LAST_BUILT_IN:
        return ua.VariantType(number)
    named = getattr(ua, ObjectIdNames.get(number, ""), None)
    is_structure = (
        dataclasses.is_dataclass(named) and getattr(named, "data_type", None) == data_type
    )
    return named if isinstance(named, type) and is_structure else None
