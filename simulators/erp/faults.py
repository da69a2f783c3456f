"""How the ERP is told to misbehave, and the dice that decide when it does."""

import random
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

Rate = Annotated[float, Field(ge=0, le=1)]


class Fate(StrEnum):
    """What happens to a posting that nothing is wrong with."""

    ANSWERED = "answered"
    ERROR = "error"
    ERROR_AFTER_BOOKING = "error_after_booking"
    SWALLOWED = "swallowed"
    CUT = "cut"


class Faults(BaseModel):
    """What is wrong with the ERP at present. At first, nothing.

    A posting is a request, with one event or with many. Rates are fractions of all
    postings; one posting meets at most one of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    down: bool = False
    """Connections are refused, and those that stood are dropped."""
    delay_seconds: NonNegativeFloat = 0.0
    """A pause before each posting is looked at. It is booked even if the client has gone."""
    crowd_delay_seconds: NonNegativeFloat = 0.0
    """A further pause, as many times as other requests are under way."""
    requests_per_second: PositiveFloat | None = None
    """Requests beyond that are answered 429 with Retry-After, and not booked."""
    max_bytes: PositiveInt | None = None
    """Requests larger than that are answered 413, and not booked."""
    all_or_nothing: bool = False
    """A batch with an event that is refused is refused whole, without telling which it was."""
    error_rate: Rate = 0.0
    """Answered 500, not booked."""
    error_after_booking_rate: Rate = 0.0
    """Booked, then answered 500."""
    swallow_rate: Rate = 0.0
    """Booked, then never answered: the connection stands until the client gives up."""
    cut_rate: Rate = 0.0
    """Booked, then the connection is dropped in place of an answer."""
    reject_keys: frozenset[str] = frozenset()
    """Idempotency keys whose events are answered 422."""
    reject_subjects: frozenset[str] = frozenset()
    """CloudEvent subjects whose events are answered 422."""

    @model_validator(mode="after")
    def _rates_leave_room(self) -> Self:
        if sum(rate for _, rate in self.rates()) > 1:
            raise ValueError("the rates add up to more than 1")
        return self

    def rates(self) -> tuple[tuple[Fate, float], ...]:
        """Return how likely each misfortune is."""
        return (
            (Fate.ERROR, self.error_rate),
            (Fate.ERROR_AFTER_BOOKING, self.error_after_booking_rate),
            (Fate.SWALLOWED, self.swallow_rate),
            (Fate.CUT, self.cut_rate),
        )

    def changed(self, changes: dict[str, Any]) -> "Faults":
        """Return these faults with some replaced; what `changes` does not name stays.

        Raises:
            pydantic.ValidationError: A name or a value is not one of ours.

        """
        return Faults.model_validate({**self.model_dump(), **changes})


class Dice:
    """Decide fates; the same seed decides the same for the same sequence of postings."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def throw(self, faults: Faults) -> Fate:
        """Return the fate of the next posting."""
        drawn = self._random.random()
        for fate, rate in faults.rates():
            if drawn < rate:
                return fate
            drawn -= rate
        return Fate.ANSWERED


class Pace:
    """How many requests are taken at the rate in force: a second's worth at once, at most."""

    def __init__(self) -> None:
        self._room = 1.0
        self._seen = 0.0

    def seconds_over(self, rate: float | None, now: float) -> float:
        """Take a request; return 0, or how long to wait before it would be taken."""
        if rate is None:
            return 0.0
        self._room = min(max(rate, 1.0), self._room + (now - self._seen) * rate)
        self._seen = now
        if self._room < 1:
            return (1 - self._room) / rate
        self._room -= 1
        return 0.0
