"""Failures in an operator's words."""

import asyncio
import contextlib
import socket
from pathlib import Path

import pytest
from asyncua import ua
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError

from drivers.contract import LinkDown
from drivers.opcua.failures import describe, told_as_link_down

ENDPOINT = "opc.tcp://plc:4840"


def answered(status: int) -> Exception:
    """Return what the library raises for a status."""
    try:
        ua.StatusCode(ua.UInt32(status)).check()
    except UaError as error:
        return error
    raise AssertionError(status)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(), "is the port right"),
        (socket.gaierror(-2, "unknown"), "name service"),
        (TimeoutError(), "within 4 s"),
        (ConnectionError("Connection is closed"), "closed by the other side"),
        (OSError(113, "No route to host"), "No route to host"),
        (answered(StatusCodes.BadTooManySessions), "has no session left"),
        (answered(StatusCodes.BadOutOfService), "answers BadOutOfService ("),
        (UaError("No matching endpoints"), "No matching endpoints"),
        (AssertionError(), "cannot be understood: AssertionError()"),
        (Exception("bare"), "bare"),
    ],
)
async def test_whatever_the_library_raises_is_a_link_down_that_says_what_to_do(
    error: Exception, words: str
) -> None:
    with pytest.raises(LinkDown) as down, told_as_link_down(ENDPOINT, 4):
        raise error
    assert words in str(down.value)
    assert ENDPOINT in str(down.value)
    assert down.value.__cause__ is error


async def test_a_file_of_ours_that_cannot_be_read_is_named_and_not_the_network(
    tmp_path: Path,
) -> None:
    with pytest.raises(LinkDown) as down, told_as_link_down(ENDPOINT, 4):
        (tmp_path / "ours.der").read_bytes()
    assert f"cannot read {tmp_path}/ours.der (No such file" in str(down.value)
    assert "network" not in str(down.value)


async def test_a_request_that_the_library_cancels_does_not_end_a_task_in_silence() -> None:
    async def ask() -> None:
        with told_as_link_down(ENDPOINT, 4):
            raise asyncio.CancelledError

    with pytest.raises(LinkDown):
        await asyncio.create_task(ask())


async def test_a_cancelled_task_stays_cancelled() -> None:
    async def ask() -> None:
        with told_as_link_down(ENDPOINT, 4):
            await asyncio.Event().wait()

    task = asyncio.create_task(ask())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("instead", [None, ConnectionError("closed")])
async def test_a_cancellation_that_the_library_swallows_is_not_lost(
    instead: Exception | None,
) -> None:
    async def ask() -> None:
        with told_as_link_down(ENDPOINT, 4):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            if instead is not None:
                raise instead

    task = asyncio.create_task(ask())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


def test_a_status_is_its_name_and_meaning_whatever_its_information_bits() -> None:
    assert describe(StatusCodes.BadNodeIdUnknown).startswith("BadNodeIdUnknown (The node id")
    assert describe(StatusCodes.BadNodeIdUnknown | 0x0480) == describe(StatusCodes.BadNodeIdUnknown)
    assert describe(0x8FFF0000) == "status 0x8FFF0000"
