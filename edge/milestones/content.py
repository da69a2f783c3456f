"""Which unit was in which, and when: what the tracks of units say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from edge.milestones.keeping import from_json, to_json
from edge.milestones.model import Milestone, TrackId
from edge.milestones.step import Step

MOST_CHILDREN = 10_000
"""Units of which one parent's content can consist; what comes beyond is refused."""
DEEPEST = 10
"""Levels through which what is said of a unit is told of its content."""
# A label that every unreadable barcode shares must not make a track grow for ever.
_MOVES, _EMPTIED, _FACTS = 64, 64, 256

CONTENT = "nesting:content"
"""Owner of the tracks of parents. No rule has such a name: labels have no colon."""
PLACE = "nesting:place"
"""Owner of the tracks of children."""


class Move(NamedTuple):
    """A child was put into a parent, or taken out of it; kept in its track as a list.

    At the same moment a unit is taken out before it is put in.
    """

    at: int
    into: str
    """The parent's key; "" if it was taken out."""
    out_of: str
    """The parent's key; "" if it was put in."""
    signal: int


class Place(NamedTuple):
    """Where a child is at some time."""

    parent: str
    since: int
    """When it was put there last."""
    signal: int


@dataclass(slots=True)
class Content:
    """What is known of a parent; its track's state."""

    children: dict[str, int] = field(default_factory=dict)
    """Whatever was ever put into it, by key, and when last."""
    emptied: list[int] = field(default_factory=list)
    """When all that was in it was taken out."""
    facts: list[Milestone] = field(default_factory=list)
    """What is told of its content, in the order in which it happened."""


class Units:
    """Parents and children in one step: read once, and written at its end."""

    def __init__(self, step: Step, remember: int) -> None:
        """`remember`: how long a packing counts, and a fact is told of what was packed (ms)."""
        self._step = step
        self._remember = remember
        self._contents: dict[str, Content] = {}
        self._moves: dict[str, list[Move]] = {}
        self._changed: set[TrackId] = set()

    def content(self, parent: str) -> Content:
        """Return what is known of a parent."""
        if parent not in self._contents:
            state = self._step.recall(TrackId(CONTENT, parent), "content")
            self._contents[parent] = (
                Content()
                if state is None
                else Content(
                    dict(state["children"]),
                    list(state["emptied"]),
                    [from_json(each) for each in state["facts"]],
                )
            )
        return self._contents[parent]

    def moves(self, child: str) -> list[Move]:
        """Return where a child was put, in the order in which it happened."""
        if child not in self._moves:
            state = self._step.recall(TrackId(PLACE, child), "place")
            rows = [] if state is None else state["moves"]
            self._moves[child] = [Move(*row) for row in rows]
        return self._moves[child]

    def place(self, child: str, at: int) -> Place | None:
        """Return in which parent a child was at a time, or None.

        It is where it was put last, unless it has been taken out of there. So
        a word that comes late can only move it on, or out: no place that was
        found wrong is ever found right again, nor is what was told of it.
        """
        moves = [move for move in self.moves(child) if move.at <= at]
        last = next((move for move in reversed(moves) if move.into), None)
        if last is None or at - last.at > self._remember:
            return None
        taken_out = [move.at for move in moves if move.out_of == last.into]
        if any(last.at < out <= at for out in [*taken_out, *self.content(last.into).emptied]):
            return None
        return Place(last.into, last.at, last.signal)

    def above(self, child: str, at: int) -> list[tuple[str, Place]]:
        """Return a child and all that it was in at a time, each with its place, from below."""
        found: list[tuple[str, Place]] = []
        while len(found) < DEEPEST and (place := self.place(child, at)) is not None:
            found.append((child, place))
            child = place.parent
        return found

    def inside(self, parent: str, at: int) -> Iterator[tuple[str, Place]]:
        """Yield what was in a parent at a time, not what was in that, with its place."""
        for child in sorted(self.content(parent).children):
            place = self.place(child, at)
            if place is not None and place.parent == parent:
                yield child, place

    def leads_to(self, parent: str, child: str, since: int) -> bool:
        """Tell whether a parent is, or will be as far as is known, in the child or is the child."""
        seen: set[str] = set()
        left = [parent]
        while left:
            unit = left.pop()
            if unit == child:
                return True
            if unit not in seen:
                seen.add(unit)
                place = self.place(unit, since)
                left += [place.parent] if place is not None else []
                left += [move.into for move in self.moves(unit) if move.at > since and move.into]
        return False

    def ever_above(self, child: str) -> Sequence[str]:
        """Return all units that a child was ever in, itself or by way of others."""
        seen: dict[str, None] = {}
        left = [child]
        while left:
            for move in self.moves(left.pop()):
                if move.into and move.into not in seen:
                    seen[move.into] = None
                    left.append(move.into)
        return list(seen)

    def move(self, child: str, move: Move) -> None:
        """Note that a child was put somewhere, or taken out."""
        moves = sorted([*self.moves(child), move])
        self._moves[child] = [each for each in moves if each.at >= moves[-1].at - self._remember][
            -_MOVES:
        ]
        self._changed.add(TrackId(PLACE, child))
        if move.into:
            children = self.content(move.into).children
            children[child] = max(move.at, children.get(child, move.at))
            self._changed.add(TrackId(CONTENT, move.into))

    def empty(self, parent: str, at: int) -> None:
        """Note that all that was in a parent was taken out."""
        content = self.content(parent)
        content.emptied = sorted({*content.emptied, at})[-_EMPTIED:]
        self._changed.add(TrackId(CONTENT, parent))

    def tell(self, fact: Milestone) -> None:
        """Note a fact about a parent that is told of its content."""
        content = self.content(fact.key)
        facts = sorted([*content.facts, fact], key=lambda each: (each.occurred_at, each.id))
        content.facts = facts[-_FACTS:]
        self._changed.add(TrackId(CONTENT, fact.key))

    def withdraw(self, parent: str, identity: str) -> Milestone | None:
        """Forget a fact about a parent, and return it; None if it is not known."""
        content = self.content(parent)
        found = next((each for each in content.facts if each.id == identity), None)
        if found is not None:
            content.facts = [each for each in content.facts if each is not found]
            self._changed.add(TrackId(CONTENT, parent))
        return found

    def keep(self) -> None:
        """Write what has changed."""
        for track in sorted(self._changed):
            state, latest = (
                self._place_state(track.key)
                if track.owner == PLACE
                else self._content_state(track.key)
            )
            shape = "place" if track.owner == PLACE else "content"
            self._step.keep(track, shape, state, latest + self._remember)

    def _place_state(self, child: str) -> tuple[dict[str, Any], int]:
        moves = self._moves[child]
        return {"moves": [list(each) for each in moves]}, moves[-1].at

    def _content_state(self, parent: str) -> tuple[dict[str, Any], int]:
        content = self._contents[parent]
        times = [*content.children.values(), *content.emptied]
        latest = max([*times, *(each.occurred_at for each in content.facts)], default=0)
        oldest = latest - self._remember
        state = {
            "children": {key: at for key, at in content.children.items() if at >= oldest},
            # To the oldest fact that is kept, packings count that are as much older.
            "emptied": [at for at in content.emptied if at >= oldest - self._remember],
            "facts": [to_json(each) for each in content.facts if each.occurred_at >= oldest],
        }
        return state, latest
