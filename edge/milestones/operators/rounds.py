"""What is gathered of a key that comes back: members, and the closings that end its rounds."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

from edge.milestones.operators.counting import Closing, Seen, seen_of
from edge.milestones.step import State


class Round(NamedTuple):
    """The last round that was concluded."""

    since: int | None
    """When what was before it ended: was closed, or given up."""
    closing: Closing
    told: dict[str, str]
    """Its members, and whose milestone told of each."""


class Rounds(NamedTuple):
    """A track's state."""

    key: str
    by: list[str]
    members: Sequence[Seen]
    """Not yet told, each as often as it may be in a round."""
    closings: list[Closing]
    """Not yet concluded, earliest first."""
    last: Round | None
    given_up: int | None
    """The time up to which members have been given up."""

    @property
    def ended(self) -> int | None:
        """The time up to which everything is concluded or given up."""
        ends = [self.given_up, self.last and self.last.closing.at]
        return max((each for each in ends if each is not None), default=None)

    @classmethod
    def of(cls, state: State) -> Self:
        """Return what a track keeps."""
        last = state["last"]
        return cls(
            state["key"],
            state["by"],
            seen_of(state["members"]),
            [Closing(*row) for row in state["closings"]],
            last and Round(last[0], Closing(*last[1]), last[2]),
            state["given_up"],
        )

    def state(self) -> dict[str, Any]:
        """Return it as a track keeps it."""
        last = self.last
        return {
            "key": self.key,
            "by": self.by,
            "members": [each.row() for each in self.members],
            "closings": [list(each) for each in self.closings],
            "last": last and [last.since, list(last.closing), last.told],
            "given_up": self.given_up,
        }
