"""What can be set for every destination, whatever its driver."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from buffer.lane import Lane
from drivers.contract import Settings
from edge.milestones.model import Name


class DestinationSettings(Settings):
    """A system that milestones go to. Its driver adds settings of its own."""

    driver: str
    """The protocol: name of a driver."""
    milestones: tuple[Name, ...] = tuple(name for name in Name if name is not Name.MEASURED)
    """Which milestones it is owed; unless told, all but `measured`, which few need."""
    critical: tuple[Name, ...] = (
        Name.DEPARTED,
        Name.SHORT,
        Name.LOST,
        Name.JAMMED,
        Name.MISROUTED,
    )
    """Which of them go first, whatever else waits: what others must act on at once.

    A milestone's severity has no say in it: a dirty lens makes thousands of warnings.
    """
    bulk: tuple[Name, ...] = ()
    """Which of them give way to the others."""
    max_in_flight: Annotated[int, Field(ge=1, le=64)] = 8
    """How many requests may be under way at once; fewer where the destination answers slower then.

    Within a key it is one entry at a time.
    """
    max_requests_per_second: Annotated[float, Field(gt=0)] | None = None
    """No more requests than that, look-ups among them."""
    max_milestones_per_second: Annotated[float, Field(gt=0)] | None = None
    """No more milestones than that, however few requests they need."""
    retry_initial_seconds: Annotated[float, Field(gt=0)] = 0.5
    """The wait after a first failure is random, up to this."""
    retry_ceiling_seconds: Annotated[float, Field(gt=0)] = 30.0
    """The wait doubles with each failure, up to this."""
    after_rejection: Literal["hold", "continue"] = "hold"
    """Whether a dead letter holds back what follows of its key until an operator decides."""

    shadow_of: str | None = None
    """The destination that this one is tried beside: it is sent the same, but its dead letters
    hold nothing back, and its outages do not count; `milepost outbox compare` tells what differs.
    """

    @property
    def holds_after_rejection(self) -> bool:
        """Whether a dead letter holds back its key."""
        return self.after_rejection == "hold" and self.shadow_of is None

    @model_validator(mode="after")
    def _one_lane_each(self) -> Self:
        both = set(self.critical) & set(self.bulk)
        if both:
            raise ValueError(f"in critical and in bulk: {', '.join(sorted(both))}")
        return self

    def lanes(self) -> Mapping[Name, Lane]:
        """Return the lane of each milestone that is owed."""
        return {
            name: Lane.CRITICAL
            if name in self.critical
            else Lane.BULK
            if name in self.bulk
            else Lane.NORMAL
            for name in self.milestones
        }
