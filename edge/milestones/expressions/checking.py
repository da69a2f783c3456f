"""What is known of an expression before any signal comes.

A field has no type until it is told, and the library checks none. So each part
is run with a value of every type for every field that it reads: what has no
result for any of them never has.
"""

from collections.abc import Iterator, Sequence
from itertools import product

from edge.milestones.expressions.program import NoResult, Program
from edge.milestones.expressions.syntax import Role, parts
from edge.milestones.model import Value

_NUMBERS = (2.718, 3.142, 1.414, 1.732, 2.236, 0.577)
"""One for each field: of equal ones differences are 0, and 0 / 0 is less than nothing."""


def _examples(count: int) -> Iterator[Sequence[Value]]:
    """Yield all combinations of a number, a text, a truth and null for so many fields."""
    return product(*((number, "2", True, None) for number in _NUMBERS[:count]))


def check(program: Program, role: Role) -> None:
    """Refuse an expression that can never have the result that it should.

    Raises:
        ValueError: It cannot; the message names the part and says why.

    """
    if len(program.reads) > len(_NUMBERS):
        raise ValueError(
            f"reads {len(program.reads)} fields; an expression reads at most {len(_NUMBERS)}"
        )
    for part in parts(program.text, program.tokens, role):
        _try(Program(part.text), part.role)


def _try(part: Program, role: Role) -> None:
    why, has_result = "", False
    for values in _examples(len(part.reads)):
        try:
            result = part.run(dict(zip(part.reads, values, strict=True)))
        except NoResult as fault:
            if part.reads and not fault.by_type:
                return
            why = why or fault.why
        else:
            if _fits(result, role):
                return
            has_result = True
    if has_result:
        raise ValueError(f"{part.text!r} is never {role.value}")
    raise ValueError(f"{part.text!r} has no result, whatever its fields are: {why}")


def _fits(result: object, role: Role) -> bool:
    if role is Role.TRUTH:
        return isinstance(result, bool)
    return role is Role.ANY or result is None or isinstance(result, (str, int, float))
