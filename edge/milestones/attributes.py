"""The attributes of a milestone, read for an event."""

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from edge.milestones.fields import text
from edge.milestones.measurements import is_unit
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
        return urn(self._milestone.retracts or self._milestone.id)

    def time(self) -> str:
        """Return when it happened, in UTC with milliseconds."""
        return _date_and_time(self._milestone.occurred_at)

    def moment(self, name: str) -> str | None:
        """Return a time in milliseconds since the Unix epoch, as `time` does."""
        value = self._left.pop(name, None)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise Unencodable(f"{name} is {value!r}; expected milliseconds")
        return _date_and_time(value)

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
        found = _number(name, value)
        if not math.isfinite(found) or found < 0:
            raise Unencodable(f"{name} is {value!r}; expected 0 or more")
        return found

    def unit_of_measure(self) -> str | None:
        """Return the code of `uom`."""
        code = self.text("uom")
        if code is not None and not is_unit(code):
            raise Unencodable(f"uom is {code!r}; expected a code like 'KGM'")
        return code

    def reading(self, name: str) -> int | float | None:
        """Return what was measured, below zero, too."""
        value = self._left.pop(name, None)
        return None if value is None else _finite(name, value)

    def seconds(self, name: str) -> list[tuple[str, int | float]]:
        """Return how long each of some states lasted, by their names in order."""
        lasted = self._left.pop(name, {})
        if not isinstance(lasted, dict):
            raise Unencodable(f"{name} is {lasted!r}; expected seconds by state")
        return [
            (self._as_text(name, state), _finite(name, lasted[state]))
            for state in sorted(lasted, key=str)
        ]

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


def urn(milestone: str) -> str:
    """Return a milestone's id as its event has it."""
    return UUID(hex=milestone).urn


def _date_and_time(milliseconds: int) -> str:
    try:
        moment = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise Unencodable(f"{milliseconds} ms is no date") from None
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _number(name: str, value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unencodable(f"{name} is {value!r}; expected a number")
    return value


def _finite(name: str, value: object) -> int | float:
    found = _number(name, value)
    if not math.isfinite(found):
        raise Unencodable(f"{name} is {value!r}; expected a finite number")
    return found
