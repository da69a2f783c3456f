"""What a destination answered, and what it says in its own words."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

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
    headers: Mapping[str, str]
    """By name in lower case."""
    body: bytes
    """Its beginning, at least."""

    def told(self) -> str:
        """Return the status and the destination's own words, short, on one line."""
        words = ": ".join(self.members("title", "detail")) or self.text()
        return f"{self.status} {clean(words or self.headers.get('location', ''))}".rstrip()

    def is_problem(self) -> bool:
        """Tell whether the body is a problem as RFC 9457 describes it."""
        kind = self.headers.get("content-type", "")
        return kind.lower().startswith("application/problem+json")

    def members(self, *names: str) -> list[str]:
        """Return those of the named members that the body, a JSON object, has as text."""
        try:
            body: Any = json.loads(self.body)
        except (ValueError, RecursionError):
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
    printable = "".join(char if char.isprintable() else " " for char in text)
    words = " ".join(printable.split())
    return words if len(words) <= LONGEST_WORDS else words[: LONGEST_WORDS - 1] + "…"
