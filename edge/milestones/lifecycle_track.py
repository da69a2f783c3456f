"""What a lifecycle knows of one key."""

from typing import Any, NamedTuple, Self

from edge.milestones.keeping import from_json, to_json
from edge.milestones.model import Milestone, Value
from edge.milestones.step import State


class Refused(NamedTuple):
    """What cannot be, as another milestone says the same."""

    milestone: Milestone
    there: str | None
    """The id of the other; None if this one has been retracted."""


class Known(NamedTuple):
    """A track's state."""

    accepted: dict[str, tuple[str, int]]
    """By milestone name: its id, and when it occurred."""
    held: list[Milestone]
    """Waiting for an earlier stage, in the order of the stages."""
    refused: list[Refused]
    """What was illegal: no destination has seen it."""
    carried: dict[str, Value]
    """What accepted stages told of the fields to carry."""
    last_at: int
    """When the latest of all of them occurred."""
    unknown: Milestone | None = None
    """What was told because the first stage had not come."""

    @classmethod
    def of(cls, state: State) -> Self:
        """Return what a track keeps."""
        return cls(
            accepted={name: (id_, at) for name, (id_, at) in state["accepted"].items()},
            held=[from_json(each) for each in state["held"]],
            refused=[Refused(from_json(told), there) for told, there in state.get("illegal", ())],
            carried=state["carried"],
            last_at=state["last_at"],
            unknown=state.get("unknown") and from_json(state["unknown"]),
        )

    def state(self) -> dict[str, Any]:
        """Return it as a track keeps it."""
        return {
            "accepted": {name: list(entry) for name, entry in self.accepted.items()},
            "held": [to_json(each) for each in self.held],
            "illegal": [[to_json(each.milestone), each.there] for each in self.refused],
            "carried": self.carried,
            "last_at": self.last_at,
            "unknown": self.unknown and to_json(self.unknown),
        }


NOTHING_KNOWN = Known({}, [], [], {}, 0)
