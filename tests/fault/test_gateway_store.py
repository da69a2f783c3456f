"""What the daemon does when its store must not be touched, or fails while it runs."""

import hashlib
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import orjson
import pytest

from buffer.setting_aside import set_aside_directories
from edge.exits import Exit
from simulators.broker import Broker
from simulators.erp_process import ErpProcess
from tests.fault.tmpfs import Volume, mounted
from tests.gateway import Gateway, Scanner, steps, until


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _damage(store: Path) -> str:
    """Spoil the second page; return the digest of the file as it is then."""
    content = bytearray(store.read_bytes())
    content[8192:16384] = b"\xff" * 8192
    store.write_bytes(content)
    return _digest(store)


def test_corrupt_store_is_set_aside_loudly_and_the_site_goes_on(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    scanner.scan("dock", "T-before")
    until(lambda: len(erp.book()) == 1, "it is delivered")
    gateway.terminate()
    before = _damage(gateway.store)
    gateway.start()
    (directory,) = set_aside_directories(gateway.store)
    assert _digest(directory / gateway.store.name) == before
    assert '"event": "store_set_aside"' in gateway.log.read_text()
    scanner.scan("dock", "T-after")
    until(lambda: len(erp.book()) == 2, "the next one is delivered")
    report = gateway.report()
    assert report.facts.set_aside == (str(directory),)
    assert report.facts.latest_gap is not None
    assert str(directory) in report.facts.latest_gap.reason


def test_second_corrupt_store_stops_the_start_with_exit_3_and_is_not_touched(
    gateway: Gateway,
) -> None:
    for expected in (None, Exit.STORE_REFUSED):
        gateway.terminate()
        before = _damage(gateway.store)
        gateway.start(wait=expected is None)
    assert gateway.ended() == Exit.STORE_REFUSED
    assert _digest(gateway.store) == before
    last = gateway.log.read_text().splitlines()[-1]
    assert "corrupt" in last
    assert str(set_aside_directories(gateway.store)[0]) in last


def test_corrupt_store_stops_the_start_with_exit_3_where_that_is_configured(
    gateway: Gateway,
) -> None:
    gateway.terminate()
    configured = gateway.config.read_text().replace("[store]", '[store]\nwhen_corrupt = "stop"')
    gateway.config.write_text(configured)
    before = _damage(gateway.store)
    gateway.start(wait=False)
    assert gateway.ended() == Exit.STORE_REFUSED
    assert _digest(gateway.store) == before
    assert set_aside_directories(gateway.store) == ()
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
    lines = gateway.log.read_text().splitlines()
    told = [orjson.loads(line) for line in lines]  # one JSON object a line, to the last
    assert told[-1]["event"] == "store_failed"
    assert "nothing was acknowledged since; check the disk: " in told[-1]["reason"]
    gateway.start()
    until(lambda: len(erp.book()) == 21, "everything is delivered")
    assert sorted(unit for unit, _ in steps(erp.book())) == sorted(
        ["T-before", *(f"T-{n}" for n in range(20))]
    )


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Volume]:
    with mounted(tmp_path / "volume", megabytes=24) as small:
        yield small


@pytest.fixture
def small_gateway(
    tmp_path: Path, volume: Volume, broker: Broker, erp: ErpProcess
) -> Iterator[Gateway]:
    """Run the daemon with its store on a volume of its own; the log is elsewhere."""
    gateway = Gateway(tmp_path, broker, erp)
    store = volume.path / "milepost.db"
    gateway.config.write_text(gateway.config.read_text().replace(str(gateway.store), str(store)))
    gateway.store = store
    with gateway:
        yield gateway


def test_full_disk_stops_intake_alone_and_without_a_restart_everything_comes(
    small_gateway: Gateway, volume: Volume, scanner: Scanner, erp: ErpProcess
) -> None:
    """Promise 4."""
    gateway = small_gateway
    pid = gateway.pid
    with erp.down():
        for number in range(300):
            scanner.scan("dock", f"T-{number}")
        until(lambda: gateway.report().facts.signals == 300, "all is committed")
        volume.fill()
        for _ in range(40):
            scanner.say("noise/1", bytes(100_000))
        for number in range(300, 320):
            scanner.scan("dock", f"T-{number}")
        until(lambda: len(gateway.report().facts.room.held) == 3, "intake is held")  # type: ignore[union-attr]
    until(lambda: len(erp.book()) >= 300, "delivery goes on")
    until(lambda: gateway.report().facts.backlogs[0].pending == 0, "and is settled")
    facts = gateway.report().facts
    assert facts.signals < 360
    assert facts.room is not None
    assert set(facts.room.held) == {"critical", "normal", "bulk"}
    volume.release()
    until(lambda: gateway.report().facts.signals == 360, "everything is taken in")
    until(lambda: len(erp.book()) == 320, "everything is delivered")
    assert sorted(unit for unit, _ in steps(erp.book())) == sorted(f"T-{n}" for n in range(320))
    assert gateway.pid == pid
    assert gateway.is_listening()
    assert gateway.terminate() == 0


def test_daemon_comes_up_on_a_full_disk_and_delivers(
    small_gateway: Gateway, volume: Volume, scanner: Scanner, erp: ErpProcess
) -> None:
    gateway = small_gateway
    with erp.down():
        for number in range(100):
            scanner.scan("dock", f"T-{number}")
        until(lambda: gateway.report().facts.signals == 100, "all is committed")
        gateway.terminate()
        volume.fill()
        gateway.start()
    until(lambda: gateway.report().facts.backlogs[0].pending == 0, "everything is delivered")
    assert len(erp.book()) == 100
    volume.release()
    scanner.scan("dock", "T-after")
    until(lambda: len(erp.book()) == 101, "and what comes then")


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


def test_stop_after_a_crash_is_clean_only_when_what_it_left_has_been_looked_up(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    def is_told_clean() -> bool:
        with closing(sqlite3.connect(gateway.store)) as connection:
            (stopped_at,) = connection.execute("SELECT stopped_at FROM heartbeat").fetchone()
            return stopped_at is not None

    with erp.down():
        scanner.scan("dock", "T-1")
        until(lambda: gateway.report().facts.backlogs[0].pending == 1, "it is owed")
        gateway.kill()
        gateway.start()
        assert gateway.terminate() == 0
        assert not is_told_clean()
    gateway.start()
    until(lambda: gateway.report().facts.backlogs[0].pending == 0, "it is delivered")
    assert gateway.terminate() == 0
    assert is_told_clean()
