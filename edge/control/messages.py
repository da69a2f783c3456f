"""What operators' commands ask for and decide, and the answers: JSON over the control socket."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from buffer.audit import AuditRow
from buffer.decisions import Act
from buffer.journal import GapRow, SignalRow
from buffer.maintenance.recovery import Recovered
from buffer.outbox import State
from buffer.quarantine import QuarantinedRow
from buffer.reader import EntryRow
from buffer.selection import Selection
from edge.control.lines import Line

PIECE = 300
"""An act on many goes in pieces of so many: each is one transaction and one record of the audit."""

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Piece = Annotated[tuple[int, ...], Field(max_length=PIECE)]


class Message(BaseModel):
    """One request, or one answer. Bytes are base64."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64"
    )


class ChooseEntries(Message):
    """Ask for a page of entries."""

    selection: Selection
    after: str = ""


class Entries(Message):
    """A page of entries; `after` is where the next one begins, None after the last."""

    entries: tuple[EntryRow, ...]
    after: str | None


class ByNumber(Message):
    """Name what is meant by number: entries, or signals in quarantine."""

    numbers: Piece


class Numbers(Message):
    """Answer with those of the numbers that it is true of."""

    numbers: tuple[int, ...]


class Lines(Message):
    """Entries with everything needed to deliver them from another gateway."""

    lines: tuple[Line, ...]


class Decide(Message):
    """Decide about entries; to discard takes a reason."""

    act: Act
    numbers: Piece
    reason: Reason | None = None


class Decided(Message):
    """Which entries were touched, and which not, with the state that they are in."""

    entries: tuple[int, ...]
    others: tuple[tuple[int, State | None], ...]


class TakeIn(Message):
    """Owe milestones of another gateway to this one's destinations; or only look."""

    lines: Annotated[tuple[Line, ...], Field(max_length=PIECE)]
    only_look: bool


class TakenIn(Message):
    """How many are owed from now on, how many were already; with any fault, nothing was written."""

    owed: int
    known: int
    faults: tuple[tuple[int, str], ...]
    """(index in the request, what is wrong)."""


class QuarantinePage(Message):
    """Ask for signals in quarantine behind a number: open ones, or also those decided on."""

    after: int = 0
    decided: bool = False


class Quarantined(Message):
    """Signals in quarantine; none if there are no more."""

    signals: tuple[QuarantinedRow, ...]


class RawSignals(Message):
    """(number in quarantine, signal); without those that the journal no longer keeps."""

    signals: tuple[tuple[int, SignalRow], ...]


class JudgedAgain(Message):
    """What came of judging signals again."""

    judged: tuple[int, ...]
    milestones: int
    refused: tuple[tuple[int, str], ...]
    """They stay open: what is wrong with them by the configuration in force."""
    others: tuple[int, ...]
    """They are not open, or the journal no longer keeps them."""


class DiscardSignals(Message):
    """Give up signals in quarantine."""

    numbers: Piece
    reason: Reason


class RecoverStore(Message):
    """Bring over what can be read of a store that was set aside in a directory."""

    directory: Path


class Reload(Message):
    """Have the configuration file read again."""


class Reloaded(Message):
    """The rules in force, and how they differ from those before."""

    version: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


class CutOver(Message):
    """Have the configuration file read again, and what was prepared for its rules."""

    how: Literal["cutover", "rollback"]


class CutOverDone(Message):
    """The rules in force, and how many milestones they told that the old ones were about to."""

    version: str
    milestones: int


class StoreRecovered(Message):
    """What came of it."""

    recovered: Recovered


class Newest(Message):
    """Ask for so many of the newest."""

    limit: Annotated[int, Field(ge=1, le=10_000)]


class Gaps(Message):
    """Losses, the newest first."""

    gaps: tuple[GapRow, ...]


class AuditPage(Message):
    """Ask for a page of the audit log behind a number."""

    after: int = 0


class Audited(Message):
    """Rows of the audit log, in order; none if there are no more."""

    rows: tuple[AuditRow, ...]
