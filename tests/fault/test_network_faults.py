"""The network between the daemon and everything else loses packets, is cut, lies or says no.

Whatever it does, the daemon recovers by itself within RECOVERY_SECONDS after it works again,
has lost nothing, tells nothing twice, keeps the order of each unit, and said meanwhile in its
health what was wrong.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from simulators.broker import Broker
from simulators.erp_process import ErpProcess
from simulators.ports import HOST, free_port
from tests.fault import netns
from tests.fault.netns import Cable
from tests.gateway import Gateway, Scanner, until
from tests.load import Load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(netns.why_not() is not None, reason=f"{netns.why_not()}"),
]

RECOVERY_SECONDS = 30
"""10 s for an attempt that was under way, 15 s until the next, and the time to deliver."""
UNITS = 60
PER_SECOND = 20


@pytest.fixture
def cable() -> Iterator[Cable]:
    with netns.two_namespaces() as cable:
        yield cable


@pytest.fixture
def broker(tmp_path: Path, cable: Cable) -> Iterator[Broker]:
    port = free_port()
    settings = [f"listener {port} {cable.outer_address}"]
    with Broker(tmp_path / "broker", port, settings=settings) as running:
        yield running


@pytest.fixture
def erp(tmp_path: Path, cable: Cable) -> Iterator[ErpProcess]:
    with ErpProcess(tmp_path / "erp") as running, cable.reaches(_port(running)):
        yield running


@pytest.fixture
def gateway(tmp_path: Path, cable: Cable, broker: Broker, erp: ErpProcess) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path, broker, erp, under=cable.under)
    there = gateway.config.read_text().replace(HOST, cable.outer_address)
    there = there.replace("[sources.floor]", "[sources.floor]\nkeepalive_seconds = 2")
    gateway.config.write_text(there)
    with gateway:
        yield gateway


def _port(erp: ErpProcess) -> int:
    return int(erp.url.split(":")[2].partition("/")[0])


@pytest.fixture
def load(gateway: Gateway, scanner: Scanner, erp: ErpProcess) -> Iterator[Load]:
    erp.faults(delay_seconds=0.3)  # so that something is under way at any moment
    with Load(gateway, scanner, erp, UNITS, PER_SECOND) as load:
        until(lambda: erp.state()["bookings"] > 0, "the first milestones are booked")
        yield load


def _says(gateway: Gateway, about: str, *words: str) -> bool:
    """Tell whether health finds that link down, for a reason with one of these words."""
    return any(
        finding.about == about
        and finding.text.startswith("down for")
        and any(word in finding.text for word in words)
        for finding in gateway.report().findings
    )


def test_three_packets_in_ten_are_lost_and_everything_arrives_nevertheless(
    erp: ErpProcess, cable: Cable, load: Load
) -> None:
    cable.drop(percent=30)
    before = erp.state()["bookings"]
    until(lambda: erp.state()["bookings"] >= before + 20, "milestones get through")
    cable.mend()
    load.until_delivered(RECOVERY_SECONDS)


def test_a_cut_is_named_and_got_over(gateway: Gateway, cable: Cable, load: Load) -> None:
    cable.drop()
    until(lambda: _says(gateway, "floor", "the broker has been silent"), "the broker is missed")
    until(lambda: _says(gateway, "erp", "within"), "the ERP is missed")
    cable.mend()
    load.until_delivered(RECOVERY_SECONDS)


def test_a_half_open_connection_to_the_broker_is_noticed_while_the_erp_goes_on(
    gateway: Gateway, broker: Broker, cable: Cable, load: Load
) -> None:
    # hivemq/hivemq-edge#1290, thin-edge/thin-edge.io#3083: the bridge says that it is
    # connected, and forwards nothing.
    cable.drop(ports=[broker.port])
    until(lambda: _says(gateway, "floor", "the broker has been silent"), "the broker is missed")
    until(lambda: not load.owed(), "what was received before is delivered")
    assert not _says(gateway, "erp", "")
    cable.mend()
    load.until_delivered(RECOVERY_SECONDS)


def test_a_half_open_connection_to_the_erp_is_noticed_while_the_floor_is_heard(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, cable: Cable, load: Load
) -> None:
    cable.drop(ports=[_port(erp)])
    until(lambda: _says(gateway, "erp", "within"), "the ERP is missed")
    scanner.drain()
    heard = gateway.report().facts.signals
    scanner.say("noise/belt", b"on")
    until(lambda: gateway.report().facts.signals > heard, "the floor is still heard")
    assert not _says(gateway, "floor", "")
    cable.mend()
    load.until_delivered(RECOVERY_SECONDS)


def test_lost_answers_of_the_erp_are_looked_up_and_nothing_is_posted_twice(
    gateway: Gateway, erp: ErpProcess, cable: Cable, load: Load
) -> None:
    cable.drop_answers(_port(erp))
    until(lambda: _says(gateway, "erp", "within"), "the ERP is missed")
    cable.mend()
    load.until_delivered(RECOVERY_SECONDS)
    assert erp.state()["repeats"] == 0
    with closing(sqlite3.connect(gateway.store)) as store:
        found = "SELECT count(*) FROM attempt WHERE detail LIKE '%found by look-up%'"
        assert store.execute(found).fetchone()[0] > 0


def test_a_firewall_that_resets_connections_is_named_and_got_over(
    gateway: Gateway, broker: Broker, erp: ErpProcess, cable: Cable, load: Load
) -> None:
    cable.reset(_port(erp))
    until(lambda: _says(gateway, "erp", "refus"), "the ERP is out of reach")
    cable.reset(broker.port)
    until(lambda: _says(gateway, "floor", "refused"), "the broker is out of reach")
    cable.mend()
    load.until_delivered(RECOVERY_SECONDS)


def test_a_pulled_cable_is_named_and_got_over(gateway: Gateway, cable: Cable, load: Load) -> None:
    cable.unplug()
    until(lambda: _says(gateway, "erp", "cannot connect"), "the ERP is out of reach")
    until(lambda: _says(gateway, "floor", "unreachable"), "the broker is out of reach")
    cable.plug_in()
    load.until_delivered(RECOVERY_SECONDS)
