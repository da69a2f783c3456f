"""Which rules signals are judged by, and putting others in their place while the daemon runs."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import orjson
import structlog

from buffer import audit, journal, quarantine, rule_sets, tally, tracks
from buffer.store import Store
from drivers.contract import Clock
from edge.config import Configuration, ConfigurationFault
from edge.config.loading import load_text
from edge.config.rule_set import Change, NotTaken, change, needs_restart, rule_set_version
from edge.ingest import configured, prepared, succession
from edge.ingest.judging import Judge
from edge.milestones.engine import RulesEngine
from edge.milestones.operators.operator import FORMER

log = structlog.get_logger(__name__)

MOST_BEHIND = 20_000
"""Signals that other rules may have to catch up with; intake waits meanwhile."""


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
        """Put the rules in force from the next signal on, and note it unless they were already."""
        new = self._configuration
        version, text = rule_set_version(new), self._text()

        def note(connection: sqlite3.Connection) -> RulesEngine:
            last, now = rule_sets.in_force(connection), self._clock()
            if last is None or last.version != version:
                old = succession.in_force(connection)
                if old is not None:
                    succession.part_tracks(connection, old, new, now)
            if last is None or (last.version, last.configuration) != (version, text):
                rule_sets.append(connection, version, now, "start", text)
            return self._adopt(connection, new)

        self.engine = await self._store.write(note)

    async def reload(self, who: str) -> tuple[str, Change]:
        """Read the file again and take its rules over; return their version, and what is other.

        Signals that are committed before are judged by the old ones, those
        after by the new ones; what is known of open tracks stays.

        Raises:
            NotTaken: The file has faults, or differs in more than its rules.

        """
        async with self.turn:
            return await self._reload(who)

    async def _reload(self, who: str) -> tuple[str, Change]:
        new, text = await self._read()
        old = self._configuration
        version, differs = rule_set_version(new), change(old, new)

        def adopt(connection: sqlite3.Connection) -> RulesEngine:
            now = self._clock()
            rule_sets.append(connection, version, now, "reload", text)
            told = {"version": version, "added": differs.added, "changed": differs.changed}
            audit.append(connection, now, who, "rules.reload", told | {"removed": differs.removed})
            succession.part_tracks(connection, old, new, now)
            return self._adopt(connection, new)

        self.engine = await self._store.write(adopt)
        self._configuration = new
        self._on_adopted(new)
        log.info("rules_reloaded", version=version, who=who)
        return version, differs

    def _adopt(self, connection: sqlite3.Connection, new: Configuration) -> RulesEngine:
        """Judge by other rules, and by former ones what those have to finish."""
        engine = configured.rules_engine(
            new, succession.former_rules(connection, new), succession.sources_held(connection)
        )
        number = rule_sets.newest_number(connection)
        self.judge.adopt(number, configured.decoder(new), engine, configured.routes(new))
        return engine

    async def cut_over(self, how: Literal["cutover", "rollback"], who: str) -> tuple[str, int]:
        """Take the file's rules over with what was prepared for them (`edge.ingest.prepared`).

        Return their version, and how many milestones are new.

        Raises:
            NotTaken: As `reload`, or what was prepared is not for these rules in this place.

        """
        async with self.turn:
            return await self._cut_over(how, who)

    async def _cut_over(self, how: Literal["cutover", "rollback"], who: str) -> tuple[str, int]:
        new, text = await self._read()
        version = rule_set_version(new)
        before = rule_set_version(self._configuration)
        try:
            ready = await asyncio.to_thread(prepared.read, prepared.file_beside(self._store.path))
        except (OSError, ValueError, KeyError) as error:
            raise NotTaken(f"nothing is prepared ({error}); run `milepost {how}`") from error
        if (ready.before, ready.version) != (before, version):
            raise NotTaken(
                f"{self._file} has rules {version}, and {before} are in force; what is prepared "
                f"is for {ready.version} after {ready.before}. Run `milepost {how}` again"
            )

        def adopt(connection: sqlite3.Connection) -> tuple[RulesEngine, int]:
            now = self._clock()
            if journal.next_sequence(connection) - ready.up_to > MOST_BEHIND:
                raise NotTaken(f"too much was said since it was prepared: `milepost {how}` again")
            rule_sets.append(connection, version, now, how, text)
            told = {"version": version, "before": before, "rules": sorted(ready.owners)}
            audit.append(connection, now, who, f"rules.{how}", told)
            rows = [
                tracks.TrackRow(*track, orjson.dumps(known.state), known.due_at, now)
                for track, known in ready.tracks.items()
            ]
            # What former versions have to finish, the new ones know now.
            former = [f"{FORMER}{owner}:" for owner in ready.owners]
            finishing = [each for prefix in former for each in tracks.owners(connection, prefix)]
            tracks.replace(connection, [*ready.owners, *finishing], rows)
            return self._adopt(connection, new), self._catch_up(connection, ready, now)

        self.engine, added = await self._store.write(adopt)
        self._configuration = new
        self._on_adopted(new)
        log.info("rules_cut_over", version=version, before=before, how=how, who=who)
        return version, added

    def _catch_up(self, connection: sqlite3.Connection, ready: prepared.Prepared, now: int) -> int:
        """Tell what the old rules were about to, and judge what came since it was prepared."""
        added = self.judge.tell(connection, ready.milestones)
        for row in journal.behind(connection, ready.up_to):
            more, wrong = self.judge.again(connection, row)
            added += more
            if wrong and not quarantine.is_known(connection, row.seq):
                journal.quarantine(connection, [(row.seq, reason, now) for reason in wrong])
                tally.count(connection, {tally.QUARANTINED: len(wrong)})
        return added

    async def reload_whenever(self, asked: asyncio.Event) -> None:
        """Reload each time that it is asked for, by somebody who cannot be answered."""
        while True:
            await asked.wait()
            asked.clear()
            try:
                await self.reload("SIGHUP")
            except NotTaken as error:
                log.error("rules_not_reloaded", why=str(error))  # noqa: TRY400 - it says where

    async def _read(self) -> tuple[Configuration, str]:
        """Return what the file says, and its text."""
        if self._file is None:
            raise NotTaken("the configuration is not of a file that could be read again")
        try:
            text = await asyncio.to_thread(self._file.read_text, encoding="utf-8")
            new = await asyncio.to_thread(load_text, text, self._file)
        except (ConfigurationFault, OSError, UnicodeDecodeError) as fault:
            raise NotTaken(str(fault)) from fault
        if fixed := needs_restart(self._configuration, new):
            raise NotTaken(
                f"{self._file}: {', '.join(fixed)} changed, which takes a restart: "
                "`systemctl restart milepost`. Nothing was taken over"
            )
        return new, text

    def _text(self) -> str:
        return "" if self._file is None else self._file.read_text(encoding="utf-8")
