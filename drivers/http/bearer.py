"""The bearer token, read again when its file changes, so that it can be rotated while we run."""

import re
from pathlib import Path

from drivers.contract import read_secret

B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What a bearer token looks like (RFC 6750, section 2.1)."""


class TokenUnreadable(Exception):
    """There is no usable token in the file; the message says why and what to do."""


class BearerToken:
    """A token in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: tuple[int, int, int] | None = None
        self._token = ""

    def __call__(self) -> str:
        """Return the token as it is in the file now.

        Raises:
            TokenUnreadable: The file cannot be read, or holds something else.

        """
        try:
            found = self._path.stat()
            version = (found.st_mtime_ns, found.st_size, found.st_ino)
            if version != self._read:
                self._token, self._read = read_secret(self._path), version
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "not text"
            raise TokenUnreadable(
                f"cannot read the token in {self._path} ({why}); "
                "mend bearer_token_file, or who may read it"
            ) from error
        if not B64TOKEN.fullmatch(self._token):
            raise TokenUnreadable(f"{self._path} holds no bearer token; it must be its only line")
        return self._token
