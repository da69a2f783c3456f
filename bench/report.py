"""A figure, and the one line that tells it."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import orjson


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured, with what it is to be compared with, measured beside it."""

    figure: str
    value: float
    unit: str
    of: Mapping[str, float] = field(default_factory=dict)
    """Denominators of the same run, in `unit` where the name says no other."""
    ratio_to: str | None = None
    """The name in `of` by which `value` is divided."""
    also: Mapping[str, float | str] = field(default_factory=dict)
    """What else was seen: sizes, shares, side results."""
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How much of the denominator is reached, or how many times it is taken."""
        return None if self.ratio_to is None else self.value / self.of[self.ratio_to]


def report(figure: Figure) -> None:
    """Print a figure as one line of JSON, with the load of the machine in the last minute."""
    _print({**asdict(figure), "ratio": figure.ratio, "load": os.getloadavg()[0]})


def report_absence(figure: str, reason: str) -> None:
    """Say that a figure could not be measured, and why."""
    _print({"figure": figure, "value": None, "note": reason})


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that so many percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def _print(line: Mapping[str, object]) -> None:
    sys.stdout.write(orjson.dumps(_rounded(line)).decode() + "\n")
    sys.stdout.flush()


def _rounded(told: object) -> object:
    """Keep three significant digits: more would be noise."""
    if isinstance(told, Mapping):
        return {name: _rounded(value) for name, value in told.items()}
    if isinstance(told, float):
        return round(told) if abs(told) >= 100 else float(f"{told:.3g}")  # noqa: PLR2004 - digits
    return told
