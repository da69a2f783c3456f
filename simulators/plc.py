"""A conveyor's PLC: an OPC UA server with a record buffer and variables.

The record buffer is a ring: record number n, from 1, stands in slot n modulo
the number of slots, as JSON text. The running counter says which record is the
latest; a record is written before the counter, so whoever sees the counter
finds the record. Variables only ever hold their latest value.
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import BinaryIO

from asyncua import ua
from asyncua.common.node import Node
from asyncua.server.server import Server

from simulators.clock import now

HOST = "127.0.0.1"
SLOTS = 2048
DOORS = 6

COUNTER = "Conveyor.Records.Counter"
SLOT = "Conveyor.Records.Slot{slot}"
MOTOR_CURRENT = "Conveyor.Infeed.MotorCurrent"
PHOTO_EYE = "Conveyor.Infeed.PhotoEye"
SORTER_SPEED = "Conveyor.Sorter.Speed"

Reading = float | bool

VARIABLES: Mapping[str, Reading] = {
    MOTOR_CURRENT: 0.0,
    PHOTO_EYE: False,
    SORTER_SPEED: 0.0,
    "Conveyor.Sorter.Temperature": 20.0,
    **{f"Dock.Door{door}.IsOpen": False for door in range(1, DOORS + 1)},
}
"""Name and first value of each variable."""

_NAMESPACE = "urn:simulators:plc"
_SLOTS_PER_FOLDER = 64

logging.getLogger("asyncua").setLevel(logging.ERROR)


class Memory:
    """The ring of records; with a file it survives the PLC's process."""

    def __init__(self, retain: Path | None = None, slots: int = SLOTS) -> None:
        self.slots = slots
        self.counter = 0
        self._records: dict[int, str] = {}
        self._file: BinaryIO | None = None
        if retain is not None:
            self._restore(retain)
            self._file = retain.open("ab", buffering=0)

    def append(self, fields: Mapping[str, str | int]) -> str:
        """Keep the fields as the next record, and return its text."""
        text = json.dumps({"n": self.counter + 1, **fields}, separators=(",", ":"))
        if self._file is not None:
            self._file.write(text.encode() + b"\n")
        self._put(text)
        return text

    def slot(self, number: int) -> str:
        """Return what stands in a slot; empty if nothing ever did."""
        return self._records.get(number, "")

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def _put(self, text: str) -> None:
        self.counter += 1
        self._records[self.counter % self.slots] = text

    def _restore(self, retain: Path) -> None:
        if not retain.exists():
            return
        *lines, torn = retain.read_bytes().split(b"\n")
        for line in lines:
            self._put(line.decode())
        if torn:  # the process died while it wrote: that record was never shown to anyone
            with retain.open("r+b") as file:
                file.truncate(file.seek(0, 2) - len(torn))


class Plc:
    """The PLC's OPC UA server on the loopback interface."""

    def __init__(self, port: int, memory: Memory) -> None:
        self.endpoint = f"opc.tcp://{HOST}:{port}"
        self._memory = memory
        self._server = Server()
        self._index = 0
        self._ids: dict[str, ua.NodeId] = {}

    async def start(self) -> None:
        """Build the address space and listen."""
        server = self._server
        await server.init()
        server.set_endpoint(self.endpoint)
        server.set_server_name("Simulated conveyor PLC")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        self._index = await server.register_namespace(_NAMESPACE)
        plc = await self._folder(server.nodes.objects, "Plc")
        await self._variable(plc, COUNTER, self._memory.counter, ua.VariantType.UInt32)
        for first in range(0, self._memory.slots, _SLOTS_PER_FOLDER):
            # Adding a node costs time proportional to its siblings.
            folder = await self._folder(plc, f"Conveyor.Records.From{first}")
            for slot in range(first, min(first + _SLOTS_PER_FOLDER, self._memory.slots)):
                text = self._memory.slot(slot)
                await self._variable(folder, SLOT.format(slot=slot), text, ua.VariantType.String)
        for name, value in VARIABLES.items():
            await self._variable(plc, name, value, _variant_type(value))
        await server.start()

    async def stop(self) -> None:
        """Close all connections and stop listening."""
        await self._server.stop()

    async def record(self, fields: Mapping[str, str | int]) -> None:
        """Write the next record: first its slot, then the counter."""
        text = self._memory.append(fields)
        counter = self._memory.counter
        slot = SLOT.format(slot=counter % self._memory.slots)
        await self._write(slot, ua.Variant(text, ua.VariantType.String))
        await self._write(COUNTER, ua.Variant(counter, ua.VariantType.UInt32))

    async def set(self, name: str, value: Reading) -> None:
        """Change a variable."""
        await self._write(name, ua.Variant(value, _variant_type(value)))

    async def _write(self, name: str, value: ua.Variant) -> None:
        at = ua.DateTime.fromtimestamp(now() / 1000, UTC)
        await self._server.write_attribute_value(
            self._ids[name], ua.DataValue(value, SourceTimestamp=at)
        )

    async def _folder(self, parent: Node, name: str) -> Node:
        return await parent.add_folder(self._id(name), ua.QualifiedName(name, self._index))

    async def _variable(
        self, parent: Node, name: str, value: Reading | str, kind: ua.VariantType
    ) -> None:
        node = await parent.add_variable(
            self._id(name), ua.QualifiedName(name, self._index), value, kind
        )
        self._ids[name] = node.nodeid

    def _id(self, name: str) -> ua.NodeId:
        return ua.NodeId.from_string(f"ns={self._index};s={name}")


def _variant_type(value: Reading) -> ua.VariantType:
    return ua.VariantType.Boolean if isinstance(value, bool) else ua.VariantType.Double
