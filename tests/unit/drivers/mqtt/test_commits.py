import asyncio
import gc
from functools import partial
from typing import Any

import pytest

from drivers.contract import Batch, Signal
from drivers.mqtt.commits import Commits
from tests.fault.mqtt_peers import RecordingIntake, until


def never(error: BaseException) -> None:
    raise AssertionError from error


def batch(text: str) -> Batch:
    return Batch([Signal("dc/x", text.encode(), 0)])


async def test_actions_run_after_their_commit_and_in_order() -> None:
    intake, done = RecordingIntake(), list[str]()
    commits = Commits(intake, never)
    intake.hold_commits()
    for text in "abc":
        commits.submit(batch(text), 10, partial(done.append, text))
    commits.after(lambda: done.append("after"))
    commits.submit(batch("d"), 10, lambda: done.append("d"))
    await until(lambda: len(intake.offered) == 4)
    assert done == []
    assert commits.size == 40
    intake.release()
    await commits.drain(None)
    assert done == ["a", "b", "c", "after", "d"]
    assert intake.payloads == ["a", "b", "c", "d"]
    assert commits.size == 0


async def test_an_intake_that_answers_out_of_order_does_not_change_the_order() -> None:
    class Hasty(RecordingIntake):
        async def commit(self, batch: Batch) -> None:
            self.offered.append(batch)
            await asyncio.sleep(0 if len(self.offered) > 1 else 0.05)

    intake, done = Hasty(), list[str]()
    commits = Commits(intake, never)
    commits.submit(batch("a"), 0, lambda: done.append("a"))
    commits.submit(batch("b"), 0, lambda: done.append("b"))
    await commits.drain(None)
    assert done == ["a", "b"]


async def test_with_nothing_under_way_an_action_runs_at_once() -> None:
    done = list[str]()
    Commits(RecordingIntake(), never).after(lambda: done.append("now"))
    assert done == ["now"]


async def test_after_a_failure_nothing_is_acted_upon() -> None:
    intake, done, errors = RecordingIntake(), list[str](), list[BaseException]()
    commits = Commits(intake, errors.append)
    commits.submit(batch("a"), 0, lambda: done.append("a"))
    await commits.drain(None)
    intake.error = OSError("disk failed")
    commits.submit(batch("b"), 0, lambda: done.append("b"))
    commits.submit(batch("c"), 0, lambda: done.append("c"))
    await commits.drain(None)
    commits.after(lambda: done.append("after"))
    assert done == ["a"]
    assert errors == [intake.error]


async def test_of_commits_that_fail_together_none_is_left_for_asyncio_to_log() -> None:
    logged = list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: logged.append(context))
    intake, errors = RecordingIntake(), list[BaseException]()
    commits = Commits(intake, errors.append)
    intake.hold_commits()
    for text in "abc":
        commits.submit(batch(text), 10, lambda: None)
    intake.error = OSError("disk failed")
    intake.release()
    await until(lambda: commits.size == 0)
    gc.collect()
    assert errors == [intake.error]
    assert logged == []


async def test_draining_gives_up_what_takes_too_long_and_leaves_no_task() -> None:
    intake, done = RecordingIntake(), list[str]()
    before = asyncio.all_tasks()
    commits = Commits(intake, never)
    intake.hold_commits()
    commits.submit(batch("a"), 10, lambda: done.append("a"))
    await commits.drain(0.01)
    assert asyncio.all_tasks() == before
    assert done == []
    assert intake.batches == []


@pytest.mark.parametrize("seconds", [0.0, 0.05])
async def test_draining_leaves_no_task_of_what_an_action_hands_in(seconds: float) -> None:
    intake = RecordingIntake()
    before = asyncio.all_tasks()
    commits = Commits(intake, never)

    def hand_in_more() -> None:
        intake.hold_commits()
        commits.submit(batch("b"), 10, lambda: None)

    commits.submit(batch("a"), 10, hand_in_more)
    while not intake.batches:  # noqa: ASYNC110 - to the step: its action has not run
        await asyncio.sleep(0)
    await commits.drain(seconds)
    assert asyncio.all_tasks() == before
    assert commits.size == 0
