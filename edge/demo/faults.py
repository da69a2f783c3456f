"""What goes wrong during a demonstration, and when."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from edge.demo.stage import Stage

RESTART_SECONDS = 1.5
"""How long the daemon is gone: about what systemd waits before it starts it again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something done to the stage at a time of the play."""

    at: float
    words: str
    do: Callable[[], Awaitable[object]]


def timeline(stage: Stage, play: float, outage: float) -> Sequence[Fault]:
    """Return the faults of a play of so many seconds, in order of time.

    The ERP is down for `outage` seconds; meanwhile the daemon is killed, so
    that it must take up a backlog that it does not remember.
    """
    erp = stage.erp
    down = 0.25 * play
    faults = [
        Fault(
            0.0,
            "the ERP answers some posts with 500, and some, already booked, not at all",
            partial(
                asyncio.to_thread,
                erp.faults,
                error_rate=0.05,
                error_after_booking_rate=0.03,
                swallow_rate=0.02,
            ),
        ),
        Fault(0.15 * play, "the broker is restarted", partial(_in_thread, stage.broker.restart)),
        Fault(down, "the ERP goes down", partial(asyncio.to_thread, erp.faults, down=True)),
        Fault(0.5 * play, "the daemon is killed with SIGKILL", stage.kill_daemon),
        Fault(0.5 * play + RESTART_SECONDS, "the daemon is started again", stage.start_daemon),
        Fault(down + outage, "the ERP is back", partial(asyncio.to_thread, erp.faults, down=False)),
    ]
    return sorted(faults, key=lambda fault: fault.at)


async def _in_thread(do: Callable[[], None]) -> None:
    await asyncio.to_thread(do)


async def happen(faults: Sequence[Fault], say: Callable[[str], None]) -> None:
    """Let faults happen at their times, counted from now; each is said as it happens."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    for fault in faults:
        await asyncio.sleep(max(0.0, start + fault.at - loop.time()))
        say(fault.words)
        await fault.do()
