"""Variables: acknowledged after commit, nothing twice, what the PLC lost is said."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes

from drivers.contract import LinkDown
from drivers.opcua import handoff
from drivers.opcua import source as opcua_source
from drivers.opcua.settings import OpcUaSettings
from tests.fault.opcua_gateway import Recorder, listed, running, settings_of, until
from tests.fault.opcua_plc import START, Plc, later

pytestmark = pytest.mark.asyncio(loop_scope="module")

OVERFLOW = 0x0480
BAD_NO_COMMUNICATION = 0x80310000
UNCERTAIN = 0x40000000
TORN = ua.ByteString(b"torn")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plc() -> AsyncIterator[Plc]:
    plc = Plc()
    await plc.start()
    yield plc
    await plc.stop()


def watching(plc: Plc, *names: str) -> OpcUaSettings:
    return settings_of(plc.endpoint, variables=listed(*names))


def unacknowledged(plc: Plc) -> list[int]:
    """Return the notifications that the server keeps until they are acknowledged."""
    return list(plc.subscription._not_acknowledged_results)


async def test_a_notification_is_acknowledged_only_after_its_commit(plc: Plc) -> None:
    name = await plc.variable(1)
    intake = Recorder()
    intake.is_open.clear()
    async with running(watching(plc, name), intake) as source:
        await source.until(lambda: intake.offered == 1)
        await plc.set(name, 2, later(1))
        await asyncio.sleep(0.3)  # ample for a publish request that must not come
        assert unacknowledged(plc) == [1]
        assert intake.offered == 1
        assert source.link.heard_until is None
        intake.is_open.set()
        await source.until(lambda: unacknowledged(plc) == [])
        await source.until(lambda: source.link.heard_until is not None)
    assert intake.payloads(name) == [b"1", b"2"]


async def test_a_signal_carries_the_plcs_time_and_quality(plc: Plc) -> None:
    name = await plc.variable(1)
    intake = Recorder()
    async with running(watching(plc, name), intake) as source:
        await source.until(lambda: len(intake.signals) == 1)
        await plc.set(name, 2, later(5), status=UNCERTAIN)
        await source.until(lambda: len(intake.signals) == 2)
        await plc.set(name, None, None, status=BAD_NO_COMMUNICATION)
        await source.until(lambda: len(intake.signals) == 3)
    start = int(START.timestamp() * 1000)
    assert [(s.payload, s.source_at, s.good) for s in intake.signals] == [
        (b"1", start, True),
        (b"2", start + 5, False),
        (b"null", None, False),
    ]


async def test_a_value_sent_again_after_a_restart_is_no_second_signal(plc: Plc) -> None:
    same, changed = await plc.variable(1), await plc.variable(1)
    intake = Recorder()
    async with running(watching(plc, same, changed), intake) as source:
        await source.until(lambda: len(intake.signals) == 2)
        await plc.break_down()
        with pytest.raises(LinkDown, match="was it restarted"):
            await source.task
    await plc.set(changed, 2, later(1))
    await plc.come_back()
    async with running(watching(plc, same, changed), intake) as source:
        await source.until(lambda: len(intake.signals) >= 3)
        await plc.set(same, 3, later(2))
        await source.until(lambda: len(intake.signals) >= 4)
    assert intake.payloads(same) == [b"1", b"3"]
    assert intake.payloads(changed) == [b"1", b"2"]


async def test_a_value_that_was_sent_but_not_committed_comes_again(
    plc: Plc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handoff, "_LAST_COMMIT_SECONDS", 0.05)
    name = await plc.variable(1)
    lost, intake = Recorder(), Recorder()
    lost.is_open.clear()
    async with running(watching(plc, name), lost) as source:
        await source.until(lambda: lost.offered == 1)
        await plc.break_down()
        source.task.cancel()
        await asyncio.wait({source.task})
    await plc.come_back()
    assert lost.batches == []
    async with running(watching(plc, name), intake) as source:
        await source.until(lambda: intake.payloads(name) == [b"1"])


async def test_a_refused_node_is_a_fault_and_the_others_go_on(
    plc: Plc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opcua_source, "_KEEP_SECONDS", 0.05)
    monkeypatch.setattr(opcua_source, "_RETRY_REFUSED_SECONDS", 0.1)
    name = await plc.variable(1)
    to_come = plc.next_name()
    intake = Recorder()
    async with running(watching(plc, to_come, name), intake) as source:
        await source.until(lambda: intake.payloads(name) == [b"1"])
        assert source.link.is_up
        assert "BadNodeIdUnknown" in source.link.faults[to_come]
        await plc.variable(7)
        await source.until(lambda: intake.payloads(to_come) == [b"7"])
        assert source.link.faults == {}
        await plc.set(name, 2, later(1))
        await source.until(lambda: intake.payloads(name) == [b"1", b"2"])


async def test_an_overflow_that_the_plc_reports_is_a_gap(plc: Plc) -> None:
    name = await plc.variable(1)
    intake = Recorder()
    async with running(watching(plc, name), intake) as source:
        await source.until(lambda: len(intake.signals) == 1)
        await plc.set(name, 2, later(1), status=OVERFLOW)
        await source.until(lambda: len(intake.signals) == 2)
    (gap,) = intake.gaps
    assert (gap.subject, gap.missed) == (name, None)
    assert intake.signals[1].good


async def test_a_missing_notification_is_a_gap(plc: Plc) -> None:
    name = await plc.variable(1)
    intake = Recorder()
    async with running(watching(plc, name), intake) as source:
        await source.until(lambda: len(intake.signals) == 1)
        plc.subscription._notification_seq += 3
        # A keep-alive tells it, without a change.
        await source.until(lambda: len(intake.gaps) == 1)
        await plc.set(name, 2, later(1))
        await source.until(lambda: len(intake.signals) == 2)
    (gap,) = intake.gaps
    assert "3 notifications" in gap.reason


async def test_a_notification_that_cannot_be_decoded_is_a_gap_and_the_next_is_taken(
    plc: Plc,
) -> None:
    name = await plc.variable(ua.Range(1, 2))
    await plc.set(name, ua.ExtensionObject(ua.NodeId.from_string("i=886"), TORN))
    intake = Recorder()
    async with running(watching(plc, name), intake) as source:
        await source.until(lambda: len(intake.gaps) == 1)
        await plc.set(name, ua.Range(3, 4), later(1))
        await source.until(lambda: intake.payloads(name) == [b'{"Low":3.0,"High":4.0}'])
    (gap,) = intake.gaps
    assert "cannot be decoded" in gap.reason


async def test_a_subscription_that_the_plc_ends_is_a_gap_and_takes_the_link_down(plc: Plc) -> None:
    name = await plc.variable(1)
    intake = Recorder()
    async with running(watching(plc, name), intake) as source:
        await source.until(lambda: len(intake.signals) == 1)
        status = ua.StatusCode(ua.UInt32(StatusCodes.BadTimeout))
        await plc.subscription.enqueue_statuschange(status)
        await plc.set(name, 2, later(1))
        with pytest.raises(LinkDown, match="ended the subscription: BadTimeout"):
            await source.task
        assert not source.link.is_up
    assert intake.payloads(name) == [b"1", b"2"]
    assert len(intake.gaps) == 1


async def test_a_subscription_that_dies_in_silence_is_noticed_though_reads_still_work(
    plc: Plc,
) -> None:
    name = await plc.variable(1)
    intake = Recorder()
    async with running(watching(plc, name), intake) as source:
        await source.until(lambda: len(intake.signals) == 1)
        for subscription in plc.subscriptions.values():
            await subscription.stop()  # it stays known, so that nothing is refused
        with pytest.raises(LinkDown, match="does not answer"):
            await source.task


async def test_stopping_leaves_no_task_no_session_and_no_subscription(plc: Plc) -> None:
    before = asyncio.all_tasks()
    name = await plc.variable(1)
    ring = await plc.ring(slots=8)
    settings = settings_of(plc.endpoint, variables=listed(name), record_buffers=[ring.settings])
    intake = Recorder()
    async with running(settings, intake) as source:
        await source.until(lambda: source.link.heard_until is not None)
        await source.stop()
        assert not source.link.is_up
        assert source.link.reason == "stopped"
    assert plc.subscriptions == {}
    await until(lambda: plc.server.iserver.asyncio_transports == [])
    ours = [task for task in asyncio.all_tasks() - before if "asyncua/server" not in repr(task)]
    assert ours == []


async def test_a_stop_lets_the_commit_under_way_end(plc: Plc) -> None:
    name = await plc.variable(1)
    intake = Recorder()
    intake.seconds = 0.3
    async with running(watching(plc, name), intake) as source:
        await source.until(lambda: intake.offered == 1)
        await source.stop()
    assert intake.payloads(name) == [b"1"]
