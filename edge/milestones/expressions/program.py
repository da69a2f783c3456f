"""An expression in the library's hands: compiled once, run on fields."""

import logging
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from edge.milestones.expressions import complaints, syntax
from edge.milestones.expressions.functions import FUNCTIONS, OURS
from edge.milestones.model import Value

EXACT = 2**53
"""Up to it, doubles tell all whole numbers apart."""
_LONGEST_SHOWN = 60


class NoResult(Exception):
    """An expression has no result for these fields; the message tells it, them and why."""

    def __init__(self, program: "Program", given: Mapping[str, Value], why: str, *, by_type: bool):
        shown = ", ".join(f"{name} = {_shown(given.get(name))}" for name in program.reads)
        super().__init__(f"{program.text!r} has no result{f' for {shown}' if shown else ''}: {why}")
        self.why = why
        self.by_type = by_type
        """No other values of the same types would have one."""


class Program:
    """A compiled expression. It reads nothing but the fields: no clock, no state.

    Raises:
        ValueError: The text is no expression, or not one that may be written.

    """

    __slots__ = ("_execute", "_functions", "reads", "text", "tokens")

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = syntax.read(text, FUNCTIONS)
        self.reads = syntax.fields(self.tokens)
        """The fields that it reads, each once."""
        called = syntax.calls(self.tokens)
        self._functions = {name: ours for name, ours in OURS.items() if name in called}
        if both := self._functions.keys() & set(self.reads):
            raise ValueError(f"{min(both)!r} is a function and a field here; rename the field")
        try:
            self._execute = _compiler()(text).execute
        except ValueError as error:
            raise ValueError(complaints.not_parsed(str(error))) from None

    def run(self, fields: Mapping[str, Value]) -> Any:
        """Return the result: a scalar, or a list of them. A number is a double, no field null.

        Raises:
            NoResult: It has none for these fields.

        """
        try:
            if not self.reads and not self._functions:
                return self._execute()
            context: dict[str, Value | Callable[..., Value]] = dict(self._functions)
            for name in self.reads:
                value = fields.get(name)
                context[name] = _double(value) if type(value) is int else value
            return self._execute(context)
        except Exception as error:  # noqa: BLE001 - the library raises whatever fits
            words, by_type = complaints.no_result(error)
            raise NoResult(self, fields, words, by_type=by_type) from None


@cache
def _compiler() -> Callable[[str], Any]:
    # It brings a command line with it, which takes 0.1 s to import: only who needs it pays.
    from cel import compile as compile_  # noqa: PLC0415

    # It logs each fault of a function, beside raising it.
    logging.getLogger("cel").setLevel(logging.CRITICAL)
    return compile_


def _double(value: int) -> float:
    if not -EXACT <= value <= EXACT:
        raise OverflowError(f"{value} has too many digits to calculate with")
    return float(value)


def _shown(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str() if len(value) > _LONGEST_SHOWN:
            return f"{value[:_LONGEST_SHOWN]!r}…"
        case str() | int() | float():
            return repr(value)
        case _:  # a milestone may tell one
            return "a list"
