"""Files that may be replaced while we run: secrets, and the certificates of a connection."""

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from html.entities import html5
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import quote

from drivers.contract import read_secret

Made = TypeVar("Made")
HIDDEN = "[secret]"

_NAMES: dict[str, list[str]] = {}
"""Characters, and what HTML calls them, with the semicolon."""
for _name, _character in html5.items():
    if _name.endswith(";"):
        _NAMES.setdefault(_character, []).append(_name)


class NoCredentials(Exception):
    """We have nothing to show to the destination; the message says why and what to do.

    Raised before anything is sent to it.
    """

    def __init__(self, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.after = after
        """Seconds that whoever should have given them asked to wait."""


class FromFiles(Generic[Made]):
    """What is made of the content of some files, made again when one of them has changed."""

    def __init__(self, make: Callable[[], Made], *paths: Path) -> None:
        self._make = make
        self._paths = paths
        self._version: tuple[tuple[int, int, int], ...] | None = None
        self._made: Made | None = None

    def __call__(self) -> Made:
        """Return it as the files are now.

        Raises:
            OSError: A file cannot be read.

        """
        found = [path.stat() for path in self._paths]
        version = tuple((each.st_mtime_ns, each.st_size, each.st_ino) for each in found)
        if self._made is None or version != self._version:
            self._made, self._version = self._make(), version
        return self._made


class Secret:
    """A secret in a file, read again when the file changes, so that it can be rotated."""

    def __init__(self, path: Path, setting: str) -> None:
        self._path = path
        self._setting = setting
        self._read = FromFiles(lambda: read_secret(path), path)

    def __call__(self) -> str:
        """Return the secret as it is in the file now.

        Raises:
            NoCredentials: The file cannot be read, or holds no text.

        """
        try:
            secret = self._read()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not text"
            raise NoCredentials(
                f"cannot read {self._path} ({why}); mend {self._setting}, or who may read it"
            ) from error
        if not secret:
            raise self.unusable("nothing")
        return secret

    def unusable(self, what: str) -> NoCredentials:
        """Return the error that says that the file holds `what` in place of a secret."""
        return NoCredentials(f"{self._path} holds {what}; mend the file, or {self._setting}")


def hide(secrets: Sequence[str], text: str) -> str:
    """Blacken secrets that a destination, or an error's words, repeat to us.

    Servers in their debugging mode answer with the request that they got, some
    with its characters written in the ways of JSON, HTML and URLs.
    """
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
        if any(sign in text for sign in "\\&%"):
            text = _however_written(secret).sub(HIDDEN, text)
    return text


@lru_cache(maxsize=64)
def _however_written(secret: str) -> re.Pattern[str]:
    return re.compile("".join(f"(?:{_written(character)})" for character in secret))


def _written(character: str) -> str:
    """Return a pattern for the ways in which a character may be written."""
    plain, code = re.escape(character), ord(character)
    ways = [
        rf"\\?{plain}",
        re.escape(json.dumps(character)[1:-1]),
        rf"(?i:\\u{code:04x})",
        f"(?i:{quote(character, safe='')})",
        f"&#0*{code};",
        f"(?i:&#x0*{code:x};)",
        *(f"&{name}" for name in _NAMES.get(character, ())),
    ]
    if character == " ":
        ways.append(r"\+")
    return "|".join(ways)
