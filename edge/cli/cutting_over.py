"""`milepost cutover` and `milepost rollback`: other rules, from one signal to the next."""

import asyncio
import os
import shutil
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from buffer import rule_sets
from buffer.failures import StoreFailed
from buffer.reader import Reader
from edge.cli.options import configuration as load_or_end
from edge.cli.reaching import NOTHING_DONE, Gateway, with_gateway
from edge.config import Configuration, ConfigurationFault
from edge.config.loading import load_text
from edge.config.rule_set import needs_restart, rule_set_version
from edge.control.client import Control, NotAllowed, NotRunning
from edge.control.messages import CutOver
from edge.control.operations import CUT_OVER
from edge.exits import Exit
from edge.ingest import prepared
from edge.rules.cutting_over import NotSafe, prepare
from edge.wording import counted

How = Literal["cutover", "rollback"]

MOST_LOOKED_AT = 1000
"""Rule sets among which another than the one in force is looked for."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which rules follow which."""

    old: Configuration
    new: Configuration
    text: str
    """The configuration with the new ones, as it is written."""


def cut_over(file: Path, text: str | None, how: How) -> int:
    """Put the rules of a configuration in force, and into the file; return the exit status.

    Args:
        file: The installed configuration.
        text: The configuration with the rules; None: the one before that in force.
        how: Under which name it is recorded.

    """
    installed = load_or_end(file)
    beside = prepared.file_beside(installed.store.path)
    try:
        plan = asyncio.run(_plan(installed, text))
        passed_over = asyncio.run(_prepare(installed, plan, beside))
        was = file.read_text(encoding="utf-8")
        _install(file, plan.text)
        status = with_gateway(installed, lambda gateway: _take_over(gateway, how, passed_over))
        # Without an answer it may have been done: the file is then what it would be.
        if status == NOTHING_DONE:
            _install(file, was)
    except (NotSafe, NotRunning, NotAllowed, ConfigurationFault) as reason:
        typer.echo(f"nothing was done: {reason}", err=True)
        return NOTHING_DONE
    except StoreFailed as failure:
        typer.echo(str(failure), err=True)
        return Exit.STORE_REFUSED
    except OSError as error:
        typer.echo(f"nothing was done: {error}; use sudo", err=True)
        return NOTHING_DONE
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    return status


async def _plan(installed: Configuration, text: str | None) -> _Plan:
    async with Reader.open(installed.store.path) as reader:
        sets = await rule_sets.newest(reader, MOST_LOOKED_AT)
    if not sets:
        raise NotSafe("no rules have been in force yet; start the daemon with them")
    if text is None:
        text = next((each.configuration for each in sets if each.version != sets[0].version), None)
    if text is None:
        raise NotSafe("there were no other rules before")
    old, new = load_text(sets[0].configuration), load_text(text)
    if rule_set_version(old) == rule_set_version(new):
        raise NotSafe(f"rules {sets[0].version} are in force already")
    if fixed := needs_restart(old, new):
        raise NotSafe(f"{', '.join(fixed)} changed, which takes a restart; let only rules differ")
    return _Plan(old, new, text)


async def _prepare(installed: Configuration, plan: _Plan, beside: Path) -> Counter[str]:
    """Write what is prepared beside the store; return what it passes over."""
    links = Control(installed.control.socket).health().facts.links
    heard = [link.heard_until for link in links if link.direction == "source"]
    known = [time for time in heard if time is not None]
    if len(known) < len(heard):
        raise NotSafe("a source is still catching up (`milepost health`); try again when it has")
    async with Reader.open(installed.store.path) as reader:
        ready, passed_over = await prepare(reader, plan.old, plan.new, min(known, default=0))
    prepared.write(beside, ready)
    return passed_over


async def _take_over(gateway: Gateway, how: How, passed_over: Counter[str]) -> int:
    done = await gateway.decide(CUT_OVER, CutOver(how=how))
    typer.echo(f"rules {done.version} are in force")
    if done.milestones:
        typer.echo(f"{counted(done.milestones, 'milestone')} told that were still open")
    for name, number in sorted(passed_over.items()):
        typer.echo(
            f"not told: {number} {name} that only these rules conclude, from what the others were "
            "done with"
        )
    return 0


def _install(file: Path, text: str) -> None:
    """Replace the file's text in one step; whose it is and who may read it stays."""
    if file.read_text(encoding="utf-8") == text:
        return
    target = file.resolve()
    new = target.with_name(f".{target.name}.new")
    new.write_text(text, encoding="utf-8")
    shutil.copymode(target, new)
    owner = target.stat()
    if os.geteuid() == 0:
        os.chown(new, owner.st_uid, owner.st_gid)
    new.replace(target)
