"""The options by which entries and quarantined signals are chosen."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Annotated, cast, get_args

import typer

from buffer.outbox import State
from drivers.contract import system_clock
from edge.milestones.model import Name

_AGO = re.compile(r"(\d+)\s*(s|min|m|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_ID = re.compile(r"[0-9a-f]{32}")
_LARGEST = 2**63 - 1
"""The largest number that the store can give."""


def moment(text: str) -> int:
    """Return a time, in milliseconds since the Unix epoch.

    It is a date, or a date and a time, in ISO 8601 (without an offset: this
    machine's own time), or so long ago: "45s", "30m", "2h", "3d", "1w".
    """
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return system_clock() - int(ago[1]) * _SECONDS[ago[2]] * 1000
    try:
        at = datetime.fromisoformat(text.strip()).astimezone()
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is no time; expected e.g. '2h', '3d', '2026-11-22' or '2026-11-22T14:00'"
        ) from None
    return round((at - datetime.fromtimestamp(0, at.tzinfo)) / timedelta(milliseconds=1))


def milestone(text: str) -> str:
    """Return a milestone's id or name, if it can be one."""
    if _ID.fullmatch(text) or text in {*Name}:
        return text
    raise typer.BadParameter(
        f"{text!r} is neither an id (32 hexadecimal digits) nor one of {', '.join(Name)}"
    )


def entry(text: str) -> int:
    """Return an entry's number."""
    return _number(text, f"no entry's number; for an order, unit or trailer: `--key {text}`")


def signal(text: str) -> int:
    """Return the number of a signal in quarantine."""
    return _number(text, "no signal's number; `milepost quarantine list --each` tells them")


def _number(text: str, what_else: str) -> int:
    if re.fullmatch("[0-9]+", text) and 0 < int(text) <= _LARGEST:
        return int(text)
    raise typer.BadParameter(f"{text!r} is {what_else}")


def reason(text: str) -> str:
    """Return why something is discarded: a text that is not empty."""
    if not text.strip():
        raise typer.BadParameter("say why; it is kept with what is discarded")
    return text


EntriesArgument = Annotated[
    list[int] | None,
    typer.Argument(
        parser=entry,
        metavar="ENTRY",
        help="Their numbers, as `milepost outbox` lists them.",
    ),
]
KeyOption = Annotated[
    str | None, typer.Option(help="What tells of this order, unit or trailer, as `trace` has it.")
]
MilestoneOption = Annotated[
    str | None, typer.Option(parser=milestone, metavar="ID|NAME", help="This milestone, or kind.")
]
DestinationOption = Annotated[str | None, typer.Option(help="Owed to this destination.")]
StateOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="STATE",
        help="pending, dead (the dead letters), delivered or discarded. May be repeated.",
    ),
]
SinceOption = Annotated[
    int | None, typer.Option(parser=moment, metavar="TIME", help="Then or later: '2h', ISO 8601.")
]
UntilOption = Annotated[int | None, typer.Option(parser=moment, metavar="TIME", help="Before.")]
AllOption = Annotated[bool, typer.Option("--all", help="All, if nothing else says which.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Show what would be touched, and touch nothing.")
]
ReasonOption = Annotated[
    str, typer.Option(parser=reason, metavar="WHY", help="Why; kept with what is discarded.")
]
ActLimitOption = Annotated[int | None, typer.Option(min=1, help="At most so many.")]
ListLimitOption = Annotated[int, typer.Option(min=1, help="At most so many.")]


@dataclass(frozen=True, slots=True)
class Criteria:
    """What an operator says of the entries that are meant."""

    entries: Sequence[int] | None
    key: str | None
    milestone: str | None
    destination: str | None
    in_states: Sequence[str] | None
    since: int | None
    until: int | None
    limit: int | None

    @property
    def states(self) -> frozenset[State]:
        """The states that are said; none: any.

        Raises:
            typer.BadParameter: One of them is no state.

        """
        known = get_args(State)
        for given in self.in_states or ():
            if given not in known:
                raise typer.BadParameter(f"--state {given!r} is not one of {', '.join(known)}")
        return frozenset(cast("Sequence[State]", self.in_states or ()))

    @property
    def is_narrow(self) -> bool:
        """Whether anything but the destination and the state is said."""
        said = (self.key, self.milestone, self.since, self.until)
        return bool(self.entries) or any(each is not None for each in said)

    def demand(self, *, everything: bool) -> None:
        """End the command if nothing says which entries are meant, not even `--all`.

        Raises:
            typer.BadParameter: Nothing does.

        """
        if not (self.is_narrow or self.destination or self.in_states or everything):
            raise typer.BadParameter("say which: by number, by an option, or --all")


@dataclass(frozen=True, slots=True)
class SignalCriteria:
    """What an operator says of the signals in quarantine that are meant."""

    numbers: Sequence[int] | None
    source: str | None
    subject: str | None
    """`*` stands for anything."""
    why: str | None
    """A text in the reason; `*` as above."""
    since: int | None
    """Of when they were set apart."""
    until: int | None
    limit: int | None

    def demand(self, *, everything: bool) -> None:
        """End the command if nothing says which signals are meant, not even `--all`.

        Raises:
            typer.BadParameter: Nothing does.

        """
        said = (self.source, self.subject, self.why, self.since, self.until)
        if not (self.numbers or everything or any(each is not None for each in said)):
            raise typer.BadParameter("say which: by number, by an option, or --all")

    def are_met(self, source: str | None, subject: str | None, reason: str, at: int) -> bool:
        """Tell whether a signal is meant, unless it is named by its number."""
        return (
            (self.source is None or self.source == source)
            and (self.subject is None or _matches(self.subject, subject or ""))
            and (self.why is None or _matches(f"*{self.why}*", reason))
            and (self.since is None or at >= self.since)
            and (self.until is None or at < self.until)
        )


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)


def _matches(pattern: str, text: str) -> bool:
    return _pattern(pattern).fullmatch(text) is not None
