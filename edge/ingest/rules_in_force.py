"""Which rules signals are judged by, and putting others in their place while the daemon runs."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import structlog

from buffer import audit, rule_sets
from buffer.store import Store
from drivers.contract import Clock
from edge.config import Configuration, ConfigurationFault, load
from edge.config.rule_set import Change, NotTaken, change, needs_restart, rule_set_version
from edge.ingest import configured
from edge.ingest.judging import Judge
from edge.milestones.engine import RulesEngine

log = structlog.get_logger(__name__)


class RulesInForce:
    """The engine at work. What takes its place does so between two transactions."""

    def __init__(
        self,
        configuration: Configuration,
        file: Path | None,
        store: Store,
        *,
        clock: Clock,
        confirm: Callable[[int], None],
        on_adopted: Callable[[Configuration], None],
    ) -> None:
        """`file` is read again by `reload`; `on_adopted` is told when others are in force."""
        self._configuration = configuration
        self._file = file
        self._store = store
        self._clock = clock
        self._on_adopted = on_adopted
        self.engine: RulesEngine = configured.rules_engine(configuration)
        self.judge: Judge = configured.judge(configuration, self.engine, clock, confirm)
        self.turn = asyncio.Lock()
        """Held while deadlines are judged: their horizons are those of one engine."""

    async def begin(self) -> None:
        """Note which rules are in force from the next signal on, unless they were already."""
        version = rule_set_version(self._configuration)
        text = self._text()

        def note(connection: sqlite3.Connection) -> None:
            last = rule_sets.in_force(connection)
            if last is None or (last.version, last.configuration) != (version, text):
                rule_sets.append(connection, version, self._clock(), "start", text)

        await self._store.write(note)

    async def reload(self, who: str) -> tuple[str, Change]:
        """Read the file again and take its rules over; return their version, and what is other.

        Signals that are committed before are judged by the old ones, those
        after by the new ones; what is known of open tracks stays.

        Raises:
            NotTaken: The file has faults, or differs in more than its rules.

        """
        new = await self._read()
        version, differs = rule_set_version(new), change(self._configuration, new)
        text = self._text()
        engine = configured.rules_engine(new)

        def adopt(connection: sqlite3.Connection) -> None:
            now = self._clock()
            rule_sets.append(connection, version, now, "reload", text)
            told = {"version": version, "added": differs.added, "changed": differs.changed}
            audit.append(connection, now, who, "rules.reload", told | {"removed": differs.removed})
            self.judge.adopt(configured.decoder(new), engine, configured.routes(new))

        async with self.turn:
            await self._store.write(adopt)
            self._configuration, self.engine = new, engine
            self._on_adopted(new)
        log.info("rules_reloaded", version=version, who=who)
        return version, differs

    async def reload_and_log(self) -> None:
        """Reload for somebody who cannot be answered."""
        try:
            await self.reload("SIGHUP")
        except NotTaken as error:
            log.error("rules_not_reloaded", why=str(error))  # noqa: TRY400 - it says where

    async def _read(self) -> Configuration:
        if self._file is None:
            raise NotTaken("the configuration is not of a file that could be read again")
        try:
            new = await asyncio.to_thread(load, self._file)
        except ConfigurationFault as fault:
            raise NotTaken(str(fault)) from fault
        if fixed := needs_restart(self._configuration, new):
            raise NotTaken(
                f"{self._file}: {', '.join(fixed)} changed, which takes a restart: "
                "`systemctl restart milepost`. Nothing was taken over"
            )
        return new

    def _text(self) -> str:
        return "" if self._file is None else self._file.read_text(encoding="utf-8")
