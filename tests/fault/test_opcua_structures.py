"""Structures become objects by what their server says of them."""

import struct
from collections.abc import AsyncIterator
from unittest import mock

import orjson
import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.common.structures104 import new_enum
from asyncua.ua import VariantType
from asyncua.ua.object_ids import ObjectIds

from drivers.opcua import definitions
from tests.fault.opcua_gateway import Recorder, listed, running, settings_of
from tests.fault.opcua_plc import Plc, later
from tests.fault.opcua_types import define, integer, standard, text

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plc() -> AsyncIterator[Plc]:
    plc = Plc()
    await plc.start()
    yield plc
    await plc.stop()


async def told(plc: Plc, *values: object) -> list[object]:
    """Return what the source makes of the values of a variable."""
    name = await plc.variable(ua.Variant(values[0], VariantType.ExtensionObject))
    intake = Recorder()
    async with running(settings_of(plc.endpoint, variables=listed(name)), intake) as source:
        for at, value in enumerate(values[1:], start=1):
            await source.until(lambda at=at: len(intake.signals) == at)  # type: ignore[misc]
            await plc.set(name, ua.Variant(value, VariantType.ExtensionObject), later(at))
        await source.until(lambda: len(intake.signals) == len(values))
        assert source.link.faults == {}
    return [orjson.loads(payload) for payload in intake.payloads(name)]


async def test_a_structure_is_an_object_with_what_its_types_come_from(plc: Plc) -> None:
    state = await new_enum(plc.server, 2, "State", ["Idle", "Scanning"])
    code = await plc.server.get_node(standard(ObjectIds.String)).add_data_type(2, "CodeType")
    special = await code.add_data_type(2, "SpecialCodeType")
    epc = await define(plc, "Epc", ("UId", VariantType.ByteString))
    data = await define(
        plc, "Data", ("String", VariantType.String), ("Epc", epc.data_type), union=True
    )
    result = await define(
        plc,
        "Result",
        ("Code type", special.nodeid),
        ("Scan Data", data.data_type),
        ("State", state.nodeid),
        ("At", standard(ObjectIds.UtcTime)),
        ("Unit", standard(ObjectIds.EUInformation)),
        ("Name", VariantType.LocalizedText),
        ("Node", VariantType.NodeId),
        ("Any", standard(ObjectIds.Number)),
    )
    body = (
        *(text("EPC"), integer(2), text("30"), integer(1)),
        struct.pack("<q", 134_134_776_010_000_000),
        *(text("urn:unece"), integer(4_934_993), b"\x02" + text("kg"), b"\x00"),
        *(
            b"\x02" + text("Gate"),
            b"\x03\x02\x00" + text("Gate1"),
            b"\x0b" + struct.pack("<d", 0.5),
        ),
    )
    expected = {
        "Code type": "EPC",
        "Scan Data": {"Epc": {"UId": "MzA="}},
        "State": 1,
        "At": "2026-01-21T14:00:01Z",
        "Unit": {
            "NamespaceUri": "urn:unece",
            "UnitId": 4_934_993,
            "DisplayName": "kg",
            "Description": None,
        },
        "Name": "Gate",
        "Node": "ns=2;s=Gate1",
        "Any": 0.5,
    }
    value = result.of(b"".join(body))
    assert await told(plc, value, [value, value]) == [expected, [expected, expected]]


async def test_a_structure_inside_one_that_may_hold_any_is_an_object_too(plc: Plc) -> None:
    inner = await define(plc, "Inner", ("Number", VariantType.Int32))
    outer = await define(
        plc,
        "Outer",
        ("Open", standard(ObjectIds.Structure)),
        ("Any", standard(ObjectIds.BaseDataType)),
    )
    assert isinstance(inner.encoding.Identifier, int)
    held = struct.pack("<BBH", 1, 2, inner.encoding.Identifier) + b"\x01" + integer(4) + integer(7)
    body = held + b"\x16" + held
    assert await told(plc, outer.of(body)) == [{"Open": {"Number": 7}, "Any": {"Number": 7}}]


async def test_a_field_that_may_hold_subtypes_tells_what_it_holds(plc: Plc) -> None:
    base = await define(plc, "Base", ("Number", VariantType.Int32))
    derived = await define(
        plc, "Derived", ("Number", VariantType.Int32), ("More", VariantType.Byte)
    )
    holder = await define(
        plc, "Holder", ("Held", base.data_type), ("Count", standard(ObjectIds.UInteger))
    )
    node = plc.server.get_node(holder.data_type)
    definition = await node.read_data_type_definition()
    assert isinstance(definition, ua.StructureDefinition)
    definition.StructureType = ua.StructureType.StructureWithSubtypedValues
    for field in definition.Fields:
        field.IsOptional = True  # of such a structure: it may hold subtypes
    await node.write_data_type_definition(definition)
    assert isinstance(derived.encoding.Identifier, int)
    held = struct.pack("<BBHBi", 1, 2, derived.encoding.Identifier, 1, 5) + integer(7) + b"\x01"
    body = held + b"\x03\x09"
    assert await told(plc, holder.of(body)) == [{"Held": {"Number": 7, "More": 1}, "Count": 9}]


async def test_no_structure_asks_nothing(plc: Plc) -> None:
    values = (1, ua.Range(1.0, 2.0), ua.Variant([ua.Variant(1)], VariantType.Variant))
    names = [await plc.variable(value) for value in values]
    intake = Recorder()
    with mock.patch.object(definitions.Definitions, "_ask") as ask:  # what must not happen
        async with running(settings_of(plc.endpoint, variables=listed(*names)), intake) as source:
            await source.until(lambda: len(intake.signals) == len(values))
    assert not ask.called
    told = [intake.payloads(name) for name in names]
    assert told == [[b"1"], [b'{"Low":1.0,"High":2.0}'], [b"[1]"]]


async def test_the_server_is_asked_once_for_a_type(plc: Plc) -> None:
    number = await define(plc, "Once", ("Number", VariantType.Int32))
    ask = definitions.Definitions._ask
    with mock.patch.object(
        definitions.Definitions, "_ask", autospec=True, side_effect=ask
    ) as asked:
        values = [number.of(integer(value)) for value in range(3)]
        assert await told(plc, *values) == [{"Number": 0}, {"Number": 1}, {"Number": 2}]
    assert asked.call_count == 1


async def test_two_servers_may_number_different_types_alike() -> None:
    plcs = Plc(), Plc()
    for plc in plcs:
        await plc.start()
    one, other = plcs
    numbers = await define(one, "Numbers", ("Number", VariantType.Int32))
    texts = await define(other, "Texts", ("Text", VariantType.String))
    assert numbers.encoding == texts.encoding
    try:
        assert await told(one, numbers.of(integer(0))) == [{"Number": 0}]
        assert await told(other, texts.of(text(""))) == [{"Text": ""}]
    finally:
        for plc in plcs:
            await plc.stop()
