"""What can be asked of a gateway, whether it runs or not: answered from the store alone."""

from typing import Any

import orjson

from buffer import quarantine, selection
from buffer.audit import SQL as AUDIT
from buffer.audit import AuditRow
from buffer.reader import Reader
from edge.control.lines import Line, MilestoneLine
from edge.control.messages import (
    Audited,
    AuditPage,
    ByNumber,
    ChooseEntries,
    Entries,
    Gaps,
    Lines,
    Newest,
    Numbers,
    Quarantined,
    QuarantinePage,
    RawSignals,
)

AUDIT_PAGE = 1000


class Questions:
    """Reads what operators ask for. Changes nothing."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def entries(self, asked: ChooseEntries) -> Entries:
        """Return a page of the entries chosen."""
        page = await selection.choose(self._reader, asked.selection, asked.after)
        return Entries(entries=page.entries, after=page.after)

    async def overtaken(self, asked: ByNumber) -> Numbers:
        """Return which entries have a newer one of their key delivered."""
        found = await selection.overtaken(self._reader, asked.numbers)
        return Numbers(numbers=tuple(sorted(found)))

    async def lines(self, asked: ByNumber) -> Lines:
        """Return entries with everything needed to deliver them from another gateway."""
        numbers = orjson.dumps(sorted(asked.numbers)).decode()
        rows = await self._reader.rows(selection.SQL["whole"], (numbers,))
        return Lines(lines=tuple(_line(*row) for row in rows))

    async def quarantined(self, asked: QuarantinePage) -> Quarantined:
        """Return the next signals in quarantine."""
        rows = await quarantine.page(self._reader, asked.after, decided=asked.decided)
        return Quarantined(signals=tuple(rows))

    async def quarantined_by_number(self, asked: ByNumber) -> Quarantined:
        """Return signals in quarantine; those that there are."""
        return Quarantined(signals=tuple(await quarantine.by_number(self._reader, asked.numbers)))

    async def raw_signals(self, asked: ByNumber) -> RawSignals:
        """Return the signals themselves."""
        found = [(number, await quarantine.raw(self._reader, number)) for number in asked.numbers]
        return RawSignals(signals=tuple((n, signal) for n, signal in found if signal is not None))

    async def gaps(self, asked: Newest) -> Gaps:
        """Return the newest losses."""
        return Gaps(gaps=tuple(await self._reader.latest_gaps(asked.limit)))

    async def audited(self, asked: AuditPage) -> Audited:
        """Return the next rows of the audit log."""
        rows = await self._reader.rows(AUDIT["audited"], (asked.after, AUDIT_PAGE))
        return Audited(rows=tuple(AuditRow(*row) for row in rows))


def _line(
    entry: int, destination: str, state: Any, attempts: int, outcome: str | None, *milestone: Any
) -> Line:
    identity, name, rule, key, occurred_at, recorded_at, mark, retracts, body, keys = milestone
    return Line(
        entry=entry,
        destination=destination,
        state=state,
        attempts=attempts,
        outcome=outcome,
        milestone=MilestoneLine(
            id=identity.hex(),
            name=name,
            rule=rule,
            key=key,
            keys=tuple(orjson.loads(keys)),
            occurred_at=occurred_at,
            recorded_at=recorded_at,
            mark=mark,
            retracts=retracts.hex() if retracts else None,
            body=body.decode(),
        ),
    )
