"""Everything that commands can ask of a gateway: under which path, and who answers.

The daemon serves these over its control socket. Without a daemon the command
answers them itself, from the store, with the same code.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from edge.control.decisions import Decisions
from edge.control.messages import (
    Audited,
    AuditPage,
    ByNumber,
    ChooseEntries,
    CutOver,
    CutOverDone,
    Decide,
    Decided,
    DiscardSignals,
    Entries,
    Gaps,
    JudgedAgain,
    Lines,
    Message,
    Newest,
    Numbers,
    Quarantined,
    QuarantinePage,
    RawSignals,
    RecoverStore,
    Reload,
    Reloaded,
    StoreRecovered,
    TakeIn,
    TakenIn,
)
from edge.control.questions import Questions

A = TypeVar("A", bound=Message)
B = TypeVar("B", bound=Message)


QUESTION_SECONDS = 15.0
"""A question never waits for a commit, and looks at a page of rows: a slow disk's seconds."""
DECISION_SECONDS = 60.0
"""One piece of an act takes one commit, which on a bad day waits for the disk."""
RECOVERY_SECONDS = 6 * 3600.0
"""A recovery reads all of a store, and writes it."""


@dataclass(frozen=True, slots=True)
class Question(Generic[A, B]):
    """Something that is answered from what is committed."""

    path: str
    asked: type[A]
    answer: type[B]
    ask: Callable[[Questions, A], Awaitable[B]]
    seconds: float = QUESTION_SECONDS
    """How long an answer may take."""


@dataclass(frozen=True, slots=True)
class Decision(Generic[A, B]):
    """Something that changes the store, and is recorded with who did it."""

    path: str
    asked: type[A]
    answer: type[B]
    decide: Callable[[Decisions, A, str], Awaitable[B]]
    seconds: float = DECISION_SECONDS
    """How long an answer may take."""


CHOOSE = Question("/outbox/choose", ChooseEntries, Entries, Questions.entries)
OVERTAKEN = Question("/outbox/overtaken", ByNumber, Numbers, Questions.overtaken)
EXPORT = Question("/outbox/export", ByNumber, Lines, Questions.lines)
QUARANTINED = Question("/quarantine/list", QuarantinePage, Quarantined, Questions.quarantined)
QUARANTINED_BY_NUMBER = Question(
    "/quarantine/by-number", ByNumber, Quarantined, Questions.quarantined_by_number
)
RAW_SIGNALS = Question("/quarantine/signals", ByNumber, RawSignals, Questions.raw_signals)
GAPS = Question("/gaps", Newest, Gaps, Questions.gaps)
AUDITED = Question("/audit", AuditPage, Audited, Questions.audited)

QUESTIONS = (
    CHOOSE,
    OVERTAKEN,
    EXPORT,
    QUARANTINED,
    QUARANTINED_BY_NUMBER,
    RAW_SIGNALS,
    GAPS,
    AUDITED,
)

DECIDE = Decision("/outbox/decide", Decide, Decided, Decisions.decide)
TAKE_IN = Decision("/outbox/import", TakeIn, TakenIn, Decisions.take_in)
JUDGE_AGAIN = Decision("/quarantine/retry", ByNumber, JudgedAgain, Decisions.judge_again)
DISCARD_SIGNALS = Decision(
    "/quarantine/discard", DiscardSignals, Numbers, Decisions.discard_signals
)
RECOVER = Decision(
    "/store/recover", RecoverStore, StoreRecovered, Decisions.recover, RECOVERY_SECONDS
)
RELOAD = Decision("/rules/reload", Reload, Reloaded, Decisions.reload)
CUT_OVER = Decision("/rules/cutover", CutOver, CutOverDone, Decisions.cut_over)

DECISIONS = (DECIDE, TAKE_IN, JUDGE_AGAIN, DISCARD_SIGNALS, RECOVER, RELOAD, CUT_OVER)
