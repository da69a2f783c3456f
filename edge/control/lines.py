"""Entries as lines of JSON: out of one gateway's store, into another's."""

from typing import Annotated, Self

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from buffer.outbox import MilestoneRow, State
from edge.milestones.model import Mark, Name

_TIME_DIGITS = 12
"""An id begins with occurred_at (see `edge.milestones.identity`)."""

_Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
_Time = Annotated[int, Field(ge=0, lt=1 << 48)]


def _event(text: str) -> str:
    try:
        is_object = isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"is not JSON ({error})") from None
    if not is_object:
        raise ValueError("is not a JSON object")
    return text


class MilestoneLine(BaseModel):
    """A milestone as every destination gets it: same id, same bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    id: _Id
    name: Annotated[Name, Field(strict=False)]
    rule: str
    key: str
    keys: tuple[str, ...]
    """What it tells of: orders, units, trailers; `trace` finds it by them."""
    occurred_at: _Time
    recorded_at: _Time
    mark: Annotated[Mark, Field(strict=False)]
    retracts: _Id | None
    body: Annotated[str, AfterValidator(_event)]
    """The event, byte for byte."""

    @model_validator(mode="after")
    def _id_begins_with_its_time(self) -> Self:
        if int(self.id[:_TIME_DIGITS], 16) != self.occurred_at:
            raise ValueError("id does not begin with occurred_at; one of them was changed")
        return self

    def row(self) -> MilestoneRow:
        """Return the milestone as the store has it."""
        return MilestoneRow(
            id=bytes.fromhex(self.id),
            name=self.name,
            rule=self.rule,
            key=self.key,
            occurred_at=self.occurred_at,
            recorded_at=self.recorded_at,
            mark=self.mark,
            retracts=bytes.fromhex(self.retracts) if self.retracts else None,
            body=self.body.encode(),
        )


class Line(BaseModel):
    """One entry: a milestone owed to a destination. The signals behind it are not part of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    entry: int
    """Its number in the store that it comes from."""
    destination: str
    state: State
    attempts: int
    outcome: str | None
    milestone: MilestoneLine
