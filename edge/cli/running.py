"""`milepost run`: the daemon's process, its log and its exit code."""

import asyncio
import logging
import sys
from pathlib import Path

import structlog
import typer
import uvloop
from structlog.typing import Processor

from buffer.failures import StoreFailed, StoreRefused
from buffer.reader import Reader
from buffer.store import Store
from drivers.contract import system_clock
from edge.config import Configuration
from edge.control.server import SocketUnusable
from edge.daemon import Daemon
from edge.exits import Exit

log = structlog.get_logger(__name__)


def run_daemon(configuration: Configuration, file: Path) -> int:
    """Run until told to stop; return the exit code. `file` is where the configuration stands."""
    _log_as_json()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(configuration, file))
    except StoreRefused as refused:
        typer.echo(str(refused), err=True)
        return Exit.STORE_REFUSED
    except StoreFailed as failed:  # while it was opened
        typer.echo(str(failed), err=True)
        return Exit.STORE_FAILED
    except BaseExceptionGroup as group:
        first = _first(group)
        if isinstance(first, StoreFailed):
            advice = f"check the disk: `df {configuration.store.path.parent}`, `journalctl -k`"
            log.critical(
                "store_failed", reason=f"{first}; nothing was acknowledged since; {advice}"
            )
            return Exit.STORE_FAILED
        if isinstance(first, SocketUnusable):
            typer.echo(str(first), err=True)
            return Exit.CONFIGURATION
        raise
    return 0


async def _run(configuration: Configuration, file: Path | None = None) -> None:
    settings = configuration.store
    store = Store.open(
        settings.path,
        max_size=settings.max_size,
        when_corrupt=settings.when_corrupt,
        clock=system_clock,
    )
    looked_up = False
    try:
        async with Reader.open(configuration.store.path) as reader:
            daemon = Daemon(configuration, store, reader, system_clock, file)
            await daemon.run()
            looked_up = await daemon.has_looked_up()
    finally:
        await store.close(looked_up=looked_up)


def _first(error: BaseException) -> BaseException:
    """Return the first of the exceptions in a group, however deep: what ended the others."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _log_as_json() -> None:
    """Write events as JSON lines to standard error, where systemd's journal takes them."""
    told: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    written: list[Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[*told, *written],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries, asyncio among them, use Python's own logging, which writes plain text.
    of_libraries = logging.StreamHandler(sys.stderr)
    of_libraries.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *told],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *written],
        )
    )
    logging.basicConfig(handlers=[of_libraries], level=logging.WARNING)
