"""Types that servers in this process define, for tests of the OPC UA driver.

They are nodes only, and their values bytes: nothing is registered with asyncua,
which would decode for both sides.
"""

import struct

from asyncua import ua
from asyncua.common.structures104 import new_struct, new_struct_field
from asyncua.ua import VariantType

from tests.fault.opcua_plc import Plc


def integer(value: int) -> bytes:
    return struct.pack("<i", value)


def text(value: str) -> bytes:
    return integer(len(value)) + value.encode()


class Type:
    """A structure that a server defines."""

    def __init__(self, data_type: ua.NodeId, encoding: ua.NodeId) -> None:
        self.data_type = data_type
        self.encoding = encoding

    def of(self, body: bytes) -> ua.ExtensionObject:
        return ua.ExtensionObject(self.encoding, ua.ByteString(body))


def standard(number: int) -> ua.NodeId:
    return ua.NodeId(ua.Int32(number))


Field = tuple[str, VariantType | ua.NodeId]


async def define(plc: Plc, name: str, *fields: Field, union: bool = False) -> Type:
    made = [new_struct_field(field, data_type) for field, data_type in fields]
    node, (encoding,) = await new_struct(plc.server, 2, name, made, is_union=union)
    return Type(node.nodeid, encoding.nodeid)


async def redefine(plc: Plc, kind: Type, *fields: Field) -> None:
    node = plc.server.get_node(kind.data_type)
    definition = await node.read_data_type_definition()
    assert isinstance(definition, ua.StructureDefinition)
    definition.Fields = [new_struct_field(field, data_type) for field, data_type in fields]
    await node.write_data_type_definition(definition)
