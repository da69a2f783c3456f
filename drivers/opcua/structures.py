"""Structures as a server defines them: from the bytes on the wire to what JSON has. Pure.

asyncua decodes them too, with classes that it makes of definitions and
registers by node id for the whole process. Two servers that number different
types alike, as readers of two makers do, would then be read with each other's
types, and one value that does not fit would cost the whole notification. Here
definitions belong to whoever has read them, and a failure is that of one value.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from asyncua import ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import from_binary, unpack_uatype, unpack_uatype_array

_UNIONS = {ua.StructureType.Union, ua.StructureType.UnionWithSubtypedValues}


class Undecodable(Exception):
    """Bytes are not what the definition says; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class Member:
    """A field of a structure (OPC 10000-3, 8.51)."""

    name: str
    data_type: ua.NodeId
    dimensions: int = 0
    """0 for a single value, 1 for an array, more for a matrix."""
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class Structure:
    """Fields that are written one after the other; of a union one (OPC 10000-3, 8.48).

    There is at least one: what takes no bytes could be repeated without bound.
    """

    kind: ua.StructureType
    members: tuple[Member, ...]

    def __post_init__(self) -> None:
        if not self.members:
            raise Undecodable("its structure has no fields")


DataType = Structure | ua.VariantType | type
"""How values are written: a structure, a built-in type, or asyncua's class of namespace 0."""
_Types = Mapping[ua.NodeId, DataType]


def decode(body: bytes, structure: Structure, types: _Types) -> object:
    """Return the structure as an object, with the names that its definition has.

    Optional fields that are absent are left out. A union is an object with one
    member, under its name, or None. Extension objects inside stay what they
    are. `types` has the data type of each field, also of structures inside.

    Raises:
        Undecodable: The bytes are not those of such a structure.

    """
    wire = _Wire(body)
    try:
        found = _structure(wire, structure, types)
    except Exception as error:  # asyncua raises whatever; a type inside itself: RecursionError
        raise Undecodable(f"{type(error).__name__}: {error}") from error
    if wire:
        raise Undecodable(f"{len(wire)} bytes are left over")
    return found


class _Wire(Buffer):
    def read(self, size: int) -> bytes:
        """Return the next bytes; asyncua would follow a negative length back to those before."""
        if size < 0:
            raise Undecodable(f"a length of {size}")
        return super().read(size)


def _structure(wire: Buffer, structure: Structure, types: _Types) -> object:
    if structure.kind not in _UNIONS:
        return {each.name: _value(wire, each, types) for each in _present(wire, structure)}
    chosen = unpack_uatype(ua.VariantType.UInt32, wire)
    if chosen == 0:
        return None
    if chosen > len(structure.members):
        raise Undecodable(f"a union of {len(structure.members)} has no member {chosen}")
    member = structure.members[chosen - 1]
    return {member.name: _value(wire, member, types)}


def _present(wire: Buffer, structure: Structure) -> Iterator[Member]:
    """Yield the fields that are there, each before its value is read (OPC 10000-6, 5.2.7)."""
    mask = 0
    if structure.kind == ua.StructureType.StructureWithOptionalFields:
        mask = unpack_uatype(ua.VariantType.UInt32, wire)
    for member in structure.members:
        if member.is_optional:
            is_there, mask = mask & 1, mask >> 1
            if not is_there:
                continue
        yield member


def _value(wire: Buffer, member: Member, types: _Types) -> object:
    data_type = types[member.data_type]
    if member.dimensions == 0:
        return _single(wire, data_type, types)
    if member.dimensions == 1:
        return _list(wire, unpack_uatype(ua.VariantType.Int32, wire), data_type, types)
    # A matrix is a list of its lengths, then all its values in one (OPC 10000-6, 5.2.5).
    lengths = unpack_uatype_array(ua.VariantType.Int32, wire) or [0]
    count = prod(lengths) if min(lengths) > 0 else 0
    return _matrix(_list(wire, count, data_type, types) or [], lengths)


def _list(wire: Buffer, count: int, data_type: DataType, types: _Types) -> list[object] | None:
    if count < 0:
        return None
    if count > len(wire):  # each takes a byte at least
        raise Undecodable(f"{count} values in {len(wire)} bytes")
    return [_single(wire, data_type, types) for _ in range(count)]


def _matrix(values: list[object], lengths: list[int]) -> list[object]:
    if len(lengths) == 1 or not values:
        return values
    size = prod(lengths[1:])
    rows = (values[at : at + size] for at in range(0, len(values), size))
    return [_matrix(row, lengths[1:]) for row in rows]


def _single(wire: Buffer, data_type: DataType, types: _Types) -> object:
    match data_type:
        case Structure():
            return _structure(wire, data_type, types)
        case ua.VariantType():
            return unpack_uatype(data_type, wire)
        case _:
            return from_binary(data_type, wire)
