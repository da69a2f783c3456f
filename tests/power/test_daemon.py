"""Power cuts of the real daemon on a real file system, under load from outside of it."""

import json
import random
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from buffer.opening import read_only
from edge.exits import Exit
from simulators import volume
from simulators.erp_process import ErpProcess
from tests.gateway import Gateway, steps, until
from tests.power.conftest import require_loop_devices
from tests.power.recording_broker import RecordingBroker

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SIZE = 192 * 1024 * 1024
CUTS = 20
CUTS_OF_CONTROL = 4
WITHOUT_FULL_SYNC = (sys.executable, str(Path(__file__).with_name("without_full_sync.py")))


@pytest.fixture(autouse=True)
def _needed() -> None:
    require_loop_devices()


@contextmanager
def installed(
    directory: Path, broker: RecordingBroker, erp: ErpProcess, under: tuple[str, ...] = ()
) -> Iterator[tuple[Gateway, Path]]:
    """Have a gateway whose store is on a volume of its own, mounted; yield also where."""
    image, mountpoint = directory / "image", directory / "volume"
    mountpoint.mkdir()
    volume.make_ext4(image, SIZE)
    gateway = Gateway(directory, broker, erp, under)
    gateway.store = mountpoint / "milepost.db"
    configuration = gateway.config.read_text()
    gateway.config.write_text(configuration.replace(f"{directory}/milepost.db", str(gateway.store)))
    with volume.mounted(image, mountpoint):
        try:
            yield gateway, image
        finally:
            gateway.close()


def cut_power(gateway: Gateway, image: Path, draw: random.Random) -> None:
    """Start the gateway, have it work, cut the power of its volume, mount that again."""
    mountpoint = gateway.store.parent
    gateway.start()
    time.sleep(draw.uniform(0.0, 1.0))
    volume.cut(mountpoint)
    if draw.random() < 0.5:
        # Its machine goes on, with a disk that fails.
        assert gateway.ended() == Exit.STORE_FAILED
    else:
        gateway.kill()
    volume.unmount(mountpoint)
    volume.mount(image, mountpoint)


def lost(gateway: Gateway, broker: RecordingBroker) -> set[int]:
    """Return what was acknowledged and is not in the journal, and say how much that is."""
    missing = broker.acknowledged - set(journal(gateway))
    sys.stdout.write(f"{len(missing)} of {len(broker.acknowledged)} acknowledged were lost\n")
    return missing


def journal(gateway: Gateway) -> list[int]:
    """Return the numbers of the messages in the journal."""
    with closing(sqlite3.connect(read_only(gateway.store), uri=True)) as connection:
        payloads = connection.execute("SELECT payload FROM journal ORDER BY seq").fetchall()
    return [json.loads(payload)["number"] for (payload,) in payloads]


def test_power_cuts_lose_no_acknowledged_signal_and_the_erp_books_all_of_them_once(
    tmp_path: Path, erp: ErpProcess, draw: random.Random
) -> None:
    with RecordingBroker() as broker, installed(tmp_path, broker, erp) as (gateway, image):
        for _ in range(CUTS):
            cut_power(gateway, image, draw)
        broker.rest()
        gateway.start()
        until(lambda: broker.is_drained, "every signal is acknowledged", 60)
        assert not lost(gateway, broker)
        assert journal(gateway) == list(range(broker.told)), "a signal is kept twice, or misplaced"
        units = broker.units()
        until(lambda: len(erp.book()) >= len(units), "the ERP has booked all", 60)
        until(lambda: gateway.report().facts.backlogs[0].pending == 0, "all is settled")
        booked = steps(erp.book())
        assert sorted(booked) == sorted((unit, "receiving") for unit in units)
        assert erp.state()["mismatches"] == 0


def test_the_same_cuts_lose_acknowledged_signals_without_full_sync(
    tmp_path: Path, erp: ErpProcess, draw: random.Random
) -> None:
    """The control: without it the proof above could be blind."""
    with (
        RecordingBroker() as broker,
        installed(tmp_path, broker, erp, WITHOUT_FULL_SYNC) as (gateway, image),
    ):
        for _ in range(CUTS_OF_CONTROL):
            cut_power(gateway, image, draw)
        broker.rest()
        gateway.start()
        until(lambda: broker.is_drained, "every signal is acknowledged", 60)
        assert lost(gateway, broker)
