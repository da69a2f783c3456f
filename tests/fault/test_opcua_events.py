"""Events: acknowledged after commit, with all their fields, and what is lost is said."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.client.ua_session import UaSession
from asyncua.common.node import Node
from asyncua.server.event_generator import EventGenerator
from asyncua.ua import VariantType
from asyncua.ua.object_ids import ObjectIds

from drivers.contract import LinkDown
from drivers.opcua import source as opcua_source
from drivers.opcua.settings import OpcUaSettings
from tests.fault.opcua_gateway import Recorder, listed, running, settings_of, until
from tests.fault.opcua_plc import START, Plc, later
from tests.fault.opcua_types import define, integer, standard

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCAN = "Scan"


class Gate:
    """An object of the PLC that tells events of two types; one is a subtype of the other."""

    def __init__(self, plc: Plc, node: Node, types: dict[str, Node]) -> None:
        self.plc, self.node, self.types = plc, node, types

    def settings(self, **more: Any) -> OpcUaSettings:
        return settings_of(self.plc.endpoint, events=[self.events(**more)])

    def events(self, **more: Any) -> dict[str, Any]:
        heard = {"node": self.node.nodeid.to_string(), "type": self.types[SCAN].nodeid.to_string()}
        return {"name": "gate", **heard, **more}

    async def fire(self, kind: str, at: int = 0, **fields: Any) -> None:
        generator: EventGenerator = await self.plc.server.get_event_generator(
            self.types[kind].nodeid, self.node.nodeid
        )
        for name, value in fields.items():
            variant = value if isinstance(value, ua.Variant) else ua.Variant(value)
            generator.event.add_property(name, variant.Value, variant.VariantType)
        await generator.trigger(time_attr=later(at), message=kind)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate() -> AsyncIterator[Gate]:
    plc = Plc()
    await plc.start()
    base = plc.server.get_node(standard(ObjectIds.BaseEventType))
    types = {"Other": await base.add_object_type(2, "Other")}
    types[SCAN] = await base.add_object_type(2, SCAN)
    await types[SCAN].add_property(2, "DeviceName", "", VariantType.String)
    for name in ("Optical", "Rfid"):
        types[name] = await types[SCAN].add_object_type(2, name)
        nothing = ua.Variant(None, VariantType.ExtensionObject)
        structure = standard(ObjectIds.Structure)
        await types[name].add_property(2, "ScanResult", nothing, datatype=structure)
    node = await plc.server.nodes.objects.add_object(2, "Gate")
    gate = Gate(plc, node, types)
    await gate.fire("Other")  # which makes the object one that tells events
    yield gate
    await plc.stop()


def told(intake: Recorder, *names: str) -> list[dict[str, object]]:
    """Return those fields of all events."""
    return [
        {name: found[name] for name in names if name in found}
        for found in map(orjson.loads, intake.payloads("gate"))
    ]


async def hearing(gate: Gate) -> None:
    """Wait until the PLC has somebody to tell events."""
    subscriptions = gate.plc.subscriptions
    await until(
        lambda: any(each.monitored_item_srv._monitored_events for each in subscriptions.values())
    )


async def test_an_event_is_a_signal_with_the_fields_that_its_type_and_those_above_declare(
    gate: Gate,
) -> None:
    result = await define(gate.plc, "ScanResult", ("Number", VariantType.Int32))
    results = [result.of(integer(1)), result.of(integer(2))]
    intake = Recorder()
    async with running(gate.settings(), intake) as source:
        await hearing(gate)
        await gate.fire("Other", 1)
        await gate.fire(SCAN, 2, DeviceName="Gate 1")
        await gate.fire(
            "Rfid",
            3,
            DeviceName="Gate 1",
            ScanResult=ua.Variant(results, VariantType.ExtensionObject),
        )
        await source.until(lambda: len(intake.signals) == 2)
        assert source.link.faults == {}
        await source.until(lambda: source.link.heard_until is not None)
    assert told(intake, "DeviceName", "ScanResult", "Message") == [
        {"DeviceName": "Gate 1", "Message": "Scan"},
        {"DeviceName": "Gate 1", "Message": "Rfid", "ScanResult": [{"Number": 1}, {"Number": 2}]},
    ]
    start = int(START.timestamp() * 1000)
    assert [signal.source_at for signal in intake.signals] == [start + 2, start + 3]
    last = orjson.loads(intake.signals[-1].payload)
    assert last["EventType"] == gate.types["Rfid"].nodeid.to_string()
    assert last["Time"] == "2026-03-01T08:00:00.003000Z"
    assert intake.gaps == []


async def test_an_event_is_acknowledged_only_after_its_commit(gate: Gate) -> None:
    intake = Recorder()
    async with running(gate.settings(), intake) as source:
        await hearing(gate)
        await source.until(lambda: intake.offered == 1)  # that it is heard
        intake.is_open.clear()
        await gate.fire(SCAN, DeviceName="held")
        await source.until(lambda: intake.offered == 2)
        await asyncio.sleep(0.3)  # ample for a publish request that must not come
        assert list(gate.plc.subscription._not_acknowledged_results) == [1]
        intake.is_open.set()
        await source.until(lambda: gate.plc.subscription._not_acknowledged_results == {})
    assert told(intake, "DeviceName") == [{"DeviceName": "held"}]


async def test_the_same_event_fired_again_is_another_signal(gate: Gate) -> None:
    intake = Recorder()
    async with running(gate.settings(), intake) as source:
        await hearing(gate)
        for _ in range(3):
            await gate.fire(SCAN, DeviceName="same")
        await source.until(lambda: len(intake.signals) == 3)


async def test_what_was_fired_while_nobody_listened_is_a_gap_from_the_second_session_on(
    gate: Gate,
) -> None:
    intake = Recorder()
    async with running(gate.settings(), intake) as source:
        await hearing(gate)
        await gate.fire(SCAN, DeviceName="first")
        await source.until(lambda: len(intake.signals) == 1)
        assert intake.gaps == []
        await gate.plc.break_down()
        with pytest.raises(LinkDown):
            await source.task
    await gate.fire(SCAN, DeviceName="lost")
    await gate.plc.come_back()
    async with running(gate.settings(), intake) as source:
        await source.until(lambda: len(intake.gaps) == 1)
        await gate.fire(SCAN, DeviceName="second")
        await source.until(lambda: len(intake.signals) == 2)
    assert told(intake, "DeviceName") == [{"DeviceName": "first"}, {"DeviceName": "second"}]
    (gap,) = intake.gaps
    assert (gap.subject, gap.missed) == ("gate", None)
    assert "while nobody listened" in gap.reason


async def test_an_overflow_that_the_plc_reports_is_a_gap_and_no_signal(gate: Gate) -> None:
    intake = Recorder()
    async with running(gate.settings(), intake) as source:
        await hearing(gate)
        items = gate.plc.subscription.monitored_item_srv
        ((item, kept),) = items._monitored_items.items()
        event = (await gate.plc.server.get_event_generator(gate.types[SCAN].nodeid)).event
        event.EventType = standard(ObjectIds.EventQueueOverflowEventType)
        fields = ua.EventFieldList(
            kept.client_handle, event.to_event_fields(kept.filter.SelectClauses)
        )
        await gate.plc.subscription.enqueue_event(item, fields, 10)  # asyncua never tells it
        await source.until(lambda: len(intake.gaps) == 1)
        await gate.fire(SCAN, DeviceName="after")
        await source.until(lambda: len(intake.signals) == 1)
    assert "queue_size" in intake.gaps[0].reason
    assert told(intake, "DeviceName") == [{"DeviceName": "after"}]


async def test_an_event_with_other_fields_than_were_asked_for_takes_the_link_down(
    gate: Gate,
) -> None:
    intake = Recorder()
    async with running(gate.settings(), intake) as source:
        await hearing(gate)
        ((item, kept),) = gate.plc.subscription.monitored_item_srv._monitored_items.items()
        fields = ua.EventFieldList(kept.client_handle, [ua.Variant(1)])
        await gate.plc.subscription.enqueue_event(item, fields, 10)
        with pytest.raises(LinkDown, match="with fields that nobody asked for"):
            await source.task
    assert intake.signals == []


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"type": "ns=2;s=Nowhere"}, "is no type of events"),
        ({"type": "i=58"}, "is no type of events"),
        ({"node": "ns=2;s=Nowhere"}, "refuses node ns=2;s=Nowhere"),
        ({"node": "i=85"}, "refuses node i=85"),
    ],
)
async def test_events_that_cannot_be_heard_are_a_fault_and_the_others_go_on(
    gate: Gate, wrong: dict[str, str], complaint: str
) -> None:
    name = await gate.plc.variable(1)
    both = [gate.events(), gate.events(name="wrong", **wrong)]
    settings = settings_of(gate.plc.endpoint, events=both, variables=listed(name))
    intake = Recorder()
    async with running(settings, intake) as source:
        await source.until(lambda: intake.payloads(name) == [b"1"])
        assert complaint in source.link.faults["wrong"]
        assert source.link.faults.keys() == {"wrong"}
        await gate.fire(SCAN, DeviceName="heard")
        await source.until(lambda: len(intake.payloads("gate")) == 1)


async def test_a_type_that_is_loaded_later_is_heard(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opcua_source, "_KEEP_SECONDS", 0.05)
    monkeypatch.setattr(opcua_source, "_RETRY_REFUSED_SECONDS", 0.1)
    intake = Recorder()
    async with running(gate.settings(type="ns=2;s=Late"), intake) as source:
        await source.until(lambda: "gate" in source.link.faults)
        late = ua.NodeId(ua.String("Late"), ua.Int16(2))
        gate.types["Late"] = await gate.types[SCAN].add_object_type(late, "2:Late")
        await source.until(lambda: source.link.faults == {})
        await gate.fire("Late", DeviceName="late")
        await source.until(lambda: len(intake.signals) == 1)


async def test_a_type_that_hundreds_come_from_is_refused(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drivers.opcua.events._MOST_TYPES", 2)
    intake = Recorder()
    async with running(gate.settings(), intake) as source:
        await source.until(lambda: "gate" in source.link.faults)
        assert "more than 2 types of events" in source.link.faults["gate"]


async def test_a_plc_may_tell_its_types_one_by_one(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    browse = UaSession.browse
    rests: list[ua.ReferenceDescription] = []

    def part(found: list[ua.ReferenceDescription]) -> list[ua.BrowseResult]:
        rests[:] = found[1:]
        point = ua.ByteString(b"more" if rests else b"")
        return [ua.BrowseResult(ContinuationPoint=point, References=found[:1])]

    async def first(self: UaSession, asked: ua.BrowseParameters) -> list[ua.BrowseResult]:
        (answer,) = await browse(self, asked)
        return part(answer.References)

    async def following(_: UaSession, asked: ua.BrowseNextParameters) -> list[ua.BrowseResult]:
        assert asked.ContinuationPoints == [b"more"]
        return part([] if asked.ReleaseContinuationPoints else list(rests))

    monkeypatch.setattr(UaSession, "browse", first)  # asyncua's server tells all at once
    monkeypatch.setattr(UaSession, "browse_next", following)
    intake = Recorder()
    async with running(gate.settings(), intake) as source:
        await hearing(gate)
        await gate.fire("Rfid", DeviceName="Gate 1")
        await source.until(lambda: len(intake.signals) == 1)
    assert told(intake, "DeviceName", "Message") == [{"DeviceName": "Gate 1", "Message": "Rfid"}]
