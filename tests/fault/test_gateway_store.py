"""What the daemon does when its store must not be touched, or fails while it runs."""

import hashlib
import resource
import sqlite3
from pathlib import Path

from edge.exits import Exit
from simulators.broker import Broker
from simulators.erp_process import ErpProcess
from tests.gateway import Gateway, Scanner, steps, until


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_corrupt_store_stops_the_start_with_exit_3_and_is_not_touched(gateway: Gateway) -> None:
    gateway.terminate()
    content = bytearray(gateway.store.read_bytes())
    content[8192:16384] = b"\xff" * 8192
    gateway.store.write_bytes(content)
    before = _digest(gateway.store)
    gateway.start(wait=False)
    assert gateway.ended() == Exit.STORE_REFUSED
    assert _digest(gateway.store) == before
    assert "corrupt" in gateway.log.read_text().splitlines()[-1]


def test_store_of_a_newer_version_stops_the_start_with_exit_3_and_is_not_touched(
    gateway: Gateway,
) -> None:
    gateway.terminate()
    connection = sqlite3.connect(gateway.store)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = _digest(gateway.store)
    gateway.start(wait=False)
    assert gateway.ended() == Exit.STORE_REFUSED
    assert _digest(gateway.store) == before
    assert "newer Milepost" in gateway.log.read_text().splitlines()[-1]


def test_second_daemon_on_the_same_store_is_refused(
    gateway: Gateway, broker: Broker, erp: ErpProcess
) -> None:
    second = Gateway(gateway.store.parent, broker, erp)
    second.start(wait=False)
    assert second.ended() == Exit.STORE_REFUSED
    assert gateway.is_listening()


def test_failing_disk_acknowledges_nothing_and_exits_4_and_all_comes_after_the_restart(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    scanner.scan("dock", "T-before")
    until(lambda: gateway.report().facts.signals == 1, "a signal is committed")
    # From now on the store cannot grow, while the log, which is shorter, still can.
    size = Path(f"{gateway.store}-wal").stat().st_size
    resource.prlimit(gateway.pid, resource.RLIMIT_FSIZE, (size, size))
    for number in range(20):
        scanner.scan("dock", f"T-{number}")
    scanner.drain()
    assert gateway.ended() == Exit.STORE_FAILED
    assert "nothing was acknowledged since" in gateway.log.read_text()
    gateway.start()
    until(lambda: len(erp.book()) == 21, "everything is delivered")
    assert sorted(unit for unit, _ in steps(erp.book())) == sorted(
        ["T-before", *(f"T-{n}" for n in range(20))]
    )


def test_full_disk_at_the_start_exits_4_so_that_systemd_tries_again(gateway: Gateway) -> None:
    gateway.terminate()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, hard))  # the child's; none for a -shm file
    try:
        gateway.start(wait=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert gateway.ended() == Exit.STORE_FAILED
    assert "check the room on its disk" in gateway.log.read_text().splitlines()[-1]
    gateway.start()


def test_sigterm_ends_a_gateway_without_sources_and_destinations_with_exit_0(
    gateway: Gateway,
) -> None:
    gateway.terminate()
    site, *_ = gateway.config.read_text().split("[sources.floor]")
    gateway.config.write_text(f"{site}\n[sources]\n[destinations]\n")
    gateway.start()
    assert gateway.terminate() == 0


def test_sigterm_under_load_with_an_erp_that_never_answers_exits_0_within_10_seconds(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    # The ERP's silence must not be what ends the waiting.
    gateway.terminate()
    patient = gateway.config.read_text().replace("timeout_seconds = 1", "timeout_seconds = 60")
    gateway.config.write_text(patient)
    gateway.start()
    with erp.faulty(swallow_rate=1.0):
        for number in range(200):
            scanner.scan("dock", f"T-{number}")
        until(lambda: erp.state()["bookings"] > 0, "delivery has begun")
        assert gateway.terminate(seconds=10) == 0
    gateway.start()
    until(lambda: gateway.report().facts.backlogs[0].pending == 0, "everything is delivered")
    assert len(erp.book()) == 200
