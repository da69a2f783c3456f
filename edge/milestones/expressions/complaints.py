"""What the library complains of, in an operator's words.

Its messages are part of what is relied on: a new version is taken on purpose.
"""

import re

_NOT_PARSED = re.compile(r"<input>:\d+:(\d+): (?:Syntax error: )?(.*)")
_NO_OPERATOR = re.compile(r"Unsupported operation: (\S+ \S+ \S+?)\.")
_UNDEFINED = re.compile(r"Undefined variable or function: '(\w+)'")
_IN_FUNCTION = re.compile(
    r"Function '(?P<name>\w+)' error: "
    r"(?:Python function call failed: (?P<kind>\w+): )?(?P<words>.*)\. Check "
)


def not_parsed(message: str) -> str:
    """Return what is wrong first in a text that is no expression, and at which character."""
    found = _NOT_PARSED.search(message)
    if found is None:
        return "it is no expression"
    words = found[2].partition(" expecting ")[0].replace("'<EOF>'", "the end")
    return f"character {found[1]}: {words}"


def no_result(error: Exception) -> tuple[str, bool]:
    """Return why an expression has no result, and whether that follows from the types alone."""
    message = str(error)
    if isinstance(error, ZeroDivisionError):
        return "division by zero", False
    if isinstance(error, (OverflowError, LookupError)):
        return message.partition(". ")[0].rstrip("."), False
    if found := _IN_FUNCTION.match(message):
        return _in_function(found["name"], found["kind"] == "TypeError", found["words"])
    if found := _NO_OPERATOR.match(message):
        return _no_operator(found[1]), True
    if found := _UNDEFINED.match(message):
        return f"{found[1]} does not take these", True
    return "an operator does not take values of these types", True


def _in_function(name: str, is_type_error: bool, words: str) -> tuple[str, bool]:  # noqa: FBT001
    if "positional argument" in words:
        return f"{name} takes another number of arguments", True
    return words, is_type_error


def _no_operator(operation: str) -> str:
    words = f"there is no {operation.replace('float', 'double')}"
    if "int" in operation and "float" in operation:
        return f"{words}; write 2.0 for 2, and double(…) around what is an int"
    return words
