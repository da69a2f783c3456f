"""What a destination answered, and what it says in its own words."""

import re
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from drivers.http.secret import hide

LONGEST_WAIT_SECONDS = 3600.0
"""What a destination asks for beyond that is cut: it may be back sooner than it thinks."""
LONGEST_WORDS = 200
"""Characters of the destination's own words that are kept."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, received whole or cut at a limit."""

    place: str
    """Where it came from, for messages."""
    received_at: int
    """Milliseconds since the Unix epoch."""
    status: int
    headers: Mapping[str, str] = field(repr=False)
    """By name in lower case."""
    body: bytes = field(repr=False)
    """Its beginning, at least."""
    is_whole: bool = True
    """False if the body was cut."""
    secrets: Sequence[str] = field(default=(), repr=False)
    """What must not be shown, although the destination may repeat it."""

    def told(self) -> str:
        """Return the status and the destination's own words, short, on one line."""
        # As RFC 9457, or as token endpoints say it (RFC 6749, section 5.2).
        said = self.members("title", "detail", "error", "error_description")
        words = ": ".join(said) or self.text()
        return f"{self.status} {clean(hide(self.secrets, words)) or self.location()}".rstrip()

    def location(self) -> str:
        """Return where else it says to look, fit to be shown; empty if nowhere."""
        return clean(hide(self.secrets, self.headers.get("location", "")))

    def is_problem(self) -> bool:
        """Tell whether the body is a problem as RFC 9457 describes it."""
        kind = self.headers.get("content-type", "")
        return kind.lower().startswith("application/problem+json")

    def parsed(self) -> Any:
        """Return the body as JSON.

        Raises:
            ValueError: It is none, or not all of it is there.

        """
        return orjson.loads(self.body.removeprefix(BOM_UTF8))

    def members(self, *names: str) -> list[str]:
        """Return those of the named members that the body, a JSON object, has as text."""
        try:
            body = self.parsed()
        except ValueError:
            return []
        if not isinstance(body, dict):
            return []
        return [body[name] for name in names if isinstance(body.get(name), str) and body[name]]

    def text(self) -> str:
        """Return the body as text, whatever it is."""
        return self.body.decode("utf-8", "replace")

    def retry_after(self) -> float | None:
        """Return the seconds that Retry-After asks for (RFC 9110, section 10.2.3).

        Seconds or a date; a value that is neither is as good as none.
        """
        value = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"[0-9]+", value):
            seconds = float(value)
        else:
            try:
                until = parsedate_to_datetime(value)
                # Without a zone it is GMT, like every HTTP-date, not this machine's time.
                until = until.replace(tzinfo=until.tzinfo or UTC)
                seconds = until.timestamp() - self.received_at / 1000
            except (ValueError, OverflowError):
                return None
        return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS)


def clean(text: str) -> str:
    """Make one short line of it, without anything that a terminal would obey."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_WORDS else words[: LONGEST_WORDS - 1] + "…"
