"""The PLC's memory and what an OPC UA client sees of it."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.client.client import Client

from simulators import plc
from simulators.plc import Memory, Plc
from simulators.ports import free_port

COUNTER = "ns=2;s=Conveyor.Records.Counter"
SLOT = "ns=2;s=Conveyor.Records.Slot{slot}"


def fields(unit: int) -> dict[str, str | int]:
    return {"type": "scan", "read_point": "infeed-1", "unit": str(unit)}


def test_record_n_stands_in_slot_n_modulo_the_number_of_slots() -> None:
    memory = Memory(slots=4)
    for unit in range(1, 7):
        memory.append(fields(unit))
    assert memory.counter == 6
    assert [json.loads(memory.slot(slot))["n"] for slot in range(4)] == [4, 5, 6, 3]


def test_the_memory_survives_a_restart(tmp_path: Path) -> None:
    before = Memory(tmp_path / "memory", slots=4)
    for unit in range(1, 7):
        before.append(fields(unit))
    before.close()
    after = Memory(tmp_path / "memory", slots=4)
    assert after.counter == 6
    assert [after.slot(slot) for slot in range(4)] == [before.slot(slot) for slot in range(4)]
    assert json.loads(after.append(fields(7)))["n"] == 7
    after.close()


def test_a_record_torn_by_a_crash_was_never_written(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    memory = Memory(path)
    memory.append(fields(1))
    memory.close()
    with path.open("ab") as file:
        file.write(b'{"n":2,"type":"sc')
    for expected in (2, 3):
        memory = Memory(path)
        memory.append(fields(expected))
        memory.close()
        kept = [json.loads(memory.slot(number)) for number in range(1, memory.counter + 1)]
        assert [record["n"] for record in kept] == list(range(1, expected + 1))


def test_without_a_file_the_memory_is_forgotten() -> None:
    Memory().append(fields(1))
    assert Memory().counter == 0


# Building a server's address space takes a second, so one server stands for all its tests.
one_loop = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def controller() -> AsyncIterator[Plc]:
    memory = Memory(slots=64)
    for unit in range(1, 4):
        memory.append(fields(unit))
    controller = Plc(free_port(), memory)
    await controller.start()
    yield controller
    await controller.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(controller: Plc) -> AsyncIterator[Client]:
    async with Client(controller.endpoint) as client:
        yield client


@one_loop
async def test_what_was_kept_is_there_when_the_server_comes_up(client: Client) -> None:
    assert await client.get_node(COUNTER).read_value() == 3
    assert json.loads(await client.get_node(SLOT.format(slot=2)).read_value())["unit"] == "2"
    assert await client.get_node(SLOT.format(slot=4)).read_value() == ""
    assert await client.get_node(COUNTER).read_data_type_as_variant_type() == ua.VariantType.UInt32


@one_loop
async def test_the_slot_is_written_before_the_counter(
    controller: Plc, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    write = controller._server.write_attribute_value

    async def watch(node: ua.NodeId, value: ua.DataValue) -> None:
        await write(node, value)
        number = await client.get_node(COUNTER).read_value()
        text = await client.get_node(SLOT.format(slot=number % 64)).read_value()
        written.append((number, json.loads(text)["n"]))

    monkeypatch.setattr(controller._server, "write_attribute_value", watch)
    await controller.record(fields(4))
    assert written == [(3, 3), (4, 4)]


@one_loop
async def test_a_change_of_a_variable_carries_its_type_and_the_time_of_the_source(
    controller: Plc, client: Client
) -> None:
    await controller.set(plc.MOTOR_CURRENT, 3.25)
    await controller.set(plc.PHOTO_EYE, True)
    current = await client.get_node("ns=2;s=Conveyor.Infeed.MotorCurrent").read_data_value()
    assert current.Value == ua.Variant(3.25, ua.VariantType.Double)
    assert current.SourceTimestamp is not None
    assert await client.get_node("ns=2;s=Conveyor.Infeed.PhotoEye").read_value() is True
    assert await client.get_node("ns=2;s=Conveyor.Sorter.Speed").read_value() == 0.0
