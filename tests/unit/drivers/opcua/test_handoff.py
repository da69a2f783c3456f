"""What the parts of a source share."""

import asyncio
import gc
from typing import Any

from drivers.contract import Batch, Link
from drivers.opcua.handoff import Handoff
from tests.fault.opcua_gateway import Recorder


def test_nothing_is_heard_before_every_part_has_heard_and_then_as_far_as_the_slowest() -> None:
    link = Link("plc", lambda: 100)
    handoff = Handoff(Recorder(), link)
    handoff.expect("conveyor")
    handoff.expect("variables")
    seen = []
    for part, until in (("variables", 30), ("conveyor", 10), ("variables", 40), ("conveyor", 50)):
        handoff.heard(part, until)
        seen.append(link.heard_until)
    assert seen == [None, 10, 10, 40]


def test_a_part_that_was_heard_by_a_fast_clock_is_unknown_until_it_is_heard_again() -> None:
    """Else its silence would pass for heard, as far as the other parts are."""
    now = 3_600
    link = Link("plc", lambda: now)
    handoff = Handoff(Recorder(), link)
    handoff.expect("conveyor")
    handoff.expect("variables")
    handoff.heard("variables", 3_600)
    handoff.heard("conveyor", 3_600)
    now = 10  # set back
    handoff.heard("variables", 10)
    assert link.heard_until is None
    now = 3_700
    handoff.heard("variables", 3_700)
    assert link.heard_until is None
    handoff.heard("conveyor", 3_650)
    assert link.heard_until == 3_650


async def test_a_commit_that_fails_after_two_stops_is_not_left_for_asyncio_to_log() -> None:
    """A failing store stops the source, and with the source the daemon stops its parts again."""
    logged = list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))

    class Failing(Recorder):
        async def commit(self, batch: Batch) -> None:
            try:
                await super().commit(batch)
            finally:
                raise OSError("disk failed")

    intake = Failing()
    intake.is_open.clear()
    before = asyncio.all_tasks()
    part = asyncio.create_task(Handoff(intake, Link("plc", lambda: 100)).commit(Batch()))
    for _ in range(2):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        part.cancel()
    await asyncio.wait({part})
    assert part.cancelled()
    assert asyncio.all_tasks() == before
    intake.is_open.set()
    await asyncio.sleep(0)
    gc.collect()
    assert logged == []
