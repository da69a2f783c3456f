"""Each driver is started again on its own; only the store takes the daemon with it."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from structlog.typing import EventDict

from buffer.failures import StoreFailed
from drivers.contract import Link, LinkDown
from edge import supervision
from edge.supervision import keep_running, log_change

pytestmark = pytest.mark.usefixtures("logs")


@pytest.fixture
def link() -> Link:
    return Link("plc", lambda: 1000, on_change=log_change)


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "RESTART_INITIAL_SECONDS", 0.0)


def runs(*ends: BaseException | None) -> tuple[Callable[[], Awaitable[None]], list[int]]:
    """Return a driver that ends in these ways, one run after the other, and its runs."""
    counted = list[int]()

    async def run() -> None:
        counted.append(len(counted))
        end = ends[len(counted) - 1]
        await asyncio.sleep(0)
        if end is not None:
            raise end

    return run, counted


async def supervise(run: Callable[[], Awaitable[None]], link: Link) -> None:
    await keep_running("plc", run, link, random.Random(1))


async def test_a_driver_that_loses_its_connection_is_started_again(link: Link) -> None:
    link.up()
    run, counted = runs(LinkDown("the PLC hung up"), LinkDown("the PLC is away"), None)
    await supervise(run, link)
    assert len(counted) == 3
    assert not link.is_up
    assert link.reason == "the PLC is away"


async def test_an_outage_is_logged_once_for_each_reason_and_when_it_is_over(
    link: Link, logs: list[EventDict]
) -> None:
    run, _ = runs(*[LinkDown("the PLC is away")] * 3, LinkDown("no answer"), None)
    await supervise(run, link)
    link.up()
    assert logs == [
        {"event": "link_down", "log_level": "warning", "link": "plc", "reason": "the PLC is away"},
        {"event": "link_down", "log_level": "warning", "link": "plc", "reason": "no answer"},
        {"event": "link_up", "log_level": "info", "link": "plc"},
    ]


async def test_a_driver_with_a_fault_is_started_again_and_the_link_says_so(
    link: Link, logs: list[EventDict]
) -> None:
    link.up()
    run, counted = runs(KeyError("x"), ExceptionGroup("", [ValueError("y")]), None)
    await supervise(run, link)
    assert len(counted) == 3
    assert not link.is_up
    assert "the driver failed: ExceptionGroup" in link.reason
    assert "see the log" in link.reason
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["driver_failed"] * 2


@pytest.mark.parametrize(
    "end",
    [
        StoreFailed("the disk is full"),
        ExceptionGroup("", [ValueError("x"), StoreFailed("the disk is full")]),
        ExceptionGroup("", [ExceptionGroup("", [StoreFailed("the disk is full")])]),
    ],
)
async def test_a_failed_store_ends_every_driver(link: Link, end: Exception) -> None:
    run, counted = runs(end)
    with pytest.raises(StoreFailed, match="the disk is full"):
        await supervise(run, link)
    assert len(counted) == 1


async def test_a_driver_that_is_cancelled_is_not_started_again(link: Link) -> None:
    started = asyncio.Event()
    counted = 0

    async def run() -> None:
        nonlocal counted
        counted += 1
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(supervise(run, link))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert counted == 1


async def test_the_wait_grows_with_failures_in_a_row_and_is_forgotten_after_a_steady_run(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = list[int]()

    def count(number: int, _initial: float, _ceiling: float, _draw: random.Random) -> float:
        failures.append(number)
        return 0.0

    monkeypatch.setattr(supervision, "delay", count)
    run, _ = runs(*[LinkDown("away")] * 3, None)
    await supervise(run, link)
    assert failures == [1, 2, 3]
    failures.clear()
    monkeypatch.setattr(supervision, "STEADY_SECONDS", -1.0)  # every run is a long one
    run, _ = runs(*[LinkDown("away")] * 3, None)
    await supervise(run, link)
    assert failures == [1, 1, 1]
