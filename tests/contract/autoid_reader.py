"""AutoID readers (OPC 30010) for tests: real OPC UA servers, each in a process of its own.

There they may register types with asyncua, which would decode for both sides of
a process. As a program (`python -m tests.contract.autoid_reader PORT [FOLDER]`) it
has the types of the NodeSets in the folder, or else types of the same names that it
defines itself; it reads what it scans from its input, a JSON object a line.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from asyncua import ua
from asyncua.common.node import Node
from asyncua.common.structures104 import new_struct, new_struct_field
from asyncua.server.server import Server
from asyncua.ua import VariantType
from asyncua.ua.object_ids import ObjectIds

_XML = "{http://opcfoundation.org/UA/2011/03/UANodeSet.xsd}"
_AUTO_ID = "http://opcfoundation.org/UA/AutoID/"
_EVENTS = {"OpticalScanResult": "OpticalScanEventType", "RfidScanResult": "RfidScanEventType"}
_ANYTHING = ua.NodeId(ua.Int32(ObjectIds.BaseDataType))


def flattened(path: Path) -> str:
    """Return a NodeSet whose structures name inherited fields, too, as asyncua needs it.

    In a NodeSet a structure has its own fields only, in a server all of them.
    """
    root = ET.parse(path).getroot()
    types = {str(node.get("NodeId")): node for node in root.iter(f"{_XML}UADataType")}

    def fields(node: ET.Element) -> list[ET.Element]:
        bases = [
            types[str(reference.text)]
            for reference in node.iter(f"{_XML}Reference")
            if reference.get("ReferenceType") == "HasSubtype" and reference.text in types
        ]
        own = list(node.iter(f"{_XML}Field"))
        return [field for base in bases for field in fields(base)] + own

    whole = {name: fields(node) for name, node in types.items()}
    for name, node in types.items():
        for definition in node.iter(f"{_XML}Definition"):
            definition[:] = whole[name]
    return ET.tostring(root, encoding="unicode")


class Reader:
    """The server, with the object `Reader` that scans."""

    def __init__(self) -> None:
        self._server = Server()
        self._events: dict[str, ua.NodeId] = {}
        self._index = 0
        self._reader: Node

    async def start(self, port: int, nodesets: Path | None) -> Mapping[str, object]:
        """Listen, and return the namespace of its nodes, and the type of its events."""
        server = self._server
        await server.init()
        server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        if nodesets is not None:
            for name in ("Di", "AutoID"):
                await server.import_xml(
                    xmlstring=flattened(nodesets / f"Opc.Ua.{name}.NodeSet2.xml")
                )
        auto_id = await server.register_namespace(_AUTO_ID)
        if nodesets is None:
            await self._define(auto_id)
        await server.load_data_type_definitions()
        events = server.get_node(ua.NodeId(ua.Int32(ObjectIds.BaseEventType)))
        scans = await events.get_child(f"{auto_id}:AutoIdScanEventType")
        for name in _EVENTS.values():
            self._events[name] = (await scans.get_child(f"{auto_id}:{name}")).nodeid
        self._index = await server.register_namespace("urn:reader")
        self._reader = await server.nodes.objects.add_object(self._id("Reader"), "Reader")
        for name in ("LastScanData", "LastScanResult"):
            nothing = ua.Variant(None, VariantType.ExtensionObject)
            await self._reader.add_variable(self._id(name), name, nothing, datatype=_ANYTHING)
        await self._reader.set_event_notifier([ua.EventNotifier.SubscribeToEvents])
        await server.start()
        return {"nodes": self._index, "scans": scans.nodeid.to_string()}

    async def scan(self, scan: Mapping[str, Any]) -> None:
        """Tell what was scanned: in a variable, or as an event with a list of results."""
        if scan["to"] == "LastScanData":
            await self._write("LastScanData", _data(scan["data"]))
        elif scan["to"] == "LastScanResult":
            await self._write("LastScanResult", _result(scan))
        else:
            kind = self._events[_EVENTS[scan["type"]]]
            generator = await self._server.get_event_generator(kind, self._reader.nodeid)
            generator.event.add_property("DeviceName", "Gate 1", VariantType.String)
            results = [_result(scan | each) for each in scan["results"]]
            generator.event.add_property("ScanResult", results, VariantType.ExtensionObject)
            await generator.trigger(message=scan.get("message"))

    async def stop(self) -> None:
        """Close all connections and stop listening."""
        await self._server.stop()

    async def _write(self, name: str, value: object) -> None:
        data = ua.DataValue(ua.Variant(value), SourceTimestamp=ua.DateTime.utcnow())
        await self._server.write_attribute_value(self._id(name), data)

    def _id(self, name: str) -> ua.NodeId:
        return ua.NodeId(ua.String(name), ua.Int16(self._index))

    async def _define(self, index: int) -> None:
        """Define types with the names of OPC 30010 and the fields that tests look at."""
        named: dict[str, ua.NodeId | VariantType] = {}

        async def struct(name: str, *fields: tuple[Any, ...], union: bool = False) -> None:
            made = [
                new_struct_field(
                    field, named.get(kind, kind), array="[]" in how, optional="?" in how
                )
                for field, kind, how in ((*each, "")[:3] for each in fields)
            ]
            node, _ = await new_struct(self._server, index, name, made, is_union=union)
            named[name] = node.nodeid

        text, number, raw = VariantType.String, VariantType.Int32, VariantType.ByteString
        utc = ua.NodeId(ua.Int32(ObjectIds.UtcTime))
        pc = VariantType.UInt16
        await struct("ScanDataEpc", ("PC", pc), ("UId", raw), ("XPC_W1", pc), ("XPC_W2", pc))
        data = (
            ("ByteString", raw),
            ("String", text),
            ("Epc", "ScanDataEpc"),
            ("Custom", _ANYTHING),
        )
        await struct("ScanData", *data, union=True)
        await struct("Location", ("NMEA", text), ("Name", text), union=True)
        sighting = ("Antenna", number), ("Strength", number), ("Timestamp", utc)
        await struct("RfidSighting", *sighting, ("CurrentPowerLevel", number))
        result = (
            ("CodeType", text),
            ("ScanData", "ScanData"),
            ("Timestamp", utc),
            ("Location", "Location", "?"),
        )
        await struct("OpticalScanResult", *result, ("Grade", VariantType.Float, "?"))
        await struct("RfidScanResult", *result, ("Sighting", "RfidSighting", "[]"))
        events = self._server.get_node(ua.NodeId(ua.Int32(ObjectIds.BaseEventType)))
        scans = await events.add_object_type(index, "AutoIdScanEventType")
        await scans.add_property(index, "DeviceName", "", VariantType.String)
        for result_type, name in _EVENTS.items():
            kind = await scans.add_object_type(index, name)
            await kind.add_property(
                index, "ScanResult", None, VariantType.ExtensionObject, datatype=named[result_type]
            )


def _named(structure: str) -> Any:
    """Return the class that asyncua has made of a definition."""
    return getattr(ua, structure)


def _data(told: Mapping[str, str]) -> Any:
    """Return what was read as a union: a text, the bytes of a text, or a tag's digits."""
    ((member, content),) = told.items()
    data = _named("ScanData")()
    if member == "Epc":
        made = _named("ScanDataEpc")(PC=12288, UId=bytes.fromhex(content), XPC_W1=0, XPC_W2=0)
        data.Epc = made
    else:
        setattr(data, member, content.encode() if member == "ByteString" else content)
    return data


def _result(scan: Mapping[str, Any]) -> Any:
    result = _named(scan["type"])()
    result.CodeType = scan["code_type"]
    result.ScanData = _data(scan["data"])
    result.Timestamp = ua.DateTime.utcnow()
    if (name := scan.get("location")) is not None:
        result.Location = _named("Location")()
        result.Location.Name = name
    if scan["type"] == "RfidScanResult":
        sighting = _named("RfidSighting")(Antenna=1, Strength=-52, CurrentPowerLevel=27)
        sighting.Timestamp = result.Timestamp
        result.Sighting = [sighting]
    return result


async def _main(port: int, nodesets: Path | None) -> None:
    reader = Reader()
    print(json.dumps(await reader.start(port, nodesets)), flush=True)  # noqa: T201 - who started it waits
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        await reader.scan(json.loads(line))
    await reader.stop()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
