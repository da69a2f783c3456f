"""The gateway's own clock is wrong, jumps, or was never set; the devices' clocks are right.

Nothing stalls, nothing is lost or told twice, the order of each unit is that of the devices,
and what has not happened is not concluded from a time that the clock has not reached.
"""

import json
import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from drivers.contract import system_clock
from drivers.mqtt.connection import PING_SECONDS
from simulators import preload
from simulators.broker import Broker
from simulators.erp_process import ErpProcess
from simulators.wall_clock import WallClock
from tests.gateway import Gateway, Scanner, until
from tests.load import until_delivered

HOUR = 3_600_000
SINCE_2012 = system_clock() - 1_325_376_000_000
DELIVERY_SECONDS = 20

pytestmark = pytest.mark.slow
needs_compiler = pytest.mark.skipif(preload.lacks() is not None, reason=f"needs {preload.lacks()}")


def _under(clock: WallClock) -> tuple[str, ...]:
    return ("env", *(f"{name}={value}" for name, value in clock.environment.items()))


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    return WallClock(tmp_path)


@pytest.fixture
def gateway(tmp_path: Path, broker: Broker, erp: ErpProcess, clock: WallClock) -> Iterator[Gateway]:
    with Gateway(tmp_path, broker, erp, under=_under(clock)) as running:
        yield running


def _recorded(gateway: Gateway) -> list[int]:
    """Return when the milestones were recorded by the daemon's clock, in their order."""
    with closing(sqlite3.connect(gateway.store)) as store:
        query = "SELECT recorded_at FROM milestone ORDER BY seq"
        return [at for (at,) in store.execute(query)]


def _tell(scanner: Scanner, units: range) -> None:
    """Have units received and stored, and told so."""
    for number in units:
        scanner.scan("dock", f"T-{number}", number * 0.01)
        scanner.scan("rack", f"T-{number}", number * 0.01 + 0.005)


def _says_what_it_is(gateway: Gateway, hours: int) -> bool:
    """Tell whether the newest milestone was recorded by a clock so many hours off."""
    return abs(_recorded(gateway)[-1] - system_clock() - hours * HOUR) < HOUR / 2


@needs_compiler
@pytest.mark.parametrize("hours", [1, -1])
def test_a_wall_clock_that_jumps_and_jumps_back_stalls_loses_and_doubles_nothing(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, clock: WallClock, hours: int
) -> None:
    _tell(scanner, range(100))
    until(lambda: erp.state()["bookings"] > 0, "delivery has begun")
    clock.set(hours * HOUR)
    _tell(scanner, range(100, 200))
    until(lambda: _says_what_it_is(gateway, hours), "milestones are recorded after the jump")
    clock.set(0)
    _tell(scanner, range(200, 300))
    until(lambda: _says_what_it_is(gateway, 0), "milestones are recorded after the jump back")
    until_delivered(gateway, erp, 300, DELIVERY_SECONDS)


@needs_compiler
def test_a_gateway_that_boots_in_the_past_and_is_set_right_keeps_the_order(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, clock: WallClock
) -> None:
    # brocaar/chirpstack-network-server#519: no battery keeps the clock; it starts in 2012.
    gateway.terminate()
    clock.set(-SINCE_2012)
    with erp.down():
        gateway.start()
        _tell(scanner, range(50))
        until(lambda: gateway.report().facts.backlogs[0].pending == 100, "all is owed")
        assert _recorded(gateway)[-1] < 1_400_000_000_000, "the daemon knows what year it is"
        clock.set(0)  # the network is there, and with it the time
        _tell(scanner, range(50, 100))
        until(lambda: gateway.report().facts.backlogs[0].pending == 200, "all is owed")
        gateway.kill()
        clock.set(-SINCE_2012)
        gateway.start()
    until_delivered(gateway, erp, 100, DELIVERY_SECONDS)


ABSENCE = """
[rules.lost]
operator = "absence"
milestone = "lost"
about = "unit"
after = { kind = "scan", where = { read_point = "infeed" } }
expect = { kind = "scan", where = { read_point = "divert" } }
within_seconds = 3
wait_seconds = 1
"""


def _with_absence(gateway: Gateway) -> None:
    gateway.terminate()
    site, *_ = gateway.config.read_text().partition("[rules.")
    gateway.config.write_text(site + ABSENCE)
    gateway.start()


def _lost(erp: ErpProcess) -> list[str]:
    return [booking.body["epcList"][0].rsplit("/", 1)[-1] for booking in erp.book()]


def _see(scanner: Scanner, read_point: str, unit: str) -> None:
    told = json.dumps({"unit": unit, "time": system_clock()})
    scanner.say(f"scan/{read_point}", told.encode())


@contextmanager
def _paused(broker: Broker) -> Iterator[None]:
    assert broker._process is not None
    broker._process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        broker._process.send_signal(signal.SIGCONT)


@needs_compiler
def test_what_a_fast_clock_has_heard_concludes_nothing_once_it_is_set_right(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, clock: WallClock, broker: Broker
) -> None:
    clock.set(HOUR)
    _with_absence(gateway)
    _see(scanner, "infeed", "T-0")
    until(lambda: _lost(erp) == ["T-0"], "the fast clock concludes, too early")
    with _paused(broker):
        time.sleep(1.5 * PING_SECONDS)  # what is asked now is answered after the setting
        clock.set(0)
        _see(scanner, "infeed", "T-1")
        _see(scanner, "infeed", "T-2")
    until(lambda: gateway.report().facts.signals == 3, "the scans are committed")
    time.sleep(1)
    _see(scanner, "divert", "T-1")
    until(lambda: len(_lost(erp)) > 1, "the unit that does not come is missed")
    assert _lost(erp) == ["T-0", "T-2"]


@needs_compiler
def test_while_the_clock_is_behind_no_absence_is_concluded_and_then_all_are(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, clock: WallClock
) -> None:
    clock.set(-HOUR)
    _with_absence(gateway)
    _see(scanner, "infeed", "T-1")
    _see(scanner, "infeed", "T-2")
    _see(scanner, "divert", "T-1")
    until(lambda: gateway.report().facts.signals == 3, "the scans are committed")
    time.sleep(5)  # longer than the rule waits
    assert _lost(erp) == []
    clock.set(0)
    until(lambda: _lost(erp) == ["T-2"], "the unit that does not come is missed")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a time namespace")
def test_a_box_that_has_been_up_for_years_works_as_one_just_started(
    tmp_path: Path, broker: Broker, erp: ErpProcess
) -> None:
    years = str(10 * 365 * 24 * 3600)
    with (
        Gateway(
            tmp_path, broker, erp, under=("unshare", "--time", "--monotonic", years)
        ) as gateway,
        Scanner(broker) as scanner,
    ):
        _tell(scanner, range(50))
        until_delivered(gateway, erp, 50, DELIVERY_SECONDS)
