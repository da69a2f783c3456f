"""What can be set for every destination, whatever its driver."""

from typing import Annotated, Literal

from pydantic import Field

from drivers.contract import Settings
from edge.milestones.model import Name


class DestinationSettings(Settings):
    """A system that milestones go to. Its driver adds settings of its own."""

    driver: str
    """The protocol: name of a driver."""
    milestones: tuple[Name, ...] = tuple(Name)
    """Which milestones it is owed; all, unless told."""
    max_in_flight: Annotated[int, Field(ge=1, le=64)] = 8
    """How many keys are served at once; within a key, one entry at a time."""
    retry_initial_seconds: Annotated[float, Field(gt=0)] = 0.5
    """The wait after a first failure is random, up to this."""
    retry_ceiling_seconds: Annotated[float, Field(gt=0)] = 30.0
    """The wait doubles with each failure, up to this."""
    after_rejection: Literal["hold", "continue"] = "hold"
    """Whether a dead letter holds back what follows of its key until an operator decides."""
