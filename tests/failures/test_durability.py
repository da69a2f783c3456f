"""How other gateways lost what they had stored, or stopped over it; and that we do not."""

import asyncio
import contextlib
import itertools
import socket
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from buffer.reader import Reader
from buffer.store import Store
from simulators.broker import Broker
from simulators.erp_process import ErpProcess
from tests.failures.process import cpu_seconds, open_files, resident_bytes
from tests.gateway import Gateway, Scanner, until

pytestmark = pytest.mark.slow


def _pending(gateway: Gateway) -> int:
    return gateway.report().facts.backlogs[0].pending


def _receive(scanner: Scanner, units: int) -> None:
    for number in range(units):
        scanner.scan("dock", f"T-{number}")


def test_a_broker_that_comes_and_goes_never_has_the_store_opened_anew(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess, broker: Broker
) -> None:
    # thingsboard/thingsboard-gateway#2124: storage was opened anew at each reconnect.
    with erp.down():
        _receive(scanner, 20)
        until(lambda: _pending(gateway) == 20, "all is owed")
        held = {
            number: file
            for number, file in open_files(gateway.pid, gateway.store).items()
            if file.split()[0] in (str(gateway.store), f"{gateway.store}-wal")
        }
        assert held
        for _ in range(3):
            broker.stop()
            until(lambda: not gateway.is_listening(), "the broker is missed")
            broker.start()
            until(gateway.is_listening, "the broker is back")
        assert held.items() <= open_files(gateway.pid, gateway.store).items()
        assert _pending(gateway) == 20
    until(lambda: len(erp.book()) == 20, "everything is delivered")


def test_another_program_that_holds_the_store_is_waited_for(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    # thingsboard/thingsboard-gateway#1446: a second connection with a deletion that was not
    # committed gave "database is locked", and then the same error for ever.
    pid = gateway.pid
    with closing(sqlite3.connect(gateway.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM journal")
        _receive(scanner, 20)
        time.sleep(2)  # less than the daemon waits for a lock
        assert erp.state()["bookings"] == 0
        other.execute("ROLLBACK")
    until(lambda: len(erp.book()) == 20, "everything is delivered")
    assert gateway.pid == pid
    assert gateway.is_listening()
    assert "locked" not in gateway.log.read_text()


async def test_work_that_reads_first_has_its_right_to_write_from_the_start(tmp_path: Path) -> None:
    # omnilib/aiosqlite#251: a transaction that became a writer only half-way was "locked" at
    # once, whatever the time-out, because another had written in between.
    path = tmp_path / "milepost.db"
    store = Store.open(path)

    def read_and_write(connection: sqlite3.Connection) -> str:
        connection.execute("SELECT count(*) FROM tally").fetchone()
        said = _write_as_another_program(path)
        connection.execute("INSERT INTO tally VALUES ('ours', 1)")
        return said

    try:
        await store.write(lambda _: None)  # the first transaction of a store writes of itself
        assert "locked" in await store.write(read_and_write)
    finally:
        await store.close()


def _write_as_another_program(path: Path) -> str:
    """Write without waiting for any lock; return what went wrong."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other:
        try:
            other.execute("INSERT INTO tally VALUES ('other', 1)")
        except sqlite3.OperationalError as error:
            return str(error)
    return ""


def test_a_backlog_costs_next_to_no_cpu_while_the_erp_is_down_and_then_drains(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    # thingsboard/thingsboard-gateway#2155: with storage on disk, CPU above 100 %, sending stops.
    with erp.down():
        _receive(scanner, 1000)
        until(lambda: _pending(gateway) == 1000, "all is owed")
        before = cpu_seconds(gateway.pid)
        time.sleep(3)
        assert cpu_seconds(gateway.pid) - before < 3 * 0.1
    until(lambda: len(erp.book()) == 1000, "everything is delivered", 60)


def test_what_was_sent_and_never_booked_is_still_owed_after_both_have_died(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    # nanomq/nanomq#2432: cached messages were deleted before their sending had succeeded.
    erp.faults(delay_seconds=5)
    _receive(scanner, 20)
    until(lambda: _pending(gateway) == 20, "all is owed")
    until(lambda: erp.state()["posts"] > 0, "the first are with the ERP")
    gateway.kill()
    erp.kill()
    assert erp.book() == []
    erp.start()
    gateway.start()
    until(lambda: len(erp.book()) == 20, "everything is delivered")
    assert erp.state()["repeats"] == 0


def test_sigterm_ends_the_daemon_in_time_though_readers_stay_open(
    gateway: Gateway, scanner: Scanner, erp: ErpProcess
) -> None:
    # ogx-ai/ogx#4587: a connection that nobody closed kept the process from ending.
    _receive(scanner, 20)
    until(lambda: len(erp.book()) == 20, "everything is delivered")
    with (
        closing(sqlite3.connect(gateway.store, isolation_level=None)) as reader,
        closing(socket.socket(socket.AF_UNIX)) as asking,
    ):
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entry").fetchone()
        asking.connect(str(gateway.store.parent / "control.sock"))
        asking.sendall(b"GET /health HTTP/1.1\r\n")  # and never the rest
        assert gateway.terminate(seconds=10) == 0


async def test_a_reader_whose_opening_is_cancelled_leaves_no_thread(tmp_path: Path) -> None:
    # omnilib/aiosqlite#259: a connection that was cancelled while it opened leaked its thread.
    path = tmp_path / "milepost.db"
    await Store.open(path).close()

    def left() -> list[str]:
        # Those of asyncio's own pool stay, and are used again.
        return [each.name for each in threading.enumerate() if "connection_worker" in each.name]

    opened = asyncio.Event()

    async def read() -> None:
        async with Reader.open(path):
            opened.set()
            await asyncio.Event().wait()

    async with Reader.open(path):
        assert len(left()) == 1
    for turns in itertools.count():  # cancelled at each of its steps
        if opened.is_set():
            break
        task = asyncio.create_task(read())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    deadline = time.monotonic() + 5
    while left() and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert left() == []


MILLION = 1_000_000
ROWS = f"""
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MILLION})
INSERT INTO milestone (seq, id, name, rule, key, occurred_at, recorded_at, mark, body)
SELECT i, CAST(printf('%016d', i) AS BLOB), 'received', 'received',
       'unit:U-' || i, 1700000000000 + i, 1700000000000 + i, 'in_order', zeroblob(400)
FROM n;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MILLION})
INSERT INTO entry (destination, milestone, key, lane, state)
SELECT 'erp', i, 'unit:U-' || i, 1, 'pending' FROM n;
INSERT OR REPLACE INTO tally VALUES ('entries/erp/pending', {MILLION});
"""


def test_a_million_entries_cost_a_start_little_memory_and_little_time(
    gateway: Gateway, erp: ErpProcess
) -> None:
    # fluent/fluent-bit#5166, fluent/fluent-bit#2566: with a large backlog, memory peaked at the
    # start, or the start failed.
    empty = resident_bytes(gateway.pid)
    gateway.terminate()
    with closing(sqlite3.connect(gateway.store, isolation_level=None)) as store:
        store.executescript("PRAGMA synchronous = OFF; BEGIN;" + ROWS + "COMMIT;")
    with erp.down():
        began = time.monotonic()
        gateway.start()
        assert time.monotonic() - began < 10
        assert _pending(gateway) == MILLION
        until(lambda: not _is_up(gateway), "delivery has begun")
        assert resident_bytes(gateway.pid) - empty < 40 * 1024 * 1024
    # What is found there is no event, but it is sent: memory stays flat while it is.
    until(lambda: erp.state()["posts"] > 1000, "it is delivered")
    assert resident_bytes(gateway.pid) - empty < 60 * 1024 * 1024


def _is_up(gateway: Gateway) -> bool:
    return all(link.is_up for link in gateway.report().facts.links)
