"""The attributes of a milestone, read for an event."""

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from edge.milestones.fields import text
from edge.milestones.model import Milestone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = re.compile("[a-z][a-z0-9_]*")


def camel_case(name: str) -> str:
    """Return the name of a field as events write it: "read_point" is "readPoint"."""
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


class Unencodable(ValueError):
    """A milestone that no event can say; the message is for the operator."""


class Attributes:
    """What a milestone tells. What nobody asks for by name is an extension.

    Missing, null and empty are the same. All methods raise Unencodable for a
    value that cannot be said.
    """

    def __init__(self, milestone: Milestone) -> None:
        self._milestone = milestone
        self._left = {
            name: value
            for name, value in milestone.attributes.items()
            if value is not None and value != ""
        }

    def event_id(self) -> str:
        """Return the URN of the event; a retraction has that of what it retracts."""
        return UUID(hex=self._milestone.retracts or self._milestone.id).urn

    def time(self) -> str:
        """Return when it happened, in UTC with milliseconds."""
        try:
            moment = _EPOCH + timedelta(milliseconds=self._milestone.occurred_at)
        except OverflowError:
            raise Unencodable(f"{self._milestone.occurred_at} ms is no date") from None
        return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"

    def subject(self) -> tuple[str, str]:
        """Return what it is about by its key: the field as events write it, and the value."""
        field, _, value = self._milestone.key.partition(":")
        return camel_case(field), self._as_text(field, value)

    def text(self, name: str) -> str | None:
        """Return a text, or a number as keys have it."""
        value = self._left.pop(name, None)
        return None if value is None else self._as_text(name, value)

    def texts(self, name: str) -> list[str]:
        """Return a list of texts, each once, in their order."""
        values = self._left.pop(name, [])
        if not isinstance(values, (list, tuple)):
            raise Unencodable(f"{name} is {values!r}; expected a list")
        return list(dict.fromkeys(self._as_text(name, value) for value in values))

    def number(self, name: str) -> int | float | None:
        """Return a quantity."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Unencodable(f"{name} is {value!r}; expected a number")
        if not math.isfinite(value) or value < 0:
            raise Unencodable(f"{name} is {value!r}; expected 0 or more")
        return value

    def extensions(self) -> Iterator[tuple[str, object]]:
        """Return what has not been asked for, under its name in the event."""
        for name in sorted(self._left):
            if not _NAME.fullmatch(name):
                raise Unencodable(f"{name!r} is no name; expected one like 'pick_station'")
            values = self._left[name]
            for value in values if isinstance(values, (list, tuple)) else [values]:
                if not isinstance(value, (str, int)) and not (
                    isinstance(value, float) and math.isfinite(value)
                ):
                    raise Unencodable(f"{name} is {value!r}; expected a text or a number")
            yield f"milepost:{camel_case(name)}", values

    def _as_text(self, name: str, value: object) -> str:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = text(value)
        if not isinstance(value, str) or not value:
            raise Unencodable(f"{name} is {value!r}; expected a text")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unencodable(f"{name} is {value!r}, which is not Unicode") from None
        return value
