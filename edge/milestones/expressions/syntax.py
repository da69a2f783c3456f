"""What of CEL may be written, and the parts that an expression is judged in.

The library parses; this looks at words and signs before it does. Left out is
what scalars have no use for, or what has no bound: fields of fields, indices,
maps, macros.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from enum import Enum
from typing import NamedTuple

LONGEST = 300
"""Characters of an expression."""
DEEPEST = 16
"""Brackets within each other, and choices (`a ? b : c`) in an expression."""

_TOKEN = re.compile(
    r"""(?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.]))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>&&|\|\||[=!<>]=|[-+*%<>!?:,.()\[\]]|/(?!/))
    """,
    re.VERBOSE,
)
_BLANK = re.compile(r"[ \t\r\n]+")
_WORDS = frozenset({"true", "false", "null", "in"})

_OF_OTHERS = re.compile(r"<>|=[<>]|===|=(?!=)|&(?!&)|\|(?!\|)")
_MEANT = {
    "=": "==",
    "===": "==",
    "<>": "!=",
    "=<": "<=",
    "=>": ">=",
    "&": "&&",
    "and": "&&",
    "|": "||",
    "or": "||",
}
"""What CEL has for the signs and words of other languages."""


class Token(NamedTuple):
    """A word or a sign, and where it stands."""

    kind: str
    """text, number, name or sign; "" before the first and behind the last."""
    text: str
    start: int
    end: int


_NOTHING = Token("", "", -1, -1)


class Role(Enum):
    """What a part of an expression must be able to give."""

    TRUTH = "true or false"
    SCALAR = "a text, a number, true, false or null"
    ANY = "anything"


class Part(NamedTuple):
    """A part without `&&`, `||` or choice around it that could make its result unneeded."""

    text: str
    role: Role


def read(text: str, functions: Collection[str]) -> list[Token]:
    """Return the words and signs of an expression.

    Raises:
        ValueError: It is too long or too deep, calls what is not among
            `functions`, or holds what may not be written.

    """
    if len(text) > LONGEST:
        raise ValueError(f"{len(text)} characters; an expression has at most {LONGEST}")
    found = list(_tokens(text))
    depth = choices = 0
    for before, token, after in _neighbours(found):
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        choices += token.text == "?"
        if depth > DEEPEST or choices > DEEPEST:
            raise ValueError(f"more than {DEEPEST} brackets within each other, or choices")
        if (words := _misplaced(before, token, after)) is not None:
            raise ValueError(f"{_at(token.start)}: {words}")
        if after.text == "(" and _names_something(token) and token.text not in functions:
            known = ", ".join(sorted(functions))
            raise ValueError(f"no function {token.text!r}; functions are {known}")
        if before.text == "." and after.text != "(":
            raise ValueError(
                f"{_at(before.start)}: a field has no fields; write a field's name alone"
            )
        if token.text == "[" and _is_operand(before):
            raise ValueError(f"{_at(token.start)}: a field has no parts to choose with [ ]")
    return found


def fields(found: Sequence[Token]) -> tuple[str, ...]:
    """Return the names of the fields that are read, each once."""
    names = (
        token.text
        for _, token, after in _neighbours(found)
        if _names_something(token) and after.text != "("
    )
    return tuple(dict.fromkeys(names))


def calls(found: Sequence[Token]) -> frozenset[str]:
    """Return the names of the functions that are called."""
    return frozenset(
        token.text
        for _, token, after in _neighbours(found)
        if _names_something(token) and after.text == "("
    )


def parts(text: str, found: Sequence[Token], role: Role) -> Iterator[Part]:
    """Yield what `&&`, `||` and choices are made of, down into all brackets.

    Where one of these decides without it, CEL does not say that a part is wrong.
    The expression must be one that the library has parsed.
    """
    if (question := _position(found, "?")) is not None:
        colon = question + (_position(found[question:], ":") or 0)
        yield from parts(text, found[:question], Role.TRUTH)
        yield from parts(text, found[question + 1 : colon], role)
        yield from parts(text, found[colon + 1 :], role)
        return
    operands = list(_split(found, ("&&", "||")))
    if len(operands) > 1:
        for operand in operands:
            yield from parts(text, operand, Role.TRUTH)
        return
    groups = list(_groups(found))
    if found[0].text == "(" and len(groups[0]) == len(found) - 2:
        yield from parts(text, groups[0], role)
        return
    yield Part(text[found[0].start : found[-1].end], role)
    for group in groups:
        for element in _split(group, (",",)):
            yield from parts(text, element, Role.ANY)


def _tokens(text: str) -> Iterator[Token]:
    position, last = 0, _NOTHING
    while position < len(text):
        if blank := _BLANK.match(text, position):
            position = blank.end()
            continue
        if wrong := _OF_OTHERS.match(text, position):
            raise ValueError(f"{_at(position)}: write {_MEANT[wrong[0]]} for {wrong[0]!r}")
        match = _TOKEN.match(text, position)
        # To CEL, r"\" is another text than it looks, and so is what begins with three quotes.
        is_prefix = last.end == position and last.kind in ("name", "text")
        if match is None or (is_prefix and match.lastgroup == "text"):
            raise ValueError(f"{_at(position)}: {text[position]!r} cannot stand there")
        last = Token(str(match.lastgroup), match[0], position, match.end())
        yield last
        position = last.end


def _neighbours(found: Sequence[Token]) -> Iterator[tuple[Token, Token, Token]]:
    """Yield each token between the one before and the one behind it."""
    return zip([_NOTHING, *found], found, [*found[1:], _NOTHING], strict=False)


def _names_something(token: Token) -> bool:
    return token.kind == "name" and token.text not in _WORDS


def _is_operand(token: Token) -> bool:
    is_value = token.kind in ("text", "number", "name") and token.text != "in"
    return is_value or token.text in (")", "]")


def _misplaced(before: Token, token: Token, after: Token) -> str | None:
    """Return what CEL has for a word that stands where it has a sign; None for a field's name."""
    word = token.text.lower()
    if word in ("and", "or") and _is_operand(before):
        return f"write {_MEANT[word]} for {token.text!r}"
    if word == "not" and _is_operand(before) and after.text == "in":
        return f"write !(… in …) for '{token.text} in'"
    if word == "not" and (
        after.text == "(" or (_is_operand(after) and after.text not in (")", "]"))
    ):
        return f"write ! for {token.text!r}"
    return None


def _position(found: Sequence[Token], sign: str) -> int | None:
    """Return where the sign stands first outside of all brackets."""
    depth = 0
    for position, token in enumerate(found):
        if token.text == sign and depth == 0:
            return position
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
    return None


def _split(found: Sequence[Token], signs: Collection[str]) -> Iterator[Sequence[Token]]:
    """Yield what stands between the signs that are outside of all brackets; nothing of nothing."""
    depth = start = 0
    for position, token in enumerate(found):
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if depth == 0 and token.text in signs:
            yield found[start:position]
            start = position + 1
    if found[start:]:
        yield found[start:]


def _groups(found: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Yield what stands in each of the outermost brackets."""
    depth = start = 0
    for position, token in enumerate(found):
        if token.text in ("(", "["):
            depth += 1
            start = position + 1 if depth == 1 else start
        elif token.text in (")", "]"):
            depth -= 1
            if depth == 0:
                yield found[start:position]


def _at(position: int) -> str:
    return f"character {position + 1}"
