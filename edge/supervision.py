"""Keeping drivers running: each restarts on its own, with backoff, whatever the others do."""

import asyncio
import random
from collections.abc import Awaitable, Callable

import structlog

from buffer.failures import StoreFailed
from drivers.contract import Link, LinkDown
from edge.deliver.backoff import delay

log = structlog.get_logger(__name__)

RESTART_INITIAL_SECONDS = 0.5
RESTART_CEILING_SECONDS = 15.0
STEADY_SECONDS = 30.0
"""After running so long, a driver's earlier failures are forgotten."""


def log_change(link: Link) -> None:
    """Log that a link went up or down, or is down for another reason; see `Link.on_change`."""
    if link.is_up:
        log.info("link_up", link=link.name)
    else:
        log.warning("link_down", link=link.name, reason=link.reason)


async def keep_running(
    name: str, run: Callable[[], Awaitable[None]], link: Link, draw: random.Random
) -> None:
    """Run a driver until it ends by itself or is cancelled; after a failure, run it again.

    A lost connection is normal and shows in the link. Anything else that a
    driver raises is a fault of its code: logged with its traceback, shown in
    the link, and the driver is started again, because the site needs it.

    Raises:
        StoreFailed: No driver can do anything without the store.

    """
    loop = asyncio.get_running_loop()
    failures = 0
    while True:
        started = loop.time()
        try:
            await run()
        except LinkDown as error:
            link.down(str(error))
        except StoreFailed:
            raise
        except Exception as error:  # a driver must never take the daemon with it
            if store_failed := _store_failure(error):
                raise store_failed from error
            link.down(f"the driver failed: {error!r}; see the log")
            log.exception("driver_failed", link=name)
        else:
            return
        failures = 1 if loop.time() - started > STEADY_SECONDS else failures + 1
        wait = delay(failures, RESTART_INITIAL_SECONDS, RESTART_CEILING_SECONDS, draw)
        await asyncio.sleep(wait)


def _store_failure(error: BaseException) -> StoreFailed | None:
    """Find a failure of the store inside what a task group raised."""
    if isinstance(error, StoreFailed):
        return error
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            if found := _store_failure(inner):
                return found
    return None
