"""What waits for a commit is bounded, and keeps its order."""

import asyncio

import pytest

from buffer.lane import Lane
from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import Batch, Signal
from edge.ingest import intake as module
from tests.unit.buffer.busy import busy
from tests.unit.edge.site import START, ingest_of, said


def waiting(store: Store) -> int:
    """Return how many pieces of intake the store has not begun."""
    return sum(len(store._waiting._queues[lane]) for lane in Lane)


async def settle_down() -> None:
    """Let every task run as far as it can without the store."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_sources_wait_while_too_many_signals_wait_and_go_on_in_their_order(
    store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_SIGNALS", 10)
    ingest = ingest_of(store)
    returned = list[int]()

    async def hand_in(number: int) -> None:
        await ingest.intake("floor").commit(
            Batch([said("scan", f"U{number}-{n}") for n in range(4)])
        )
        returned.append(number)

    async with asyncio.TaskGroup() as group, busy(store):
        for number in range(20):
            group.create_task(hand_in(number))
        await settle_down()
        assert waiting(store) == 3  # 12 signals: the third batch was let in at 8
    assert returned == list(range(20))
    units = [row.key for row in await reader.pending("erp", Lane.NORMAL, 0, 100)]
    assert units == [f"unit:U{number}-{n}" for number in range(20) for n in range(4)]
    queue = ingest._queues[Lane.NORMAL]
    assert (queue.signals, queue.size) == (0, 0)


async def test_a_batch_that_comes_when_there_is_room_again_overtakes_none_that_waits(
    store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_SIGNALS", 1)
    ingest = ingest_of(store)

    async def hand_in(unit: str) -> None:
        await ingest.intake("floor").commit(Batch([said("scan", unit)]))

    async def hand_in_as_soon_as_there_is_room() -> None:
        while ingest._queues[Lane.NORMAL].is_full():  # noqa: ASYNC110 - it must be there at the first moment
            await asyncio.sleep(0)
        await hand_in("U3")

    async with asyncio.TaskGroup() as group, busy(store):
        for unit in ("U1", "U2"):
            group.create_task(hand_in(unit))
            await settle_down()
        group.create_task(hand_in_as_soon_as_there_is_room())
        await settle_down()
    keys = [row.key for row in await reader.pending("erp", Lane.NORMAL, 0, 9)]
    assert keys == ["unit:U1", "unit:U2", "unit:U3"]


async def test_sources_wait_while_too_many_bytes_wait(
    store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_BYTES", 1000)
    ingest = ingest_of(store)
    large = Batch([Signal("photo/1", bytes(600), START)])
    async with asyncio.TaskGroup() as group, busy(store):
        for _ in range(5):
            group.create_task(ingest.intake("floor").commit(large))
        await settle_down()
        assert waiting(store) == 2
    assert (await reader.tallies())["signals"] == 5


async def test_a_batch_larger_than_all_that_may_wait_is_taken_alone(
    store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_SIGNALS", 2)
    await ingest_of(store).intake("floor").commit(Batch([said("scan", f"U{n}") for n in range(9)]))
    assert (await reader.tallies())["signals"] == 9


async def test_what_a_source_that_went_away_handed_in_is_taken_and_counts_until_then(
    store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a source that connects again and again would fill the memory of a slow gateway."""
    monkeypatch.setattr(module, "MAX_WAITING_SIGNALS", 3)
    woken = list[int]()
    ingest = ingest_of(store, on_milestones=lambda: woken.append(1))
    async with busy(store):
        tasks = list[asyncio.Task[None]]()
        for number in range(10):
            batch = Batch([said("scan", f"U{number}")])
            tasks.append(asyncio.create_task(ingest.intake("floor").commit(batch)))
            await settle_down()
            tasks[-1].cancel()
            await settle_down()
        assert waiting(store) == 3
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
    await ingest.intake("floor").commit(Batch([said("scan", "last")]))  # its turn comes
    assert (await reader.tallies())["signals"] == 4
    assert len(woken) == 4


async def test_a_lane_that_is_held_up_holds_up_no_other_lane(
    store: Store, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING_SIGNALS", 3)
    ingest = ingest_of(store)
    store._admission.measured(store._admission.budget * 85 // 100, 0)  # bulk takes nothing in
    bulk = [
        asyncio.create_task(
            ingest.intake("floor", Lane.BULK).commit(Batch([said("scan", f"B{n}")]))
        )
        for n in range(9)
    ]
    await settle_down()
    for lane in (Lane.NORMAL, Lane.CRITICAL):
        # A commit measures what is really used, and that would let bulk go on.
        monkeypatch.setattr(store._writer, "used", lambda: store._admission.used)
        await ingest.intake("floor", lane).commit(Batch([said("scan", f"U{lane}")]))
    assert not any(task.done() for task in bulk)
    assert waiting(store) == 3
    monkeypatch.undo()
    await store.write(lambda _: None)  # there is room again
    await asyncio.gather(*bulk)
    keys = [row.key for row in await reader.pending("erp", Lane.NORMAL, 0, 99)]
    assert keys == ["unit:U1", "unit:U0", *(f"unit:B{n}" for n in range(9))]


async def test_bookmarks_are_those_after_all_that_an_earlier_run_of_the_source_handed_in(
    store: Store,
) -> None:
    """Else a source that comes back would take for new what is about to be committed."""
    ingest = ingest_of(store)
    async with busy(store):
        task = asyncio.create_task(
            ingest.intake("floor", Lane.BULK).commit(Batch(bookmarks={"counter": b"9"}))
        )
        await settle_down()
        task.cancel()
        again = asyncio.create_task(ingest.intake("floor", Lane.BULK).bookmarks())
        await settle_down()
    assert await again == {"counter": b"9"}
