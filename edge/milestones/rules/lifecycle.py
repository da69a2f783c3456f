"""Settings of lifecycles."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from drivers.contract import Settings
from edge.milestones.model import Name
from edge.milestones.rules.pattern import FieldName, Wait


def _exception(name: Name) -> Name:
    if name not in (Name.ILLEGAL, Name.UNKNOWN):
        raise ValueError(f"'{name}' is concluded by rules; a lifecycle tells illegal and unknown")
    return name


class Lifecycle(Settings):
    """The order in which the milestones of one key are legal."""

    stages: Annotated[tuple[Name, ...], Field(min_length=1)]
    ends: tuple[Name, ...] = ()
    """Milestones that may follow any stage, such as lost."""
    carry: tuple[FieldName, ...] = ()
    """Attributes learned at one stage that later milestones tell too, if they lack them."""
    wait_seconds: Wait = 5
    """How long a milestone is held back for the stage before it."""
    remember_days: Annotated[float, Field(gt=0, le=3660)] = 30
    """How long after its last milestone a key's stages are remembered."""

    exceptions: tuple[Annotated[Name, AfterValidator(_exception)], ...] = ()
    """What it tells by itself: `illegal`, instead of quarantine, and `unknown`.

    A key is unknown if a stage is told of it, and the first one was not within the wait.
    """

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        names = [*self.stages, *self.ends, *self.exceptions]
        if Name.MEASURED in names:
            raise ValueError("'measured' is no stage: it is told again and again")
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name.value!r} is named twice")
        return self
