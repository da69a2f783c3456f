"""How the ERP is told to misbehave, and the dice that decide when it does."""

import random
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, model_validator

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

    Rates are fractions of all postings; one posting meets at most one of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    down: bool = False
    """Connections are refused, and those that stood are dropped."""
    delay_seconds: NonNegativeFloat = 0.0
    """A pause before each posting is looked at. It is booked even if the client has gone."""
    error_rate: Rate = 0.0
    """Answered 500, not booked."""
    error_after_booking_rate: Rate = 0.0
    """Booked, then answered 500."""
    swallow_rate: Rate = 0.0
    """Booked, then never answered: the connection stands until the client gives up."""
    cut_rate: Rate = 0.0
    """Booked, then the connection is dropped in place of an answer."""
    reject_keys: frozenset[str] = frozenset()
    """Idempotency keys that are answered 422."""
    reject_subjects: frozenset[str] = frozenset()
    """CloudEvent subjects that are answered 422."""

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
