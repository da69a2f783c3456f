"""What a server does not say of its types costs no value: bytes are handed on until it does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from unittest import mock

import orjson
import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.server.address_space import AttributeService
from asyncua.server.internal_session import InternalSession
from asyncua.server.uaprocessor import UaProcessor
from asyncua.ua import VariantType
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.status_codes import StatusCodes

from drivers.contract import LinkDown
from drivers.opcua import source as opcua_source
from drivers.opcua.values import encode
from tests.fault.opcua_gateway import Recorder, listed, running, settings_of
from tests.fault.opcua_plc import Plc, later
from tests.fault.opcua_types import Type, define, integer, redefine, text

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plc() -> AsyncIterator[Plc]:
    plc = Plc()
    await plc.start()
    yield plc
    await plc.stop()


def silent() -> Any:
    """Let servers not answer when they are asked what leads to a node."""
    send = UaProcessor.send_response

    def drop(
        self: UaProcessor, handle: object, header: object, response: object, *rest: Any
    ) -> None:
        if not isinstance(response, ua.BrowseResponse):
            send(self, handle, header, response, *rest)  # type: ignore[no-untyped-call]

    return mock.patch.object(UaProcessor, "send_response", drop)  # asyncua answers everything


def refusing() -> Any:
    error = ServiceError(StatusCodes.BadServiceUnsupported)
    return mock.patch.object(InternalSession, "browse", side_effect=error)


def answering_nothing() -> Any:
    return mock.patch.object(InternalSession, "browse", return_value=[])


def without_definitions() -> Any:
    """Serve as before OPC UA 1.04, which brought definitions."""
    read = AttributeService.read

    def refuse(self: AttributeService, params: ua.ReadParameters) -> list[ua.DataValue]:
        if params.NodesToRead[0].AttributeId == AttributeIds.DataTypeDefinition:
            status = ua.StatusCode(ua.UInt32(StatusCodes.BadAttributeIdInvalid))
            return [ua.DataValue(StatusCode=status) for _ in params.NodesToRead]
        return read(self, params)

    return mock.patch.object(AttributeService, "read", refuse)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what was asked for in vain be asked for again soon."""
    monkeypatch.setattr(opcua_source, "_KEEP_SECONDS", 0.05)
    monkeypatch.setattr(opcua_source, "_RETRY_REFUSED_SECONDS", 0.3)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    ("failing", "complaint"),
    [
        (silent, "does not answer within"),
        (refusing, "BadServiceUnsupported"),
        (answering_nothing, "gives 0 answers to 1 questions"),
        (without_definitions, "no DataTypeDefinition of ns=2;i="),
    ],
)
async def test_what_a_server_does_not_define_is_handed_on_as_bytes_until_it_does(
    plc: Plc, failing: Callable[[], Any], complaint: str
) -> None:
    number = await define(plc, "Failing", ("Number", VariantType.Int32))
    values = [number.of(integer(value)) for value in range(3)]
    name, plain = await plc.variable(ua.Variant(values[0])), await plc.variable(1)
    intake = Recorder()
    settings = settings_of(plc.endpoint, variables=listed(name, plain))
    async with running(settings, intake) as source:
        with failing():
            # Anew, now that it fails: what was told before is known.
            await source.until(lambda: len(intake.signals) == 2)
            await plc.set(name, ua.Variant(values[1]), later(1))
            await plc.set(plain, 2, later(1))
            await source.until(lambda: len(intake.signals) == 4)
            assert complaint in source.link.faults[name]
            assert "handed on as bytes" in source.link.faults[name]
            assert source.link.is_up
        await asyncio.sleep(0.5)  # until it is asked for again
        await plc.set(name, ua.Variant(values[2]), later(2))
        await source.until(lambda: len(intake.signals) == 5)
        assert source.link.faults == {}
    assert intake.payloads(plain) == [b"1", b"2"]
    assert intake.payloads(name) == [encode(values[0]), encode(values[1]), b'{"Number":2}']
    assert b"AAAAAA==" in encode(values[0])  # the bytes, from which all can be told later


@pytest.mark.usefixtures("soon")
async def test_a_type_that_nobody_knows_is_found_when_the_program_is_loaded(plc: Plc) -> None:
    known = await define(plc, "Known", ("Number", VariantType.Int32))
    assert isinstance(known.encoding.Identifier, int)
    # The nodes of the next type come after these three: its own, and its encoding's.
    to_come = Type(ua.NodeId(), ua.NodeId(ua.Int32(known.encoding.Identifier + 2), ua.Int16(2)))
    name = await plc.variable(ua.Variant(to_come.of(integer(1))))
    intake = Recorder()
    async with running(settings_of(plc.endpoint, variables=listed(name)), intake) as source:
        await source.until(lambda: len(intake.signals) == 1)
        assert f"what type {to_come.encoding.to_string()} is" in source.link.faults[name]
        loaded = await define(plc, "Loaded", ("Number", VariantType.Int32))
        assert loaded.encoding == to_come.encoding
        await asyncio.sleep(0.5)  # until it is asked for again
        await plc.set(name, ua.Variant(loaded.of(integer(2))), later(1))
        await source.until(lambda: len(intake.signals) == 2)
        assert source.link.faults == {}
    assert intake.payloads(name)[1] == b'{"Number":2}'


@pytest.mark.usefixtures("soon")
async def test_a_value_that_does_not_fit_costs_no_other_and_the_definition_is_read_again(
    plc: Plc,
) -> None:
    kind = await define(plc, "Changing", ("Number", VariantType.Int32))
    name = await plc.variable(ua.Variant([kind.of(integer(1)), kind.of(b"torn"[:3])]))
    intake = Recorder()
    async with running(settings_of(plc.endpoint, variables=listed(name)), intake) as source:
        await source.until(lambda: len(intake.signals) == 1)
        assert "NotEnoughData" in source.link.faults[name]
        await plc.set(name, ua.Variant(kind.of(integer(2))), later(1))
        await source.until(lambda: len(intake.signals) == 2)
        assert source.link.faults == {}
        await redefine(plc, kind, ("Text", VariantType.String))
        await plc.set(name, ua.Variant(kind.of(text("abc"))), later(2))
        await source.until(lambda: len(intake.signals) == 3)
        assert "3 bytes are left over" in source.link.faults[name]
        await asyncio.sleep(0.5)  # until it is asked for again
        await plc.set(name, ua.Variant(kind.of(text("last"))), later(3))
        await source.until(lambda: len(intake.signals) == 4)
        assert source.link.faults == {}
    first, second, _, last = [orjson.loads(payload) for payload in intake.payloads(name)]
    assert first == [{"Number": 1}, orjson.loads(encode(kind.of(b"tor")))]
    assert (second, last) == ({"Number": 2}, {"Text": "last"})


async def test_a_new_session_reads_definitions_anew(plc: Plc) -> None:
    kind = await define(plc, "Reloaded", ("Number", VariantType.Int32))
    name = await plc.variable(ua.Variant(kind.of(integer(1))))
    intake = Recorder()
    settings = settings_of(plc.endpoint, variables=listed(name))
    async with running(settings, intake) as source:
        await source.until(lambda: len(intake.signals) == 1)
        await plc.break_down()
        with pytest.raises(LinkDown):
            await source.task
    await redefine(plc, kind, ("Text", VariantType.String))
    await plc.set(name, ua.Variant(kind.of(text("new"))), later(1))
    await plc.come_back()
    async with running(settings, intake) as source:
        await source.until(lambda: len(intake.signals) == 2)
        assert source.link.faults == {}
    assert intake.payloads(name) == [b'{"Number":1}', b'{"Text":"new"}']


async def test_a_server_that_never_answers_is_asked_once_for_all_types(
    plc: Plc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opcua_source, "_KEEP_SECONDS", 100.0)
    kinds = [await define(plc, f"Silent{at}", ("Number", VariantType.Int32)) for at in range(9)]
    names = [await plc.variable(ua.Variant(kind.of(integer(1)))) for kind in kinds]
    intake = Recorder()
    with silent():
        async with running(settings_of(plc.endpoint, variables=listed(*names)), intake) as source:
            began = asyncio.get_running_loop().time()
            await source.until(lambda: len(intake.signals) == len(names))
            assert asyncio.get_running_loop().time() - began < 3  # an answer's time is one second
            assert source.link.faults.keys() == set(names)
