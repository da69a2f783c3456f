"""Tests of rules, as they stand in a TOML file: signals in, milestones out.

Times are seconds from the start of a test, which is the same moment for all.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

import orjson
from pydantic import AfterValidator, Field, model_validator

from drivers.contract import Settings, Signal
from edge.milestones.model import Mark, Name

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
"""When each test begins."""
LONGEST_SECONDS = 3660 * 86_400.0


def _json(value: Any) -> Any:
    """Refuse what JSON cannot say, and what it would say as null.

    Raises:
        ValueError: The message says what.

    """
    try:
        text = orjson.dumps(value)
    except TypeError as error:
        raise ValueError(f"cannot be written as JSON: {error}") from None
    if b"null" in text and _has_no_number(value):
        raise ValueError("nan and inf cannot be written as JSON")
    return value


def _has_no_number(value: Any) -> bool:
    match value:
        case float():
            return not math.isfinite(value)
        case dict():
            return any(map(_has_no_number, value.values()))
        case list():
            return any(map(_has_no_number, value))
        case _:
            return False


Json = Annotated[Any, AfterValidator(_json)]
Table = Annotated[Mapping[str, Any], AfterValidator(_json)]
Seconds = Annotated[float, Field(ge=0, le=LONGEST_SECONDS)]


class GivenSignal(Settings):
    """A signal, as a source would hand it in."""

    at: Seconds = 0
    """When it happened."""
    late: Seconds = 0
    """How much later it reaches the gateway."""
    source: str
    subject: str
    payload: Json
    """A text is taken as it is, anything else is written as JSON.

    `{time}` in a text stands for when it happened, in ISO 8601; the text `{time_ms}` alone for the
    number of milliseconds since 1970.
    """
    good: bool = True
    """What an OPC UA server says of the value."""

    def as_signal(self) -> Signal:
        """Return what the source hands in."""
        moment = START + timedelta(seconds=self.at)
        payload = _with_time(self.payload, moment)
        received = moment + timedelta(seconds=self.late)
        return Signal(
            subject=self.subject,
            payload=payload.encode() if isinstance(payload, str) else orjson.dumps(payload),
            received_at=_milliseconds(received),
            source_at=None,
            good=self.good,
        )


class ExpectedMilestone(Settings):
    """A milestone that must be concluded."""

    at: Seconds
    """When it happened."""
    name: Name
    key: str
    """Whose it is, e.g. "order:SO-1"."""
    attributes: Table = Field(default_factory=dict)
    """What it must tell; it may tell more. Exceptions also tell `severity` and `blocks`."""
    mark: Mark = Mark.IN_ORDER
    retraction: bool = False
    """Whether it declares one false that was concluded before."""


class RuleTest(Settings):
    """What must be concluded from some signals, and nothing else."""

    name: Annotated[str, Field(min_length=1)]
    """What holds, as a sentence."""
    signals: Annotated[tuple[GivenSignal, ...], Field(min_length=1)]
    milestones: tuple[ExpectedMilestone, ...] = ()
    """All that must be concluded, from these signals or for want of others."""
    quarantine: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Why signals cannot be judged: a part of each reason."""
    until: Seconds | None = None
    """When the test ends; unless told, when every deadline has passed."""

    @property
    def end(self) -> float:
        """When the test ends, in milliseconds since 1970."""
        return math.inf if self.until is None else _milliseconds(START) + self.until * 1000

    @model_validator(mode="after")
    def _ends_after_its_signals(self) -> Self:
        if self.until is not None and self.until < max(s.at + s.late for s in self.signals):
            raise ValueError("`until` is before the last signal reaches the gateway")
        return self


class RuleTests(Settings):
    """A file of tests."""

    configuration: Path
    """Whose rules are tested; relative to the file."""
    tests: Annotated[tuple[RuleTest, ...], Field(min_length=1)]


def seconds_after_start(milliseconds: int) -> float:
    """Return how long after the start of a test it was."""
    return (milliseconds - _milliseconds(START)) / 1000


def _milliseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def _with_time(value: Any, moment: datetime) -> Any:
    match value:
        case "{time_ms}":
            return _milliseconds(moment)
        case str():
            iso = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            return value.replace("{time}", iso)
        case dict():
            return {key: _with_time(each, moment) for key, each in value.items()}
        case list():
            return [_with_time(each, moment) for each in value]
        case _:
            return value
