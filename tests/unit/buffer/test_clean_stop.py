"""The store knows whether the last run ended in order, until what it left is dealt with."""

import shutil
from pathlib import Path

import pytest

from buffer import tally
from buffer.failures import StoreFailed
from buffer.store import Store


def left_by_a_kill(store: Store) -> Path:
    """Return a copy of an open store's files: what a killed process leaves behind."""
    into = store.path.parent / f"killed-{store.commits}"
    into.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{store.path}{suffix}", into)
    return into / store.path.name


async def killed(path: Path) -> Path:
    """Return a store that a killed process has left."""
    store = Store.open(path)
    await store.write(lambda c: tally.beat(c, 1, 2))
    left = left_by_a_kill(store)
    await store.close()
    return left


async def test_a_stop_is_clean_when_the_store_was_closed(path: Path) -> None:
    for _ in range(3):
        store = Store.open(path)
        assert store.stopped_cleanly
        await store.write(lambda c: tally.beat(c, 1, 2))
        await store.close()


async def test_a_kill_is_no_clean_stop_from_the_first_transaction_on(path: Path) -> None:
    store = Store.open(path)
    await store.close()  # clean, and nothing written since
    store = Store.open(path)
    await store.write(lambda _: None)
    left = Store.open(left_by_a_kill(store))
    assert not left.stopped_cleanly
    await left.close()
    await store.close()


async def test_a_kill_before_anything_was_written_is_as_the_stop_before(path: Path) -> None:
    store = Store.open(path)
    await store.write(lambda _: None)
    await store.close()
    store = Store.open(path)
    left = Store.open(left_by_a_kill(store))
    assert left.stopped_cleanly
    await left.close()
    await store.close()


async def test_what_a_kill_has_left_unsure_stays_so_until_it_was_looked_up(path: Path) -> None:
    """A command that opens the store in between must not hide it from the daemon."""
    left = await killed(path)
    for looked_up in (False, False, True):
        store = Store.open(left)
        assert not store.stopped_cleanly
        await store.write(lambda c: tally.beat(c, 3, 4))
        await store.close(looked_up=looked_up)
    store = Store.open(left)
    assert store.stopped_cleanly
    await store.close()


async def test_a_store_that_has_failed_did_not_stop_cleanly(path: Path) -> None:
    store = Store.open(path)
    await store.write(lambda _: None)
    with pytest.raises(StoreFailed):
        await store.write(lambda c: c.execute("SELECT no_such_function()"))
    await store.close(looked_up=True)
    store = Store.open(path)
    assert not store.stopped_cleanly
    await store.close()
